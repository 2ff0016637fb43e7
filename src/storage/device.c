/* What the stores on block devices have in common: programs of the host, file systems on a device. */
#include "base/cleanup.h"
#include "base/talk.h"
#include "base/text.h"
#include "kernel/mount.h"
#include "kernel/superblock.h"
#include "spec/mount_options.h"
#include "storage/stores.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- programs ---- */

/* Debian's packages, for the one line that says what is missing. */
static const char *package_of(const char *program)
{
	static const struct {
		const char *start, *package;
	} packages[] = { { "mkfs.ext", "e2fsprogs" }, { "resize2fs", "e2fsprogs" }, { "e2fsck", "e2fsprogs" }, { "mkfs.xfs", "xfsprogs" },
		{ "mkfs.btrfs", "btrfs-progs" }, { "btrfs", "btrfs-progs" }, { "lv", "lvm2" }, { "zfs", "zfsutils-linux" },
		{ "rbd", "ceph-common" }, { "qemu-", "qemu-utils" }, { "xfs_admin", "xfsprogs" },
		{ "tune2fs", "e2fsprogs" }, { "btrfstune", "btrfs-progs" } };
	for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++)
		if (text_starts(program, packages[i].start))
			return packages[i].package;
	return NULL;
}

static int say_why(const struct talk *talk, char *const *argv, int status, struct error *err)
{
	char line[300];
	if (status == -ENOENT) {
		int r = error_set_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP, "there is no program %s", argv[0]);
		const char *package = package_of(argv[0]);
		if (package)
			error_hint(err, "install %s", package);
		return r;
	}
	if (status < 0)
		return error_set(err, status, "run %s", argv[0]);
	talk_line(talk, 2, line, sizeof(line));
	if (!*line)
		talk_line(talk, 1, line, sizeof(line));
	return error_set_kind(err, ERROR_KERNEL, 0, "%s failed with status %d%s%s", argv[0], status, *line ? ": " : "", line);
}

extern char **environ;

/* lvm(8) complains of each descriptor that it did not open itself, those of a program that has our library among them. */
static int fill_environment(struct string_list *list)
{
	int r = 0;
	for (char **variable = environ; r == 0 && *variable; variable++)
		r = string_list_add(list, *variable);
	r = r ?: text_add_variable(list, "LVM_SUPPRESS_FD_WARNINGS", "1");
	return r ?: vector_add(list) ? 0 : -ENOMEM; /* the NULL at its end */
}

/* Statuses up to max_status are good. ret: NULL when nobody wants the output. */
static int run(char *const *argv, int max_status, char **ret, struct error *err)
{
	struct string_list environment = { 0 };
	struct talk talk;
	size_t length;
	int r = talk_open(&talk);
	r = r ?: fill_environment(&environment);
	if (r < 0) {
		r = error_set(err, r, "run %s", argv[0]);
	} else {
		r = talk_run(&talk, argv, environment.items);
		if (r < 0 || r > max_status)
			r = say_why(&talk, argv, r, err);
		else if (ret && (r = talk_output(&talk, 1 << 20, ret, &length)) < 0)
			r = error_set(err, r, "read what %s says", argv[0]);
		else if (!ret)
			r = 0;
		else
			for (; length > 0 && (*ret)[length - 1] == '\n'; length--)
				(*ret)[length - 1] = '\0';
	}
	talk_close(&talk);
	string_list_clear(&environment);
	return r;
}

#define ARGUMENTS_MAX 24

static void collect(char **argv, const char *program, va_list list)
{
	size_t count = 0;
	argv[count++] = (char *)program;
	while (count < ARGUMENTS_MAX - 1 && (argv[count] = va_arg(list, char *)))
		count++;
	argv[count] = NULL;
}

int store_run(struct error *err, const char *program, ...)
{
	char *argv[ARGUMENTS_MAX];
	va_list list;
	va_start(list, program);
	collect(argv, program, list);
	va_end(list);
	return run(argv, 0, NULL, err);
}

int store_run_status(int max_status, struct error *err, const char *program, ...)
{
	char *argv[ARGUMENTS_MAX];
	va_list list;
	va_start(list, program);
	collect(argv, program, list);
	va_end(list);
	return run(argv, max_status, NULL, err);
}

int store_run_output(char **ret, struct error *err, const char *program, ...)
{
	char *argv[ARGUMENTS_MAX];
	va_list list;
	*ret = NULL;
	va_start(list, program);
	collect(argv, program, list);
	va_end(list);
	return run(argv, 0, ret, err);
}

/* ---- file systems ---- */

int store_make_file_system(const struct store_request *request, const char *device, struct error *err)
{
	const char *type = request->fstype ?: STORE_FSTYPE_DEFAULT;
	auto_free char *program = NULL;
	if (strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(type) || !*type)
		return error_set_kind(err, ERROR_USAGE, EINVAL, "%s is no type of a file system", type);
	if (text_format(&program, "mkfs.%s", type) < 0)
		return error_set(err, ENOMEM, "make a file system");
	if (text_starts(type, "ext")) /* root_owner: not the caller's, where that is a user's */
		return store_run(err, program, "-q", "-F", "-E", "root_owner=0:0", device, NULL);
	return store_run(err, program, text_equal(type, "xfs") || text_equal(type, "btrfs") ? "-qf" : "-q", device, NULL);
}

bool store_wants_read_only(const char *options)
{
	struct root_options parsed = { 0 };
	return root_options_parse(options, &parsed) == 0 && parsed.flags.set & MS_RDONLY;
}

int store_open_device(const char *device, const char *options, bool is_read_only, struct error *err)
{
	struct root_options parsed = { 0 };
	auto_close int fd = open(device, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open %s", device);
	const char *type = superblock_type(fd);
	if (!type)
		return error_set_kind(err, ERROR_CONFIG, EINVAL, "%s has no file system that can be mounted", device);
	int r = root_options_parse(options, &parsed);
	if (r == 0 && text_equal(type, "xfs") && !strstr(parsed.data, "nouuid") && strlen(parsed.data) + 8 < sizeof(parsed.data))
		strcat(strcat(parsed.data, *parsed.data ? "," : ""), "nouuid"); /* a copy has the original's */
	r = r ?: mount_device_detached(type, device, parsed.data, is_read_only || parsed.flags.set & MS_RDONLY);
	if (r < 0)
		return error_set(err, r, "mount %s (%s)", device, type);
	return r;
}

bool store_is_device_below(const char *path, const char *prefix)
{
	struct stat info;
	if (stat(path, &info) < 0 || !S_ISBLK(info.st_mode))
		return false;
	auto_free char *real = text_starts(path, prefix) ? NULL : realpath(path, NULL);
	return text_starts(path, prefix) || (real && text_starts(real, prefix));
}

int store_name_beside(const struct store_request *request, char **ret)
{
	const char *slash = strrchr(request->beside, '/');
	return text_format(ret, "%.*s%s", slash ? (int)(slash + 1 - request->beside) : 0, request->beside, request->name);
}

bool store_path_exists(const char *source)
{
	return access(source, F_OK) == 0;
}
