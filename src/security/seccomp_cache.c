/* Compiled seccomp policies in files. What is in one decides what a container may do: only our own are believed. */
#include "security/seccomp_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "security/security.h"

#define MAX_FILE (sizeof(struct seccomp_cache_header) + SECCOMP_POLICY_LENGTH + BPF_MAXINSNS * sizeof(struct sock_filter))

int seccomp_cache_parse(const char *data, size_t data_length, const char *text, size_t length,
	struct seccomp_filter *ret)
{
	struct seccomp_cache_header header;

	if (data_length < sizeof(header))
		return -EBADMSG;
	memcpy(&header, data, sizeof(header));
	if (header.magic != SECCOMP_CACHE_MAGIC || header.count == 0 || header.count > BPF_MAXINSNS)
		return -EBADMSG;
	size_t size = header.count * sizeof(struct sock_filter);
	if (header.text_length != length || data_length != sizeof(header) + length + size ||
		memcmp(data + sizeof(header), text, length) != 0)
		return -EBADMSG;
	struct sock_filter *instructions = malloc(size);
	if (!instructions)
		return -ENOMEM;
	memcpy(instructions, data + sizeof(header) + length, size);
	ret->instructions = instructions;
	ret->count = header.count;
	return 0;
}

int seccomp_cache_load(const char *path, const char *text, size_t length, struct seccomp_filter *ret)
{
	struct stat st;
	auto_free char *data = NULL;
	auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) || st.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	if (st.st_size <= 0 || (size_t)st.st_size > MAX_FILE)
		return -EBADMSG;
	data = malloc((size_t)st.st_size);
	int r = data ? read_full(fd, data, (size_t)st.st_size) : -ENOMEM; /* only ever whole under this name: renamed to it */
	return r < 0 ? r : seccomp_cache_parse(data, (size_t)st.st_size, text, length, ret);
}

int seccomp_cache_write(int fd, const char *text, size_t length, const struct seccomp_filter *filter)
{
	struct seccomp_cache_header header = { SECCOMP_CACHE_MAGIC, (uint32_t)length, (uint32_t)filter->count, 0 };

	int r = write_full(fd, &header, sizeof(header));
	r = r ?: write_full(fd, text, length);
	return r ?: write_full(fd, filter->instructions, filter->count * sizeof(struct sock_filter));
}

int seccomp_cache_directory(char *buffer, size_t size)
{
	const char *base = "/run", *tail = "wabe/.seccomp"; /* hidden: no state of a container */

	if (geteuid() != 0) {
		base = getenv("XDG_RUNTIME_DIR");
		if (!base || *base != '/') {
			base = getenv("HOME");
			tail = ".cache/wabe/.seccomp";
		}
		if (!base || *base != '/')
			return -ENOENT;
	}
	int written = snprintf(buffer, size, "%s/%s", base, tail);
	return written < 0 || (size_t)written >= size ? -ENOENT : 0;
}

static void make_directory_of(const char *path)
{
	char directory[PATH_MAX];

	if (snprintf(directory, sizeof(directory), "%s", path) >= (int)sizeof(directory))
		return;
	char *slash = strrchr(directory, '/');
	if (!slash || slash == directory)
		return;
	*slash = '\0';
	if (mkdir(directory, 0700) == 0 || errno != ENOENT)
		return;
	if (mkdir_parents(directory, 0755) == 0)
		(void)chmod(directory, 0700); /* of no use to others, and no harm in their eyes: files have 0600 */
}

void seccomp_cache_save(const char *path, const char *text, size_t length, const struct seccomp_filter *filter)
{
	char temporary[PATH_MAX];

	if (snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid()) >= (int)sizeof(temporary))
		return;
	make_directory_of(path);
	(void)unlink(temporary); /* of a process of that id that was killed */
	auto_close int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (seccomp_cache_write(fd, text, length, filter) < 0 || rename(temporary, path) < 0)
		(void)unlink(temporary); /* nothing more can be done about it */
}
