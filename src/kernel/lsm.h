#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Does this kernel run AppArmor? One system call where it is not built in. */
bool lsm_has_apparmor(void);

/*
 * The AppArmor label of a process, without its mode, by the procfs whose root proc_fd is (AT_FDCWD: /proc, which must be
 * the host's); pid 0: the caller. 0 or -errno; -EOPNOTSUPP: no AppArmor, or what proc_fd is of is no procfs.
 */
int lsm_get_apparmor(int proc_fd, pid_t pid, char *buffer, size_t size);

/* Is a profile of that name in the kernel? 1, 0, or -errno: it does not say so to this caller. */
int lsm_has_apparmor_profile(const char *name);

/*
 * Labels of security modules, by writes to /proc/self/attr of the procfs that proc_fd is the root of (one that
 * the container can not have faked). All return 0 or -errno; -EOPNOTSUPP: this kernel does not run the module.
 */
int lsm_set_apparmor_on_exec(int proc_fd, const char *profile);
/* At once, for a process that will not execute anything. */
int lsm_set_apparmor_now(int proc_fd, const char *profile);
int lsm_set_selinux_on_exec(int proc_fd, const char *context);
int lsm_set_selinux_keyring(int proc_fd, const char *context);
/* By the host's /sys, so not below the container's root. */
bool lsm_has_selinux(void);
