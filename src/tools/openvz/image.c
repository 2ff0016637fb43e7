/* convert, compact: containers in an image. */
#include "tools/openvz/ploop.h"
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "storage/limit.h"
#include "storage/storage.h"
#include "storage/store.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* The top of an image, which is mounted until the fd is closed. */
static int open_image(const char *image, struct error *err)
{
	auto_close int tree_fd = store_find("loop")->mount(image, NULL, err);
	if (tree_fd < 0)
		return tree_fd;
	int fd = openat(tree_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* the other one is only a place (O_PATH) */
	return fd < 0 ? error_set(err, errno, "open the top of %s", image) : fd;
}

/* The image's file system: where it is mounted, or mounted for this alone. */
static int open_files(const struct vz *vz, const char *image, struct error *err)
{
	auto_free char *root = vz_ct_path(&vz->ct, "VE_ROOT");
	if (!vz_is_mounted(vz))
		return open_image(image, err);
	int fd = root ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return fd < 0 ? error_set(err, errno, "open %s", root ?: "") : fd;
}

int vz_command_compact(struct vz *vz)
{
	auto_free char *image = NULL;
	struct error err = { 0 };
	struct fstrim_range range = { .len = UINT64_MAX };
	if (!vz_ct_is_ploop(&vz->ct, &image))
		return vz_fail(vz, VZ_COMPACT, "Compact is for ploop-based containers only");
	auto_close int fd = open_files(vz, image, &err);
	if (fd < 0)
		return vz_fail_error(vz, VZ_COMPACT, &err);
	if (ioctl(fd, FITRIM, &range) < 0)
		return vz_fail(vz, VZ_COMPACT, "Unable to give unused blocks of %s back: %s", image, strerror(errno));
	vz_say(vz, "%llu KB were trimmed", (unsigned long long)range.len / 1024);
	return VZ_OK;
}

static int copy_files(const char *area, const char *making, struct error *err)
{
	auto_free char *image = NULL;
	if (text_format(&image, "%s/root.hdd/root.hds", making) < 0)
		return error_set(err, ENOMEM, "copy %s", area);
	auto_close int from_fd = open(area, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int to_fd = open_image(image, err);
	if (from_fd < 0 || to_fd < 0)
		return to_fd < 0 ? to_fd : error_set(err, errno, "open %s", area);
	return storage_copy_into(from_fd, to_fd, area, image, err);
}

/* The old area goes once the new one stands in its place. */
static int replace_area(struct vz *vz, const char *area, const char *making, struct error *err)
{
	auto_free char *old = NULL;
	if (text_format(&old, "%s.destroyed", area) < 0)
		return error_set(err, ENOMEM, "replace %s", area);
	(void)storage_limit_clear("dir", area, NULL); /* there may be none */
	if (rename(area, old) < 0)
		return error_set(err, errno, "rename %s", area);
	if (rename(making, area) < 0) {
		int r = error_set(err, errno, "rename %s", making);
		(void)rename(old, area);
		return r;
	}
	int r = vz_conf_set(&vz->ct.own, "VE_LAYOUT", "ploop") < 0 ? error_set(err, ENOMEM, "save") :
								      vz_conf_write(&vz->ct.own, vz->ct.conf_path, err);
	return r ?: storage_remove_tree(old, NULL, err);
}

/* How many files DiskDescriptor.xml says that the image has; 0: it can not be read. */
static int count_deltas(const char *image)
{
	auto_free char *path = NULL, *text = NULL;
	size_t length;
	int count = 0;
	if (text_format(&path, "%.*s/DiskDescriptor.xml", (int)(strrchr(image, '/') - image), image) < 0 ||
		file_read(-1, path, 1 << 20, &text, &length) < 0)
		return 0;
	for (const char *at = text; (at = strstr(at, "<Image>")); at++)
		count++;
	return count;
}

/* An image in ploop's own format becomes one that the kernel can mount. Of more than one delta (snapshots) none is taken. */
static int expand(struct vz *vz, const char *image)
{
	auto_free char *new = NULL;
	struct error err = { 0 };
	if (vz_is_running(vz) || vz_is_mounted(vz))
		return vz_fail(vz, VZ_CONVERT, "Container is running or mounted. Stop it first.");
	if (count_deltas(image) > 1)
		return vz_fail(vz, VZ_CONVERT, "%s has snapshots: merge them where it comes from (ploop merge)", image);
	if (text_format(&new, "%s.new", image) < 0)
		return VZ_SYSTEM;
	(void)unlink(new); /* of a call that was killed: the lock is ours */
	if (ploop_expand(image, new, &err) < 0)
		return vz_fail_error(vz, VZ_CONVERT, &err);
	if (rename(new, image) < 0) {
		(void)unlink(new);
		return vz_fail(vz, VZ_CONVERT, "Unable to replace %s: %s", image, strerror(errno));
	}
	vz_say(vz, "Container was successfully converted to the ploop layout");
	return VZ_OK;
}

int vz_command_convert(struct vz *vz)
{
	auto_free char *image = NULL;
	auto_free char *area = vz_ct_path(&vz->ct, "VE_PRIVATE"), *making = NULL;
	struct error err = { 0 };
	struct stat info;
	bool is_ploop = vz->argc == 0 || (vz->argc == 2 && strcmp(vz->argv[0], "--layout") == 0 && text_starts(vz->argv[1], "ploop"));
	if (!is_ploop)
		return vz_fail(vz, VZ_SYNTAX, "Usage: vzctl convert CTID [--layout ploop]");
	if (!area || stat(area, &info) < 0)
		return vz_fail(vz, VZ_NO_PRIVATE, "Container private area %s does not exist", area ?: "");
	if (vz_ct_is_ploop(&vz->ct, &image))
		return ploop_is_image(image) ? expand(vz, image) : vz_fail(vz, VZ_OK, "Container is already on ploop layout");
	if (vz_is_running(vz) || vz_is_mounted(vz))
		return vz_fail(vz, VZ_CONVERT, "Container is running or mounted. Stop it first.");
	if (text_format(&making, "%s.tmp", area) < 0)
		return VZ_SYSTEM;
	(void)storage_remove_tree(making, NULL, NULL); /* of a call that was killed: the lock is ours */
	int status = vz_make_image(vz, making);
	if (status == VZ_OK && (copy_files(area, making, &err) < 0 || replace_area(vz, area, making, &err) < 0))
		status = vz_fail_error(vz, VZ_CONVERT, &err);
	if (status != VZ_OK) {
		(void)storage_remove_tree(making, NULL, NULL); /* its error has been told */
		return status;
	}
	vz_say(vz, "Container was successfully converted to the ploop layout");
	return VZ_OK;
}
