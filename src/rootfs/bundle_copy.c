/* tmpcopyup: a tmpfs starts with what the image has there. Both sides are walked by descriptors, no link is followed. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "rootfs/bundle.h"

#define MAX_DEPTH 64

static int copy_directory(int from_fd, int to_fd, int depth);

static int copy_file(int from_fd, int to_fd, const char *name, const struct stat *st)
{
	auto_close int source_fd = openat(from_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int target_fd = openat(to_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ssize_t n = 0;

	if (source_fd < 0 || target_fd < 0)
		return -errno;
	while ((n = sendfile(target_fd, source_fd, NULL, 1 << 20)) > 0)
		;
	if (n < 0 || fchown(target_fd, st->st_uid, st->st_gid) < 0 || fchmod(target_fd, st->st_mode & 07777) < 0)
		return -errno;
	return 0;
}

static int copy_link(int from_fd, int to_fd, const char *name, const struct stat *st)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(from_fd, name, text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (symlinkat(text, to_fd, name) < 0 || fchownat(to_fd, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_below(int from_fd, int to_fd, const char *name, const struct stat *st, int depth)
{
	if (mkdirat(to_fd, name, 0700) < 0)
		return -errno;
	auto_close int source_fd = openat(from_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int target_fd = openat(to_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (source_fd < 0 || target_fd < 0)
		return -errno;
	int r = copy_directory(source_fd, target_fd, depth + 1);
	if (r == 0 && (fchown(target_fd, st->st_uid, st->st_gid) < 0 || fchmod(target_fd, st->st_mode & 07777) < 0))
		r = -errno;
	return r;
}

static int copy_one(int from_fd, int to_fd, const char *name, int depth)
{
	struct stat st;

	if (fstatat(from_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return copy_below(from_fd, to_fd, name, &st, depth);
	if (S_ISLNK(st.st_mode))
		return copy_link(from_fd, to_fd, name, &st);
	return S_ISREG(st.st_mode) ? copy_file(from_fd, to_fd, name, &st) : 0; /* devices and sockets are not content */
}

static int copy_directory(int from_fd, int to_fd, int depth)
{
	int r = 0;

	if (depth > MAX_DEPTH)
		return -ELOOP;
	int listed_fd = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *dir = listed_fd < 0 ? NULL : fdopendir(listed_fd);
	if (!dir)
		return -errno;
	for (struct dirent *entry; r == 0 && (entry = readdir(dir));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = copy_one(from_fd, to_fd, entry->d_name, depth);
	return r;
}

int bundle_copy_up(int from_fd, int to_fd)
{
	return copy_directory(from_fd, to_fd, 0);
}
