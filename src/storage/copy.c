#include "storage/storage.h"

#include "base/cleanup.h"
#include "base/vector.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* A file with more than one name: where its first copy is. */
struct seen {
	ino_t inode;
	char *path; /* below the target */
};

struct copy {
	dev_t device;
	int to_root;
	VECTOR(struct seen) seen;
	char failed[PATH_MAX];
};

static int fail(struct copy *copy, const char *path, int error)
{
	(void)snprintf(copy->failed, sizeof(copy->failed), "%s", path);
	return -error;
}

/* All extended attributes; both sides by their /proc/self/fd path, so that links are not followed. */
static int copy_attributes(const char *from, const char *to)
{
	char names[65536];
	ssize_t length = llistxattr(from, names, sizeof(names));
	if (length < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (char *name = names; name < names + length; name += strlen(name) + 1) {
		char value[65536];
		ssize_t size = lgetxattr(from, name, value, sizeof(value));
		if (size < 0 || lsetxattr(to, name, value, (size_t)size, 0) == 0)
			continue;
		if (errno != EOPNOTSUPP && errno != EPERM) /* labels that the kernel gives itself */
			return -errno;
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
		for (off_t left = hole - data; left > 0;) {
			ssize_t done = copy_file_range(in, NULL, out, NULL, (size_t)left, 0);
			if (done < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
				done = sendfile(out, in, NULL, (size_t)left);
			if (done < 0)
				return -errno;
			if (done == 0)
				break; /* it became shorter */
			left -= done;
		}
		at = hole;
	}
	return ftruncate(out, size) < 0 ? -errno : 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *info)
{
	auto_close int in = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int out = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (in < 0 || out < 0)
		return -errno;
	if (info->st_size == 0 || ioctl(out, FICLONE, in) == 0)
		return 0;
	return copy_ranges(in, out, info->st_size);
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
	int r = copy_attributes(from, to);
	if (r < 0)
		return r;
	return utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static const char *find_seen(const struct copy *copy, ino_t inode)
{
	vector_for_each (item, &copy->seen)
		if (item->inode == inode)
			return item->path;
	return NULL;
}

static int copy_directory(struct copy *copy, int from_dir, int to_dir, const char *path);

static int copy_entry(struct copy *copy, int from_dir, int to_dir, const char *name, const char *path)
{
	struct stat info;
	if (fstatat(from_dir, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(copy, path, errno);
	if (info.st_dev != copy->device)
		return 0;
	if (!S_ISDIR(info.st_mode) && info.st_nlink > 1) {
		const char *first = find_seen(copy, info.st_ino);
		if (first)
			return linkat(copy->to_root, first, to_dir, name, 0) < 0 ? fail(copy, path, errno) : 0;
		struct seen *seen = vector_add(&copy->seen);
		if (!seen || !(seen->path = strdup(path)))
			return fail(copy, path, ENOMEM);
		seen->inode = info.st_ino;
	}
	int r = 0;
	if (S_ISDIR(info.st_mode)) {
		if (mkdirat(to_dir, name, 0700) < 0)
			return fail(copy, path, errno);
		auto_close int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		auto_close int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (from < 0 || to < 0)
			return fail(copy, path, errno);
		r = copy_directory(copy, from, to, path);
		if (r < 0)
			return r;
	} else if (S_ISREG(info.st_mode)) {
		r = copy_file(from_dir, to_dir, name, &info);
	} else if (S_ISLNK(info.st_mode)) {
		r = copy_link(from_dir, to_dir, name);
	} else if (!S_ISSOCK(info.st_mode)) {
		r = mknodat(to_dir, name, info.st_mode, info.st_rdev) < 0 ? -errno : 0;
	} else {
		return 0; /* a socket without its server */
	}
	if (r == 0)
		r = copy_metadata(from_dir, to_dir, name, &info);
	return r < 0 ? fail(copy, path, -r) : 0;
}

static int copy_directory(struct copy *copy, int from_dir, int to_dir, const char *path)
{
	int fd = dup(from_dir);
	auto_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return fail(copy, path, errno);
	for (struct dirent *entry; (entry = readdir(dir));) {
		char child[PATH_MAX];
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (snprintf(child, sizeof(child), "%s%s%s", path, *path ? "/" : "", entry->d_name) >= (int)sizeof(child))
			return fail(copy, path, ENAMETOOLONG);
		int r = copy_entry(copy, from_dir, to_dir, entry->d_name, child);
		if (r < 0)
			return r;
	}
	return 0;
}

int storage_copy_tree(const char *from, const char *to, struct error *err)
{
	struct copy copy = { .to_root = -1 };
	struct stat info;
	auto_close int from_fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from_fd < 0 || fstat(from_fd, &info) < 0)
		return error_set(err, errno, "open %s", from);
	if (mkdir(to, 0700) < 0)
		return error_set(err, errno, "make directory %s", to);
	auto_close int to_fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	copy.device = info.st_dev;
	copy.to_root = to_fd;
	int r = to_fd < 0 ? fail(&copy, "", errno) : copy_directory(&copy, from_fd, to_fd, "");
	if (r == 0 && (fchown(to_fd, info.st_uid, info.st_gid) < 0 || fchmod(to_fd, info.st_mode & 07777) < 0))
		r = -errno;
	vector_for_each (item, &copy.seen)
		free(item->path);
	free(copy.seen.items);
	if (r < 0) {
		(void)storage_remove_tree(to, NULL, NULL);
		return error_set(err, r, "copy %s/%s to %s", from, copy.failed, to);
	}
	return 0;
}
