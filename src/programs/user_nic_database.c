/* Who has which interface: /run/lxc/nics. */
#include "programs/user_nic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define RUN_DIR	     "/run/lxc"
#define LOCK_WAITS   1000
#define LOCK_WAIT_MS 10
#define MAX_DATABASE (4 * 1024 * 1024)

/* Nobody but root may have put something there. */
static bool is_of_root(int fd, mode_t type)
{
	struct stat status;

	return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == type && status.st_uid == 0 &&
	       (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 && (type == S_IFDIR || status.st_nlink == 1);
}

/* With privilege. The descriptor or -errno. */
static int open_file(void)
{
	if (mkdir(RUN_DIR, 0755) < 0 && errno != EEXIST)
		return -errno;
	auto_close int dir = open(RUN_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	if (!is_of_root(dir, S_IFDIR))
		return -EPERM;
	auto_close int fd = openat(dir, "nics", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	return is_of_root(fd, S_IFREG) ? take_fd(&fd) : -EPERM;
}

static int print_line(const struct usernet_line *line, char *buffer, size_t size)
{
	return snprintf(buffer, size, "%s %s %s %s\n", line->name, line->type, line->bridge, line->last);
}

/* Puts into the file what fits keep; with privilege when something has to change. */
static int filter(struct usernet_database *database, bool (*keep)(const struct usernet_line *line, const char *link),
	const char *link)
{
	struct usernet_text text = database_text(database);
	struct usernet_line line;
	char buffer[sizeof(line) + 8];
	size_t old_length = database->length;
	auto_free char *kept = malloc(old_length + 2);
	size_t length = 0;

	if (!kept)
		return -ENOMEM;
	while (usernet_next(&text, &line)) {
		if (!keep(&line, link))
			continue;
		int n = print_line(&line, buffer, sizeof(buffer));
		if (length + (size_t)n > database->length + 1) /* a last line without its newline grows by it */
			break;
		memcpy(kept + length, buffer, (size_t)n);
		length += (size_t)n;
	}
	if (length == database->length && memcmp(kept, database->data, length) == 0)
		return 0;
	int r = privilege_raise();
	if (r < 0)
		return r;
	/* a caller can kill it at any moment (cgroup.kill): empty lines, in the same write, stand where the old text had more */
	size_t padded = length > old_length ? length : old_length;
	memset(kept + length, '\n', padded - length);
	if (pwrite(database->fd, kept, padded, 0) != (ssize_t)padded || ftruncate(database->fd, (off_t)length) < 0)
		r = -EIO;
	privilege_lower();
	free(database->data);
	database->data = take_ptr(kept);
	database->length = length;
	return r;
}

static bool is_alive(const struct usernet_line *line, const char *link)
{
	(void)link;
	return nic_is_there(line->last);
}

static bool is_other(const struct usernet_line *line, const char *link)
{
	return strcmp(line->last, link) != 0;
}

/* Not for ever: who holds it may have been frozen by its caller (cgroup.freeze). */
static int lock(int fd)
{
	static const struct timespec pause = { .tv_nsec = LOCK_WAIT_MS * 1000000L };

	for (int wait = 0; wait < LOCK_WAITS; wait++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		(void)nanosleep(&pause, NULL); /* all signals are blocked */
	}
	return -EBUSY;
}

int database_open(struct usernet_database *ret)
{
	int r = privilege_raise();

	*ret = (struct usernet_database){ .fd = -1 };
	if (r < 0)
		return r;
	ret->fd = open_file();
	if (ret->fd < 0)
		r = ret->fd;
	else
		r = lock(ret->fd);
	privilege_lower();
	if (r == 0)
		r = file_read_fd(ret->fd, MAX_DATABASE, &ret->data, &ret->length);
	if (r == 0)
		r = filter(ret, is_alive, NULL);
	if (r < 0)
		database_close(ret);
	return r;
}

int database_add(struct usernet_database *database, const struct usernet_line *line)
{
	char buffer[sizeof(*line) + 8];
	int n = print_line(line, buffer, sizeof(buffer));
	int r = privilege_raise();

	if (r < 0)
		return r;
	if (pwrite(database->fd, buffer, (size_t)n, (off_t)database->length) != n)
		r = -EIO;
	privilege_lower();
	if (r < 0)
		return r;
	char *grown = realloc(database->data, database->length + (size_t)n + 1);
	if (!grown)
		return -ENOMEM;
	memcpy(grown + database->length, buffer, (size_t)n);
	database->data = grown;
	database->length += (size_t)n;
	return 0;
}

int database_remove(struct usernet_database *database, const char *link)
{
	return filter(database, is_other, link);
}

void database_close(struct usernet_database *database)
{
	close_fd(&database->fd);
	free(database->data);
	*database = (struct usernet_database){ .fd = -1 };
}

struct usernet_text database_text(const struct usernet_database *database)
{
	return (struct usernet_text){ database->data, database->length };
}
