/*
 * vzdump: a container as an archive of its files with its configuration in etc/vzdump/vps.conf, as OpenVZ's and Proxmox's
 * programs of that name wrote it and vzrestore reads it.
 */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "engine/mapped.h"
#include "storage/storage.h"
#include "storage/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define ROOT_FD	  100
#define ROOT_PATH "/proc/self/fd/100/."

enum dump_mode { DUMP_STOP, DUMP_SUSPEND };

struct dump {
	enum dump_mode mode;
	bool is_compressed, is_output, takes_all, leaves_temporary;
	const char *directory; /* NULL: DUMPDIR */
	uint32_t most_files;   /* of a container; 0: any number */
	struct string_list excluded;
};

/* ---- tar ---- */

struct tar {
	int root_fd, out_fd;
	struct string_list command; /* ends in NULL */
};

static int fill_command(const struct dump *dump, const char *directory, struct string_list *ret)
{
	static const char *const fixed[] = { "tar", "-c", "--format=posix", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--sparse",
		"--one-file-system", "--warning=no-file-ignored", "--warning=no-file-changed" };
	static const char *const temporary[] = { "--exclude=./tmp/*", "--exclude=./var/tmp/*", "--exclude=./var/run/*.pid" };
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(fixed) / sizeof(*fixed); i++)
		r = string_list_add(ret, fixed[i]);
	for (size_t i = 0; r == 0 && dump->leaves_temporary && i < sizeof(temporary) / sizeof(*temporary); i++)
		r = string_list_add(ret, temporary[i]);
	if (dump->is_compressed)
		r = r ?: string_list_add(ret, "--gzip");
	const char *const rest[] = { "-f", "-", "-C", directory, "./etc/vzdump/vps.conf", "-C", ROOT_PATH, "." };
	for (size_t i = 0; r == 0 && i < sizeof(rest) / sizeof(*rest); i++)
		r = string_list_add(ret, rest[i]);
	return r < 0 ? r : vector_add(ret) ? 0 : -ENOMEM;
}

static int run_tar(void *data, struct error *err)
{
	const struct tar *tar = data;
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		if (dup2(tar->root_fd, ROOT_FD) >= 0 && dup2(tar->out_fd, STDOUT_FILENO) >= 0)
			execvp(tar->command.items[0], tar->command.items);
		_exit(127);
	}
	if (pid < 0)
		return error_set(err, errno, "run tar");
	int r = process_wait(pid, &status);
	if (r < 0)
		return error_set(err, r, "wait for tar");
	/* 1: a file changed while it was read */
	if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		return 0;
	return error_set(err, EIO, "tar failed with status %d", vz_exit_status(status));
}

/* ---- what is packed ---- */

/* Its files: of a directory, or of the image (mounted already, or for this). */
static int open_files(const struct vz *vz, struct error *err)
{
	auto_free char *area = vz_ct_path(&vz->ct, "VE_PRIVATE"), *root = vz_ct_path(&vz->ct, "VE_ROOT"), *image = NULL;
	bool is_ploop = vz_ct_is_ploop(&vz->ct, &image);
	if (!area || !root)
		return error_set(err, ENOMEM, "find the container's files");
	if (is_ploop && !vz_is_mounted(vz))
		return store_find("loop")->mount(image, NULL, err);
	const char *path = is_ploop ? root : area;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "open %s", path) : fd;
}

/* directory/etc/vzdump/vps.conf */
static int write_conf(const struct vz *vz, const char *directory)
{
	auto_free char *place = NULL, *file = NULL, *text = vz_conf_text(&vz->ct.own);
	if (!text || text_format(&place, "%s/etc/vzdump", directory) < 0 || text_format(&file, "%s/vps.conf", place) < 0)
		return -ENOMEM;
	if (chmod(directory, 0755) < 0)
		return -errno; /* tar may run as the container's root */
	int r = mkdir_parents(place, 0755);
	return r ?: file_write(-1, file, O_WRONLY | O_CREAT | O_EXCL, 0644, text, strlen(text));
}

/* Files that have got owners of the container's range are written as the container sees them. */
static int pack(struct vz *vz, const struct dump *dump, int out_fd, struct error *err)
{
	char directory[] = "/tmp/vzdump-XXXXXX";
	auto_free char *area = vz_ct_path(&vz->ct, "VE_PRIVATE");
	auto_spec struct spec *spec = NULL;
	struct tar tar = { .out_fd = out_fd };
	struct stat info;
	auto_close int root_fd = open_files(vz, err);
	if (root_fd < 0)
		return root_fd;
	if (!area || fstat(root_fd, &info) < 0 || vz_ct_spec(&vz->ct, area, false, &spec, err) < 0)
		return *err->what ? -EINVAL : error_set(err, EIO, "look at the container's files");
	if (!mkdtemp(directory))
		return error_set(err, errno, "make a directory in /tmp");
	tar.root_fd = root_fd;
	int r = write_conf(vz, directory);
	r = r ?: fill_command(dump, directory, &tar.command);
	if (r < 0)
		(void)error_set(err, r, "prepare the archive");
	else if (spec->idmaps.count && info.st_uid == spec->idmaps.items[0].outside)
		r = engine_run_inside(spec, run_tar, &tar, err);
	else
		r = run_tar(&tar, err);
	string_list_clear(&tar.command);
	(void)storage_remove_tree(directory, NULL, NULL);
	return r;
}

