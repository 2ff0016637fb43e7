#include "storage/storage.h"

#include "base/cleanup.h"
#include "storage/entries.h"
#include "storage/seen.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

struct copy {
	dev_t device; /* of the directory at hand: a subvolume has its own */
	int to_root;
	bool can_share; /* see copy_data */
	struct stat target; /* left out where it lies in the source */
	struct seen_files seen; /* paths below the target */
	size_t length;	    /* of path */
	char path[PATH_MAX]; /* of the entry at hand below the source; after a fault: of the one that failed */
};

/* Extended attributes of an entry, by its name or by its fd. */
struct attributes {
	const char *path; /* by /proc/self/fd, so that links are not followed; NULL: fd */
	int fd;
};

static ssize_t list_attributes(const struct attributes *of, char *names, size_t size)
{
	return of->path ? llistxattr(of->path, names, size) : flistxattr(of->fd, names, size);
}

static ssize_t get_attribute(const struct attributes *of, const char *name, char *value, size_t size)
{
	return of->path ? lgetxattr(of->path, name, value, size) : fgetxattr(of->fd, name, value, size);
}

static int set_attribute(const struct attributes *of, const char *name, const char *value, size_t size)
{
	return of->path ? lsetxattr(of->path, name, value, size, 0) : fsetxattr(of->fd, name, value, size, 0);
}

