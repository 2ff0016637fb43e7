/* Look-ups that never leave a directory: openat2(RESOLVE_IN_ROOT) and a walk of our own where it is missing. */
#include "kernel/path_in_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MAX_LINKS 40 /* as the kernel: path_resolution(7) */
#define MAX_DEPTH 256

static int open_resolved(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC, .resolve = resolve };

	if (flags & O_CREAT)
		how.mode = mode;
	for (int attempt = 0; attempt < 100; attempt++) {
		long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN) /* a rename somewhere during "..": openat2(2) says to try again */
			break;
	}
	return -errno;
}

/* ---- the walk ---- */

/* Where a walk is: the open directories from below the root to here, so that ".." needs no look-up. */
struct walk {
	int root_fd;
	int fds[MAX_DEPTH];
	int depth;
	int links;
	char rest[2 * PATH_MAX]; /* what is still to be walked */
};

static void close_walk(struct walk *walk)
{
	while (walk->depth > 0)
		close_fd(&walk->fds[--walk->depth]);
}

static int here(const struct walk *walk)
{
	return walk->depth > 0 ? walk->fds[walk->depth - 1] : walk->root_fd;
}

/* Takes the first component off walk->rest. False: nothing is left. */
static bool next_component(struct walk *walk, char name[NAME_MAX + 1], bool *ret_is_last, int *ret_error)
{
	const char *start = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(start, "/");

	if (length == 0)
		return false;
	if (length > NAME_MAX) {
		*ret_error = -ENAMETOOLONG;
		return false;
	}
	memcpy(name, start, length);
	name[length] = '\0';
	const char *after = start + length;
	*ret_is_last = after[strspn(after, "/")] == '\0';
	memmove(walk->rest, after, strlen(after) + 1);
	return true;
}

/* Puts the content of the link fd in front of what is still to be walked. */
static int follow(struct walk *walk, int link_fd)
{
	char target[PATH_MAX];
	size_t rest_length = strlen(walk->rest);

	if (++walk->links > MAX_LINKS)
		return -ELOOP;
	ssize_t length = readlinkat(link_fd, "", target, sizeof(target));
	if (length < 0)
		return -errno;
	if ((size_t)length + 1 + rest_length >= sizeof(walk->rest) || length == sizeof(target))
		return -ENAMETOOLONG;
	if (target[0] == '/')
		close_walk(walk);
	memmove(walk->rest + length + 1, walk->rest, rest_length + 1);
	memcpy(walk->rest, target, (size_t)length);
	walk->rest[length] = '/';
	return 0;
}

