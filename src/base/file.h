#pragma once
#include <stddef.h>
#include <sys/types.h>

/*
 * Whole files. dir_fd: as for openat(2), AT_FDCWD (or -1, the same here) for paths from the current directory.
 * All return 0 or -errno.
 */

/* *ret: malloc'ed, a NUL behind its *ret_length bytes. -EFBIG: more than max bytes. Works for /proc files. */
int file_read(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_length);
/* The same from an open fd, from its position on. */
int file_read_fd(int fd, size_t max, char **ret, size_t *ret_length);

/* open (O_CLOEXEC is added) + write + close. */
int file_write(int dir_fd, const char *path, int flags, mode_t mode, const void *data, size_t length);

/* text into an existing file in one write, as kernel files want it. */
int file_write_text(int dir_fd, const char *path, const char *text);

/* Either the old content or the new one, also after a power cut: temporary name, fsync, rename. */
int file_write_atomic(int dir_fd, const char *path, mode_t mode, const void *data, size_t length);

int write_full(int fd, const void *data, size_t length);
/* 0: length bytes read; -ENODATA: end of file before. */
int read_full(int fd, void *data, size_t length);

/* flock(2), LOCK_SH or LOCK_EX: waits at most timeout_ms, -1 for ever. 0, -ETIMEDOUT or another -errno. */
int file_lock_within(int fd, int operation, int timeout_ms);

/* mkdir -p. */
int mkdir_parents(const char *path, mode_t mode);
