/* The journal: append before an act, read backwards to undo. */
#include "base/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define JOURNAL_MAX (16U << 20)

int journal_open(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : fd;
}

int journal_add(int fd, const char *kind, const char *argument)
{
	char line[4096];
	int length = snprintf(line, sizeof(line), "%s %s\n", kind, argument);

	if (length < 0 || (size_t)length >= sizeof(line) || strchr(argument, '\n'))
		return -EINVAL;
	ssize_t n = write(fd, line, (size_t)length);
	if (n < 0)
		return -errno;
	return n == length ? 0 : -EIO;
}

/* In place, by one write: whoever reads it meanwhile sees the line, or a kind that nobody knows. */
int journal_strike(int dir_fd, const char *name, const char *kind, const char *argument)
{
	auto_close int fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	auto_free char *text = NULL;
	char line[4096], stroke[32];
	size_t length, kind_length = strlen(kind);
	int wanted = snprintf(line, sizeof(line), "%s %s\n", kind, argument);
	int r = fd < 0 ? -errno : file_read_fd(fd, JOURNAL_MAX, &text, &length);

	if (r < 0 || wanted < 0 || (size_t)wanted >= sizeof(line) || kind_length >= sizeof(stroke))
		return r < 0 ? r : -EINVAL;
	memset(stroke, '-', kind_length);
	for (size_t start = length; start-- > 0;) {
		if ((start > 0 && text[start - 1] != '\n') || strncmp(text + start, line, (size_t)wanted) != 0)
			continue;
		ssize_t n = pwrite(fd, stroke, kind_length, (off_t)start);
		return n < 0 ? -errno : n == (ssize_t)kind_length ? 0 : -EIO;
	}
	return -ENOENT;
}

static int call(char *line, int (*each)(const char *, const char *, void *), void *data)
{
	char *blank = strchr(line, ' ');

	if (!blank)
		return 0;
	*blank = '\0';
	return each(line, blank + 1, data);
}

int journal_read_backwards(int fd, int (*each)(const char *kind, const char *argument, void *data), void *data)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read_fd(fd, JOURNAL_MAX, &text, &length);

	while (r == 0 && length > 0) {
		if (text[length - 1] == '\n')
			text[--length] = '\0';
		char *start = memrchr(text, '\n', length);
		start = start ? start + 1 : text;
		length = (size_t)(start - text);
		r = call(start, each, data);
	}
	return r;
}