/* Opens the last component; -EAGAIN: it is a link and has been put in front of the rest. */
static int open_last(struct walk *walk, const char *name, int flags, mode_t mode)
{
	auto_close int found_fd = openat(here(walk), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat stat;

	if (found_fd < 0 && errno == ENOENT && flags & O_CREAT) {
		int fd = openat(here(walk), name, flags | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		return fd < 0 ? -errno : fd;
	}
	if (found_fd < 0 || fstat(found_fd, &stat) < 0)
		return -errno;
	if (S_ISLNK(stat.st_mode) && !(flags & O_NOFOLLOW)) {
		int r = follow(walk, found_fd);
		return r < 0 ? r : -EAGAIN;
	}
	int fd = openat(here(walk), name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
	return fd < 0 ? -errno : fd;
}

/* Enters one directory, or puts the link that is in its place in front of the rest. */
static int enter(struct walk *walk, const char *name)
{
	auto_close int fd = openat(here(walk), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return -errno;
	if (S_ISLNK(stat.st_mode))
		return follow(walk, fd);
	if (!S_ISDIR(stat.st_mode))
		return -ENOTDIR;
	if (walk->depth == MAX_DEPTH)
		return -ENAMETOOLONG;
	walk->fds[walk->depth++] = take_fd(&fd);
	return 0;
}

static int run_walk(struct walk *walk, int flags, mode_t mode)
{
	char name[NAME_MAX + 1];
	bool is_last;
	int r = 0;

	while (next_component(walk, name, &is_last, &r)) {
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			if (walk->depth > 0)
				close_fd(&walk->fds[--walk->depth]);
			continue;
		}
		r = is_last ? open_last(walk, name, flags, mode) : enter(walk, name);
		if (is_last && r != -EAGAIN)
			return r;
		if (r < 0 && r != -EAGAIN)
			return r;
		r = 0;
	}
	if (r < 0)
		return r;
	/* the path ends with ".", ".." or is the root */
	int fd = openat(here(walk), ".", (flags & ~(O_CREAT | O_NOFOLLOW)) | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int path_walk_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
	struct walk walk = { .root_fd = root_fd };

	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (*path == '\0')
		return -ENOENT;
	strcpy(walk.rest, path);
	int r = run_walk(&walk, flags, mode);
	close_walk(&walk);
	return r;
}

/* ---- public ---- */

int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
	int fd = open_resolved(root_fd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

	/* EPERM: a seccomp filter of an outer container that does not know the call */
	return fd == -ENOSYS || fd == -EPERM ? path_walk_in_root(root_fd, path, flags, mode) : fd;
}

int path_open_beneath(int dir_fd, const char *path, int flags)
{
	int fd = open_resolved(dir_fd, path, flags, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	if (fd != -ENOSYS)
		return fd;
	return strstr(path, "..") ? -EXDEV : path_walk_in_root(dir_fd, path, flags | O_NOFOLLOW, 0);
}

/* Makes one component in the directory that the path so far leads to. mkdirat and mknodat follow no link. */
static int make_component(int parent_fd, const char *name, bool is_file)
{
	mode_t umask_before = umask(0); /* chmod afterwards could be led elsewhere by a link */
	int r = is_file ? mknodat(parent_fd, name, S_IFREG | 0644, 0) : mkdirat(parent_fd, name, 0755);

	r = r < 0 && errno != EEXIST ? -errno : 0;
	umask(umask_before);
	return r;
}

/* The slow way: something on the path is missing. */
static int create_components(int root_fd, const char *path, enum path_create create)
{
	auto_close int fd = path_open_in_root(root_fd, ".", O_PATH | O_DIRECTORY, 0);
	char so_far[PATH_MAX] = "";
	size_t used = 0;

	for (const char *part = path + strspn(path, "/"); fd >= 0 && *part;) {
		size_t length = strcspn(part, "/");
		const char *next = part + length + strspn(part + length, "/");
		bool is_last = *next == '\0';
		char name[NAME_MAX + 1];
		if (length > NAME_MAX || used + length + 2 > sizeof(so_far))
			return -ENAMETOOLONG;
		memcpy(name, part, length);
		name[length] = '\0';
		used += (size_t)(stpcpy(stpcpy(so_far + used, name), "/") - (so_far + used));
		/* looked up from the root again, so that a link is resolved in it; without the last slash for a file */
		so_far[used - 1] = '\0';
		int next_fd = path_open_in_root(root_fd, so_far, O_PATH, 0);
		if (next_fd == -ENOENT) {
			int r = make_component(fd, name, is_last && create == PATH_CREATE_FILE);
			if (r < 0)
				return r;
			next_fd = path_open_in_root(root_fd, so_far, O_PATH, 0);
		}
		so_far[used - 1] = '/';
		close_fd(&fd);
		fd = next_fd;
		part = next;
	}
	return take_fd(&fd);
}

/* Most often only the last component is missing. -ENOENT: it is more than that. */
static int create_last(int root_fd, const char *path, bool is_file)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strlen(path) >= sizeof(parent))
		return -ENOENT;
	memcpy(parent, path, (size_t)(name - path));
	parent[name - path] = '\0';
	auto_close int parent_fd = path_open_in_root(root_fd, *parent ? parent : ".", O_PATH | O_DIRECTORY, 0);
	int r = parent_fd < 0 ? -ENOENT : make_component(parent_fd, name, is_file);
	return r < 0 ? r : path_open_in_root(root_fd, path, O_PATH, 0);
}

int path_open_in_mount(int dir_fd, bool is_root, const char *path, int flags)
{
	uint64_t resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | (is_root ? RESOLVE_IN_ROOT : RESOLVE_BENEATH);

	return open_resolved(dir_fd, path, flags, 0, resolve);
}

int path_create_in_root(int root_fd, const char *path, enum path_create create)
{
	int fd = path_open_in_root(root_fd, path, O_PATH, 0);

	if (fd != -ENOENT || create == PATH_CREATE_NONE)
		return fd;
	fd = create_last(root_fd, path, create == PATH_CREATE_FILE);
	return fd == -ENOENT ? create_components(root_fd, path, create) : fd;
}