/* ---- the archive ---- */

static char *archive_name(const struct vz *vz, const struct dump *dump)
{
	char when[32];
	char *path = NULL;
	struct tm fields;
	time_t now = time(NULL);
	auto_free char *directory = dump->directory ? strdup(dump->directory) : vz_ct_path(&vz->ct, "DUMPDIR");
	if (!directory || !localtime_r(&now, &fields) || mkdir_parents(directory, 0755) < 0)
		return NULL;
	(void)strftime(when, sizeof(when), "%Y_%m_%d-%H_%M_%S", &fields);
	return text_format(&path, "%s/vzdump-openvz-%s-%s.%s", directory, vz->ct.name, when, dump->is_compressed ? "tgz" : "tar") < 0 ? NULL :
																	path;
}

/* The oldest ones go; the time is in their names. */
static void remove_old(const struct vz *vz, const struct dump *dump, const char *archive)
{
	auto_free char *directory = strndup(archive, (size_t)(strrchr(archive, '/') - archive)), *start = NULL;
	struct string_list names = { 0 };
	auto_closedir DIR *dir = directory && dump->most_files ? opendir(directory) : NULL;
	if (!dir || text_format(&start, "vzdump-openvz-%s-", vz->ct.name) < 0)
		return;
	for (struct dirent *entry; (entry = readdir(dir));)
		if (text_starts(entry->d_name, start) && (text_ends(entry->d_name, ".tar") || text_ends(entry->d_name, ".tgz")))
			(void)string_list_add(&names, entry->d_name);
	string_list_sort(&names);
	for (size_t i = 0; i + dump->most_files < names.count; i++)
		if (unlinkat(dirfd(dir), names.items[i], 0) == 0)
			fprintf(stderr, "INFO: delete old backup '%s/%s'\n", directory, names.items[i]);
	string_list_clear(&names);
}

static int write_archive(struct vz *vz, const struct dump *dump, const char *archive, struct error *err)
{
	auto_free char *partial = NULL;
	if (dump->is_output)
		return pack(vz, dump, STDOUT_FILENO, err);
	if (text_format(&partial, "%s.part", archive) < 0)
		return error_set(err, ENOMEM, "write the archive");
	auto_close int fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, errno, "make %s", partial);
	int r = pack(vz, dump, fd, err);
	if (r == 0 && (fsync(fd) < 0 || rename(partial, archive) < 0))
		r = error_set(err, errno, "write %s", archive);
	if (r < 0)
		(void)unlink(partial); /* a part of a container is none */
	return r;
}

/* ---- one container ---- */

/* A running one is stopped or frozen for it, and goes on in any case. */
static int dump_quietly(struct vz *vz, const struct dump *dump, const char *archive)
{
	struct container_id id = vz_id(vz);
	struct error err = { 0 };
	bool runs = vz_is_running(vz), is_frozen = false;
	int status = VZ_OK;
	vz->quiet++; /* standard output may be the archive */
	if (runs && dump->mode == DUMP_STOP)
		status = vz_stop(vz, false, false);
	else if (runs && !(is_frozen = engine_freeze(&id, &err) == 0))
		status = vz_fail_error(vz, VZ_SYSTEM, &err);
	if (status == VZ_OK && write_archive(vz, dump, archive, &err) < 0)
		status = vz_fail_error(vz, VZ_SYSTEM, &err);
	if (is_frozen && engine_unfreeze(&id, &err) < 0)
		status = vz_fail_error(vz, VZ_SYSTEM, &err);
	if (runs && !is_frozen && !vz_is_running(vz)) {
		int started = vz_start(vz, false, false);
		status = status ?: started;
	}
	vz->quiet--;
	return status;
}