static int copy_attributes(const struct attributes *from, const struct attributes *to)
{
	char names[65536];
	ssize_t length = list_attributes(from, names, sizeof(names));
	if (length < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (char *name = names; name < names + length; name += strlen(name) + 1) {
		char value[65536];
		ssize_t size = get_attribute(from, name, value, sizeof(value));
		if (size < 0 || set_attribute(to, name, value, (size_t)size) == 0)
			continue;
		if (errno != EOPNOTSUPP && errno != EPERM) /* labels that the kernel gives itself */
			return -errno;
	}
	return 0;
}

/* Into an empty file, where both are; the kernel may copy less than it was asked for. */
static int copy_bytes(int in, int out, off_t size)
{
	for (off_t left = size; left > 0;) {
		ssize_t done = copy_file_range(in, NULL, out, NULL, (size_t)left, 0);
		if (done < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
			done = sendfile(out, in, NULL, (size_t)left);
		if (done < 0)
			return -errno;
		if (done == 0)
			break; /* it became shorter */
		left -= done;
	}
	return 0;
}

/* Data between holes only. */
static int copy_ranges(int in, int out, off_t size)
{
	off_t at = 0;
	while (at < size) {
		off_t data = lseek(in, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		off_t hole = data < 0 ? size : lseek(in, data, SEEK_HOLE);
		if (data < 0)
			data = at; /* a file system without SEEK_DATA */
		if (hole < 0)
			hole = size;
		if (lseek(in, data, SEEK_SET) < 0 || lseek(out, data, SEEK_SET) < 0)
			return -errno;
		int r = copy_bytes(in, out, hole - data);
		if (r < 0)
			return r;
		at = hole;
	}
	return ftruncate(out, size) < 0 ? -errno : 0;
}

/* *can_share: the file systems may have blocks in common; false once they refused. */
static int copy_data(int in, int out, const struct stat *info, bool *can_share)
{
	if (info->st_size == 0)
		return 0;
	if (*can_share && ioctl(out, FICLONE, in) == 0)
		return 0;
	*can_share = *can_share && errno != EOPNOTSUPP && errno != EXDEV && errno != ENOTTY;
	bool has_holes = info->st_blocks < info->st_size / 512;
	return has_holes ? copy_ranges(in, out, info->st_size) : copy_bytes(in, out, info->st_size);
}

/* What the new file has already is not written again: each change costs the file system a transaction. */
static int copy_file_metadata(int in, int out, const struct stat *info)
{
	struct stat made;
	const struct timespec times[2] = { info->st_atim, info->st_mtim };
	const struct attributes from = { .fd = in }, to = { .fd = out };
	if (fstat(out, &made) < 0)
		return -errno;
	bool is_owned = made.st_uid == info->st_uid && made.st_gid == info->st_gid;
	if (!is_owned && fchown(out, info->st_uid, info->st_gid) < 0)
		return -errno;
	if ((!is_owned || (made.st_mode ^ info->st_mode) & 07777) && fchmod(out, info->st_mode & 07777) < 0)
		return -errno;
	int r = copy_attributes(&from, &to);
	return r < 0 ? r : futimens(out, times) < 0 ? -errno : 0;
}

static int copy_file(struct copy *copy, int from_dir, int to_dir, const char *name, const struct stat *info)
{
	struct stat now;
	/* O_NONBLOCK: a running container may have put a fifo there meanwhile */
	auto_close int in = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_close int out = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, info->st_mode & 0777);
	if (in < 0 || out < 0 || fstat(in, &now) < 0)
		return -errno;
	if (!S_ISREG(now.st_mode))
		return -ESTALE;
	int r = copy_data(in, out, &now, &copy->can_share);
	return r ?: copy_file_metadata(in, out, info);
}

static int copy_link(int from_dir, int to_dir, const char *name)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(from_dir, name, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	return symlinkat(target, to_dir, name) < 0 ? -errno : 0;
}

/* Owner before mode (chown takes set-uid away), attributes after owner (and file capabilities too), times last. */
static int copy_metadata(int from_dir, int to_dir, const char *name, const struct stat *info)
{
	char from[PATH_MAX], to[PATH_MAX];
	const struct timespec times[2] = { info->st_atim, info->st_mtim };
	if (fchownat(to_dir, name, info->st_uid, info->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(info->st_mode) && fchmodat(to_dir, name, info->st_mode & 07777, 0) < 0)
		return -errno;
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", from_dir, name);
	(void)snprintf(to, sizeof(to), "/proc/self/fd/%d/%s", to_dir, name);
	int r = copy_attributes(&(struct attributes){ .path = from }, &(struct attributes){ .path = to });
	if (r < 0)
		return r;
	return utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* Links name to the first copy of the inode: 1. The first one itself is remembered: 0. */
static int link_to_first(struct copy *copy, int to_dir, const char *name, const struct stat *info)
{
	const struct seen_file *first = seen_find(&copy->seen, info);
	if (!first)
		return seen_add(&copy->seen, info, copy->path, true);
	return linkat(copy->to_root, first->path, to_dir, name, 0) < 0 ? -errno : 1;
}

static int copy_directory(struct copy *copy, int from_dir, int to_dir);

/* Other mounts are left out, those of the same file system too. */
static int copy_subdirectory(struct copy *copy, int from_dir, int to_dir, const char *name)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH };
	auto_close int from = (int)syscall(SYS_openat2, from_dir, name, &how, sizeof(how));
	if (from < 0 && errno != EXDEV)
		return -errno;
	bool is_top = copy->length == strlen(name); /* lost+found of a new file system */
	if (mkdirat(to_dir, name, 0700) < 0 && !(errno == EEXIST && is_top))
		return -errno;
	auto_close int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return -errno;
	return from < 0 ? 0 : copy_directory(copy, from, to);
}

static int copy_entry(struct copy *copy, int from_dir, int to_dir, const char *name)
{
	struct stat info;
	int r = 0;
	if (fstatat(from_dir, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (info.st_dev == copy->target.st_dev && info.st_ino == copy->target.st_ino)
		return 0; /* the copy is below the source */
	if (info.st_dev != copy->device && !S_ISDIR(info.st_mode))
		return 0;
	if (S_ISSOCK(info.st_mode))
		return 0; /* a socket without its server */
	if (!S_ISDIR(info.st_mode) && info.st_nlink > 1) {
		r = link_to_first(copy, to_dir, name, &info);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (S_ISDIR(info.st_mode))
		r = copy_subdirectory(copy, from_dir, to_dir, name);
	else if (S_ISREG(info.st_mode))
		return copy_file(copy, from_dir, to_dir, name, &info);
	else if (S_ISLNK(info.st_mode))
		r = copy_link(from_dir, to_dir, name);
	else
		r = mknodat(to_dir, name, info.st_mode, info.st_rdev) < 0 ? -errno : 0;
	return r < 0 ? r : copy_metadata(from_dir, to_dir, name, &info);
}

static int copy_entries(struct copy *copy, DIR *dir, int from_dir, int to_dir)
{
	for (struct dirent *entry; (entry = entries_next(dir));) {
		size_t before = copy->length, left = sizeof(copy->path) - before;
		int added = snprintf(copy->path + before, left, "%s%s", before ? "/" : "", entry->d_name);
		if (added < 0 || (size_t)added >= left)
			return -ENAMETOOLONG;
		copy->length += (size_t)added;
		int r = copy_entry(copy, from_dir, to_dir, entry->d_name);
		if (r < 0)
			return r; /* path stays: the fault's */
		copy->path[copy->length = before] = '\0';
	}
	return 0;
}

static int copy_directory(struct copy *copy, int from_dir, int to_dir)
{
	struct stat info;
	dev_t outer = copy->device;
	auto_closedir DIR *dir = entries_open(from_dir);
	if (!dir || fstat(from_dir, &info) < 0)
		return -errno;
	copy->device = info.st_dev;
	int r = copy_entries(copy, dir, from_dir, to_dir);
	copy->device = outer;
	return r;
}

/* Of the top: its name for the xattr calls is that of its fd, and a dot so that it is followed. */
static int copy_top(int from_fd, int to_fd, const struct stat *info)
{
	char from[64], to[64];
	const struct timespec times[2] = { info->st_atim, info->st_mtim };
	if (fchown(to_fd, info->st_uid, info->st_gid) < 0 || fchmod(to_fd, info->st_mode & 07777) < 0)
		return -errno;
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d/.", from_fd);
	(void)snprintf(to, sizeof(to), "/proc/self/fd/%d/.", to_fd);
	int r = copy_attributes(&(struct attributes){ .path = from }, &(struct attributes){ .path = to });
	return r < 0 ? r : futimens(to_fd, times) < 0 ? -errno : 0;
}

int storage_copy_into(int from_fd, int to_fd, const char *from, const char *to, struct error *err)
{
	struct copy copy = { .to_root = to_fd, .can_share = true };
	struct stat info;
	int r = fstat(from_fd, &info) < 0 || fstat(to_fd, &copy.target) < 0 ? -errno : copy_directory(&copy, from_fd, to_fd);
	r = r ?: copy_top(from_fd, to_fd, &info);
	seen_clear(&copy.seen);
	return r < 0 ? error_set(err, r, "copy %s%s%s to %s", from, *copy.path ? "/" : "", copy.path, to) : 0;
}

int storage_copy_tree(const char *from, const char *to, struct error *err)
{
	auto_close int from_fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from_fd < 0)
		return error_set(err, errno, "open %s", from);
	if (mkdir(to, 0700) < 0)
		return error_set(err, errno, "make directory %s", to);
	auto_close int to_fd = open(to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = to_fd < 0 ? error_set(err, errno, "open %s", to) : storage_copy_into(from_fd, to_fd, from, to, err);
	if (r < 0)
		(void)storage_remove_tree(to, NULL, NULL);
	return r;
}

int storage_copy_content(int from_fd, int to_fd)
{
	struct stat info;
	bool can_share = true;
	if (fstat(from_fd, &info) < 0)
		return -errno;
	int r = copy_data(from_fd, to_fd, &info, &can_share);
	return r ?: copy_file_metadata(from_fd, to_fd, &info);
}

int storage_copy_file(const char *from, const char *to, struct error *err)
{
	auto_close int in = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0)
		return error_set(err, errno, "open %s", from);
	auto_close int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return error_set(err, errno, "make %s", to);
	int r = storage_copy_content(in, out);
	if (r < 0)
		(void)unlink(to);
	return r < 0 ? error_set(err, r, "copy %s to %s", from, to) : 0;
}
