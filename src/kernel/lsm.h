#pragma once
#include <stdbool.h>

/*
 * Labels of security modules, by writes to /proc/self/attr of the procfs that proc_fd is the root of (one that
 * the container can not have faked). All return 0 or -errno; -EOPNOTSUPP: this kernel does not run the module.
 */
int lsm_set_apparmor_on_exec(int proc_fd, const char *profile);
int lsm_set_selinux_on_exec(int proc_fd, const char *context);
int lsm_set_selinux_keyring(int proc_fd, const char *context);