static int dump_one(const struct dump *dump, uint32_t number)
{
	struct vz vz = { .command = "vzdump", .lock_fd = -1 };
	struct error err = { 0 };
	auto_free char *archive = NULL;
	time_t start = time(NULL);
	int status = vz_ct_open(&vz.ct, number, &err) < 0 ? vz_fail_error(&vz, VZ_BAD_CONFIG, &err) : VZ_OK;
	if (status == VZ_OK && !vz.ct.has_conf)
		status = vz_fail(&vz, VZ_NO_CONFIG, "Container config file does not exist");
	status = status ?: vz_lock(&vz);
	if (status == VZ_OK && !dump->is_output && !(archive = archive_name(&vz, dump)))
		status = vz_fail(&vz, VZ_DIRECTORY, "Unable to make the directory of the archive");
	if (status == VZ_OK) {
		fprintf(stderr, "INFO: Starting Backup of VM %u (openvz)\n", number);
		if (archive)
			fprintf(stderr, "INFO: creating archive '%s'\n", archive);
		status = dump_quietly(&vz, dump, archive);
	}
	long seconds = (long)(time(NULL) - start);
	if (status == VZ_OK)
		fprintf(stderr, "INFO: Finished Backup of VM %u (%02ld:%02ld:%02ld)\n", number, seconds / 3600, seconds / 60 % 60, seconds % 60);
	else
		fprintf(stderr, "ERROR: Backup of VM %u failed\n", number);
	if (status == VZ_OK && archive)
		remove_old(&vz, dump, archive);
	vz_unlock(&vz);
	vz_ct_clear(&vz.ct);
	return status;
}

/* ---- the command ---- */

static int usage(FILE *out)
{
	fputs("Usage: vzdump [OPTION]... CTID...|--all\n"
	      "  --dumpdir DIRECTORY  where to (DUMPDIR of vz.conf)\n"
	      "  --compress           gzip\n"
	      "  --stop               stop it, and start it again (preset)\n"
	      "  --suspend            freeze it meanwhile (also --snapshot)\n"
	      "  --stdout             the archive to standard output\n"
	      "  --all                all containers; --exclude CTID: but these\n"
	      "  --stdexcludes        without temporary files\n"
	      "  --maxfiles N         keep the last N archives of the container\n",
		out);
	return out == stdout ? 0 : VZ_SYNTAX;
}

/* A word with one minus or two; Proxmox's later names among them. 0: used; 1: with its value; -1: unknown. */
static int take_option(struct dump *dump, const char *word, const char *value)
{
	const char *name = word + strspn(word, "-");
	if (strcmp(name, "all") == 0)
		return dump->takes_all = true, 0;
	if (strcmp(name, "stdout") == 0)
		return dump->is_output = true, 0;
	if (strcmp(name, "stdexcludes") == 0)
		return dump->leaves_temporary = true, 0;
	if (strcmp(name, "stop") == 0)
		return dump->mode = DUMP_STOP, 0;
	if (strcmp(name, "suspend") == 0 || strcmp(name, "snapshot") == 0)
		return dump->mode = DUMP_SUSPEND, 0;
	if (strcmp(name, "compress") == 0) {
		bool has_value = value && (strcmp(value, "gzip") == 0 || strcmp(value, "1") == 0);
		dump->is_compressed = true;
		return has_value;
	}
	if (!value)
		return -1;
	if (strcmp(name, "dumpdir") == 0)
		return dump->directory = value, 1;
	if (strcmp(name, "mode") == 0) {
		dump->mode = strcmp(value, "stop") == 0 ? DUMP_STOP : DUMP_SUSPEND;
		return strcmp(value, "stop") == 0 || strcmp(value, "suspend") == 0 || strcmp(value, "snapshot") == 0 ? 1 : -1;
	}
	if (strcmp(name, "maxfiles") == 0)
		return text_to_u32(value, &dump->most_files) == 0 ? 1 : -1;
	if (strcmp(name, "exclude") == 0)
		return string_list_add(&dump->excluded, value) == 0 ? 1 : -1;
	return -1;
}

static int dump_all(const struct dump *dump)
{
	struct vz_ids ids = { 0 };
	int status = 0;
	(void)vz_list(&ids); /* none is defined where there is no directory */
	for (size_t i = 0; i < ids.count; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "%u", ids.items[i]);
		if (!string_list_has(&dump->excluded, name))
			status = dump_one(dump, ids.items[i]) ?: status;
	}
	free(ids.items);
	return status;
}

int vzdump_main(int argc, char **argv)
{
	struct dump dump = { 0 };
	struct vz_ids ids = { 0 };
	int status = 0;
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	for (int i = 1; status == 0 && i < argc; i++) {
		uint32_t *id = NULL;
		int used = *argv[i] == '-' ? take_option(&dump, argv[i], argv[i + 1]) : 0;
		if (*argv[i] != '-' && (!(id = vector_add(&ids)) || !(*id = vz_find(argv[i])))) {
			fprintf(stderr, "vzdump: %s: no such container\n", argv[i]);
			status = VZ_BAD_VALUE;
		} else if (used < 0) {
			fprintf(stderr, "vzdump: %s is not known here, or its value is wrong\n", argv[i]);
			status = VZ_SYNTAX;
		}
		i += used > 0;
	}
	if (status == 0 && (dump.takes_all == (ids.count > 0) || (dump.is_output && ids.count != 1)))
		status = usage(stderr);
	else if (status == 0 && dump.takes_all)
		status = dump_all(&dump);
	for (size_t i = 0; status == 0 && i < ids.count; i++)
		status = dump_one(&dump, ids.items[i]);
	free(ids.items);
	string_list_clear(&dump.excluded);
	return status;
}
