#include "storage/storage.h"

#include "base/cleanup.h"
#include "storage/entries.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Each level of the way down holds two fds. What a container nested deeper is first moved up to the top, so that no
 * depth runs out of fds or stack.
 */
#define DEPTH_MAX 100

/* What removal of one tree needs to know. */
struct removal {
	int top_fd;	     /* -1: nothing is moved up */
	unsigned long moved; /* number in the name of the next entry that is moved up */
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

static void remove_entry(struct removal *removal, int dir_fd, const char *name, int depth);

static bool is_kept(const char *const *keep, const char *name)
{
	for (; keep && *keep; keep++)
		if (strcmp(*keep, name) == 0)
			return true;
	return false;
}

/* One pass over the directory that fd is open on, without keep. */
static void empty_directory(struct removal *removal, int fd, const char *const *keep, int depth)
{
	auto_closedir DIR *dir = entries_open(fd);
	if (!dir) {
		note(removal, "directory", errno);
		return;
	}
	for (struct dirent *entry; (entry = entries_next(dir));)
		if (!is_kept(keep, entry->d_name))
			remove_entry(removal, fd, entry->d_name, depth);
}

/* Stays in this mount: a bind mount of the same file system has the same device number and is another tree. */
static int open_below(int dir_fd, const char *name)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH };
	int fd = (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
	if (fd < 0 && errno == EXDEV)
		errno = EBUSY; /* still mounted */
	return fd;
}

static bool move_up(struct removal *removal, int dir_fd, const char *name)
{
	char target[64];
	do {
		(void)snprintf(target, sizeof(target), ".removed-%lu", removal->moved++);
		if (renameat2(dir_fd, name, removal->top_fd, target, RENAME_NOREPLACE) == 0)
			return true;
	} while (errno == EEXIST);
	return false;
}

static void remove_directory(struct removal *removal, int dir_fd, const char *name, int depth)
{
	if (depth > DEPTH_MAX) {
		if (!move_up(removal, dir_fd, name))
			note(removal, name, errno);
		return;
	}
	auto_close int fd = open_below(dir_fd, name);
	if (fd < 0) {
		if (errno != ENOENT)
			note(removal, name, errno);
		return;
	}
	empty_directory(removal, fd, NULL, depth + 1);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT &&
		!(errno == EPERM && clear_flags(dir_fd, name) && unlinkat(dir_fd, name, AT_REMOVEDIR) == 0))
		note(removal, name, errno);
}

static void remove_entry(struct removal *removal, int dir_fd, const char *name, int depth)
{
	/* unlink first: most entries are no directories, and nothing can be put in between */
	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return;
	if (errno == EISDIR) {
		remove_directory(removal, dir_fd, name, depth);
		return;
	}
	if (errno == EPERM) {
		bool is_cleared = clear_flags(dir_fd, "."); /* an immutable directory keeps its entries */
		is_cleared |= clear_flags(dir_fd, name);
		if (is_cleared && unlinkat(dir_fd, name, 0) == 0)
			return;
		if (is_cleared && errno == EISDIR) {
			remove_directory(removal, dir_fd, name, depth);
			return;
		}
	}
	note(removal, name, errno);
}

/* Entries of the directory but keep. */
static bool has_others(int fd, const char *const *keep)
{
	auto_closedir DIR *dir = entries_open(fd);
	for (struct dirent *entry; dir && (entry = entries_next(dir));)
		if (!is_kept(keep, entry->d_name))
			return true;
	return false;
}

/* Each pass moves what is too deep up, one part for each DEPTH_MAX levels. */
static void remove_top(struct removal *removal, const char *path, const char *const *keep)
{
	struct statx info;
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &info) < 0) {
		note(removal, path, errno);
		return;
	}
	if (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) {
		note(removal, path, EBUSY);
		return;
	}
	removal->top_fd = fd;
	do {
		empty_directory(removal, fd, keep, 1);
	} while (removal->error == 0 && has_others(fd, keep));
	if (rmdir(path) < 0 && errno != ENOENT && !(keep && (errno == ENOTEMPTY || errno == EEXIST)) &&
		!(errno == EPERM && clear_flags(AT_FDCWD, path) && rmdir(path) == 0))
		note(removal, path, errno);
}

int storage_remove_tree(const char *path, const char *const *keep, struct error *err)
{
	struct removal removal = { .top_fd = -1 };
	auto_free char *clean = strdup(path);
	if (!clean)
		return error_set(err, ENOMEM, "remove %s", path);
	for (size_t length = strlen(clean); length > 1 && clean[length - 1] == '/';)
		clean[--length] = '\0'; /* with a slash at its end a link would be followed */
	if (unlink(clean) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR)
		remove_top(&removal, clean, keep);
	else
		note(&removal, clean, errno);
	if (removal.error)
		return error_set(err, removal.error, "remove %s below %s", removal.failed, path);
	return 0;
}
