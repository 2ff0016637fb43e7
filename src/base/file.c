/* Whole-file read and write. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"

static int directory(int dir_fd)
{
	return dir_fd == -1 ? AT_FDCWD : dir_fd;
}

int write_full(int fd, const void *data, size_t length)
{
	const char *from = data;

	while (length > 0) {
		ssize_t n = write(fd, from, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		from += n;
		length -= (size_t)n;
	}
	return 0;
}

int read_full(int fd, void *data, size_t length)
{
	char *to = data;

	while (length > 0) {
		ssize_t n = read(fd, to, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		to += n;
		length -= (size_t)n;
	}
	return 0;
}

/* Up to the end of the file or of the buffer. Number of bytes, or -errno. */
static ssize_t fill(int fd, char *buffer, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, buffer + length, size - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

int file_read_fd(int fd, size_t max, char **ret, size_t *ret_length)
{
	/* most files are small: one allocation of just their size, and none that grows */
	char first[16384];
	size_t capacity = sizeof(first);
	ssize_t n = fill(fd, first, sizeof(first));
	if (n < 0)
		return (int)n;
	size_t length = (size_t)n;
	bool is_at_end = length < sizeof(first);
	auto_free char *data = malloc(is_at_end ? length + 1 : 2 * capacity);
	if (!data)
		return -ENOMEM;
	memcpy(data, first, length);
	while (!is_at_end) {
		if (length > max)
			return -EFBIG;
		capacity *= 2;
		char *longer = realloc(data, capacity);
		if (!longer)
			return -ENOMEM;
		data = longer;
		n = fill(fd, data + length, capacity - length - 1);
		if (n < 0)
			return (int)n;
		length += (size_t)n;
		is_at_end = length < capacity - 1;
	}
	if (length > max)
		return -EFBIG;
	data[length] = '\0';
	*ret_length = length;
	*ret = take_ptr(data);
	return 0;
}

int file_read(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_length)
{
	auto_close int fd = openat(directory(dir_fd), path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : file_read_fd(fd, max, ret, ret_length);
}

int file_write(int dir_fd, const char *path, int flags, mode_t mode, const void *data, size_t length)
{
	auto_close int fd = openat(directory(dir_fd), path, flags | O_CLOEXEC, mode);

	return fd < 0 ? -errno : write_full(fd, data, length);
}

int file_write_text(int dir_fd, const char *path, const char *text)
{
	auto_close int fd = openat(directory(dir_fd), path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, text, strlen(text));
	if (n < 0)
		return -errno;
	return (size_t)n == strlen(text) ? 0 : -EIO;
}

int file_write_atomic(int dir_fd, const char *path, mode_t mode, const void *data, size_t length)
{
	char temporary[PATH_MAX];
	int n = snprintf(temporary, sizeof(temporary), "%s.%d.new", path, gettid());
	if (n < 0 || (size_t)n >= sizeof(temporary))
		return -ENAMETOOLONG;

	auto_close int fd = openat(directory(dir_fd), temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	int r = write_full(fd, data, length);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(directory(dir_fd), temporary, directory(dir_fd), path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(directory(dir_fd), temporary, 0); /* the error counts */
	return r;
}

int mkdir_parents(const char *path, mode_t mode)
{
	char copy[PATH_MAX];
	int n = snprintf(copy, sizeof(copy), "%s", path);
	if (n < 0 || (size_t)n >= sizeof(copy))
		return -ENAMETOOLONG;

	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(copy, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int file_lock_within(int fd, int operation, int timeout_ms)
{
	enum { LOOK_MS = 10 };
	int waited_ms = 0, pause_ms = 1; /* at first short: who has it is almost done, as a rule */

	while (flock(fd, operation | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (timeout_ms >= 0 && waited_ms >= timeout_ms)
			return -ETIMEDOUT;
		(void)nanosleep(&(struct timespec){ .tv_nsec = pause_ms * 1000000L }, NULL);
		waited_ms += pause_ms;
		pause_ms = pause_ms < LOOK_MS / 2 ? 2 * pause_ms : LOOK_MS;
	}
	return 0;
}
