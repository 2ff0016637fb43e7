/* vzrestore: a container from an archive that vzdump of OpenVZ has written: its files, with etc/vzdump/vps.conf among them. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel/path_in_root.h"
#include "storage/storage.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Links in an archive of anybody's lead nowhere but into its own files. */
static int read_conf(struct vz *vz, const char *area, struct error *err)
{
	auto_free char *text = NULL, *inside = NULL;
	size_t length;
	auto_close int area_fd = open(area, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = area_fd < 0 ? -1 : path_open_in_root(area_fd, "/etc/vzdump/vps.conf", O_RDONLY | O_NONBLOCK, 0);
	struct stat info;
	if (fd < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
		(void)error_set(err, ENOENT, "the archive has no etc/vzdump/vps.conf");
		return error_hint(err, "take one that vzdump has written");
	}
	int r = file_read_fd(fd, 1 << 20, &text, &length);
	r = r ?: vz_conf_parse(&vz->ct.own, text);
	/* where it lay on the other host, and its ids there */
	static const char *const others[] = { "VE_ROOT", "VE_PRIVATE", "LOCAL_UID", "LOCAL_GID", "VE_LAYOUT", "NAME" };
	for (size_t i = 0; r == 0 && i < sizeof(others) / sizeof(*others); i++)
		r = vz_conf_set(&vz->ct.own, others[i], NULL);
	r = r ?: vz_choose_ids(&vz->ct);
	if (r < 0)
		return error_set(err, r, "read etc/vzdump/vps.conf");
	auto_close int etc_fd = path_open_in_root(area_fd, "/etc", O_PATH | O_DIRECTORY, 0);
	if (etc_fd >= 0 && text_format(&inside, "/proc/self/fd/%d/vzdump", etc_fd) == 0)
		(void)storage_remove_tree(inside, NULL, NULL); /* of no use any more */
	return 0;
}

static int restore(struct vz *vz, const char *archive)
{
	auto_free char *area = vz_ct_path(&vz->ct, "VE_PRIVATE");
	struct error err = { 0 };
	struct stat info;
	if (vz->ct.has_conf || !area || stat(area, &info) == 0)
		return vz_fail(vz, VZ_PRIVATE_EXISTS, "Container %s exists already", vz->ct.name);
	if (access(archive, R_OK) < 0)
		return vz_fail(vz, VZ_NO_TEMPLATE, "Unable to open %s: %s", archive, strerror(errno));
	vz_say(vz, "Restoring container %s from %s", vz->ct.name, archive);
	int status = vz_make_area(vz, archive, area, false);
	if (status != VZ_OK)
		return status;
	int r = read_conf(vz, area, &err);
	if (r == 0 && mkdir_parents(vz->ct.conf_dir, 0755) < 0)
		r = error_set(&err, EIO, "make %s", vz->ct.conf_dir);
	r = r ?: vz_conf_write(&vz->ct.own, vz->ct.conf_path, &err);
	if (r < 0) {
		(void)storage_remove_tree(area, NULL, NULL); /* its error is told below */
		return vz_fail_error(vz, VZ_BAD_CONFIG, &err);
	}
	vz_say(vz, "CT configuration saved to %s", vz->ct.conf_path);
	vz_say(vz, "Container %s was restored", vz->ct.name);
	return VZ_OK;
}

int vzrestore_main(int argc, char **argv)
{
	struct vz vz = { .command = "vzrestore", .lock_fd = -1 };
	struct error err = { 0 };
	uint32_t id = argc == 3 ? vz_parse_id(argv[2]) : 0;
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		puts("Usage: vzrestore ARCHIVE CTID\nMakes a container from an archive that vzdump of OpenVZ has written.");
		return 0;
	}
	if (id == 0) {
		fprintf(stderr, "Usage: vzrestore ARCHIVE CTID\n");
		return VZ_SYNTAX;
	}
	if (geteuid() != 0) {
		fprintf(stderr, "This program can only be run under root\n");
		return VZ_PERMISSION;
	}
	int status = vz_ct_open(&vz.ct, id, &err) < 0 ? vz_fail_error(&vz, VZ_BAD_CONFIG, &err) : vz_lock(&vz);
	status = status ?: restore(&vz, argv[1]);
	vz_unlock(&vz);
	vz_ct_clear(&vz.ct);
	return status;
}
