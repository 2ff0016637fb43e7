#pragma once
#include "tools/tool.h"

#include <sys/types.h>

/* A command in new namespaces without a container: lxc-unshare, lxc-usernsexec. */

/*
 * Forks into new namespaces (CLONE_NEW*). The child goes on (result 0) when the parent calls
 * namespace_child_release; it ends when the parent gives up. -errno.
 */
pid_t namespace_child_start(int flags, int *ret_release_fd);
void namespace_child_release(int *release_fd);

/*
 * Lines of "INSIDE OUTSIDE COUNT" into the uid_map or gid_map of pid. What the kernel refuses to a user,
 * newuidmap(1) or newgidmap(1) may do, which look into /etc/subuid and /etc/subgid and say why not. 0 or -errno.
 */
int namespace_write_map(pid_t pid, bool is_gid, const char *lines);

/* Runs argv in place of the process. Does not return; 126 and 127 as a shell. */
void namespace_exec(const struct call *call, char *const *argv) __attribute__((noreturn));

/* Waits for pid: its exit status, 128 + N after signal N. */
int namespace_child_wait(pid_t pid);
