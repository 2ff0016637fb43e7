#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * One cgroup directory of either version. directory is an absolute path. All return >= 0 or -errno.
 */

/* *ret: malloc'ed, NUL-terminated. */
int cgroupfs_read(const char *directory, const char *file, char **ret);
int cgroupfs_write(const char *directory, const char *file, const char *value);

/* Number behind "key " in text ("populated 1"), or -ENODATA. */
int cgroupfs_field(const char *text, const char *key, unsigned long long *ret_value);

/*
 * rmdir, deepest first, of directory and all below. Nothing is removed while processes live there: waits up to
 * timeout_ms for dying ones, then -EBUSY. 0 also when it is gone already.
 */
int cgroupfs_remove(const char *directory, int timeout_ms);

/* Sends signal to all processes in directory and below. Number of processes. */
int cgroupfs_signal(const char *directory, int signal);

/* cgroup.kill (5.14). -ENOENT on older kernels and v1. */
int cgroupfs_kill(const char *directory);

/* Freezes or thaws a cgroup2 directory and waits until the kernel says so (-ETIMEDOUT; -1: for ever). */
int cgroupfs_freeze_v2(const char *directory, bool freeze, int timeout_ms);
/* The same for a directory of the v1 freezer. */
int cgroupfs_freeze_v1(const char *directory, bool freeze, int timeout_ms);
