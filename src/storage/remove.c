#include "storage/storage.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* What removal of one tree needs to know. */
struct removal {
	dev_t device;
	char failed[PATH_MAX]; /* first entry that could not be removed */
	int error;
};

static void note(struct removal *removal, const char *name, int error)
{
	if (removal->error)
		return;
	removal->error = error;
	(void)snprintf(removal->failed, sizeof(removal->failed), "%s", name);
}

/* An immutable or append-only file (chattr +i, +a) is the container's own business no more. */
static bool clear_flags(int dir_fd, const char *name)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int flags;
	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || !(flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)))
		return false;
	flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
	return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

static void remove_entry(struct removal *removal, int dir_fd, const char *name, const char *keep);

/* Everything in the directory that fd is open on, but keep. */
static bool empty_directory(struct removal *removal, int fd, const char *keep)
{
	bool is_kept = false;
	int copy = dup(fd);
	auto_closedir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir) {
		note(removal, "directory", errno);
		if (copy >= 0)
			close(copy);
		return true;
	}
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (keep && strcmp(entry->d_name, keep) == 0)
			is_kept = true;
		else
			remove_entry(removal, fd, entry->d_name, NULL);
	}
	return is_kept;
}

static void remove_directory(struct removal *removal, int dir_fd, const char *name, const char *keep)
{
	struct stat info;
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) < 0) {
		note(removal, name, errno);
		return;
	}
	if (info.st_dev != removal->device) {
		note(removal, name, EBUSY);
		return;
	}
	if (empty_directory(removal, fd, keep))
		return;
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT &&
		!(errno == EPERM && clear_flags(dir_fd, name) && unlinkat(dir_fd, name, AT_REMOVEDIR) == 0))
		note(removal, name, errno);
}

static void remove_entry(struct removal *removal, int dir_fd, const char *name, const char *keep)
{
	/* unlink first: most entries are no directories, and nothing can be put in between */
	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return;
	if (errno == EISDIR) {
		remove_directory(removal, dir_fd, name, keep);
		return;
	}
	if (errno == EPERM && clear_flags(dir_fd, name) && unlinkat(dir_fd, name, 0) == 0)
		return;
	note(removal, name, errno);
}

int storage_remove_tree(const char *path, const char *keep, struct error *err)
{
	struct stat info;
	struct removal removal = { 0 };
	if (lstat(path, &info) < 0)
		return errno == ENOENT ? 0 : error_set(err, errno, "remove %s", path);
	removal.device = info.st_dev;
	remove_entry(&removal, AT_FDCWD, path, keep);
	if (removal.error)
		return error_set(err, removal.error, "remove %s below %s", removal.failed, path);
	return 0;
}
