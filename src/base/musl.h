#pragma once
/*
 * What glibc 2.36 declares and musl does not. Included by the compiler (-include) in front of every file of the
 * static programs, which are built with musl: a process start costs a page fault for every page that the C library
 * touches, and musl touches a fifth of glibc's.
 */
#ifndef __GLIBC__

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/mount.h>
#include <linux/stat.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int fsopen(const char *name, unsigned flags)
{
	return (int)syscall(SYS_fsopen, name, flags);
}

static inline int fsconfig(int fd, unsigned command, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fd, command, key, value, aux);
}

static inline int fsmount(int fd, unsigned flags, unsigned attributes)
{
	return (int)syscall(SYS_fsmount, fd, flags, attributes);
}

static inline int move_mount(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	return (int)syscall(SYS_move_mount, from_fd, from, to_fd, to, flags);
}

static inline int open_tree(int fd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, fd, path, flags);
}

static inline int mount_setattr(int fd, const char *path, unsigned flags, struct mount_attr *attributes, size_t size)
{
	return (int)syscall(SYS_mount_setattr, fd, path, flags, attributes, size);
}

static inline int close_range(unsigned first, unsigned last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

static inline int renameat2(int old_fd, const char *old, int new_fd, const char *new, unsigned flags)
{
	return (int)syscall(SYS_renameat2, old_fd, old, new_fd, new, flags);
}

static inline int statx(int fd, const char *path, int flags, unsigned mask, struct statx *info)
{
	return (int)syscall(SYS_statx, fd, path, flags, mask, info);
}

static inline int execveat(int fd, const char *path, char *const *argv, char *const *envp, int flags)
{
	return (int)syscall(SYS_execveat, fd, path, argv, envp, flags);
}

static inline const char *strerrordesc_np(int number)
{
	return strerror(number);
}

static inline const char *sigabbrev_np(int number)
{
	static const char *const names[] = { NULL, "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1",
		"SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
		"XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "POLL", "PWR", "SYS" };
	return number > 0 && number < (int)(sizeof(names) / sizeof(*names)) ? names[number] : NULL;
}

/* musl's open sets FD_CLOEXEC once more, for kernels of before 2008; its openat does not */
#define open(path, ...) openat(AT_FDCWD, path, __VA_ARGS__)

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* madvise(2), Linux 5.14 */
#endif
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0) /* renameat2(2) */
#define RENAME_EXCHANGE	 (1 << 1)
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC 02000000 /* O_CLOEXEC */
#endif

#endif
