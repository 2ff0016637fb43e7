#pragma once
#include <stdint.h>
#include <sys/types.h>

struct clone_request {
	uint64_t flags; /* CLONE_NEW*, CLONE_PARENT, ...; no CLONE_VM or CLONE_THREAD */
	int cgroup_fd;	/* CLONE_INTO_CGROUP (Linux 5.7), or -1 */
	int *pidfd;	/* gets a close-on-exec pidfd, or NULL */
};

/*
 * fork with namespaces: returns 0 in the child, the pid in the parent, or -errno. clone3(2), without it (ENOSYS,
 * also given by seccomp filters) clone(2), which can not do cgroup_fd nor CLONE_NEWTIME: -EOPNOTSUPP then.
 * The child has the caller's memory copied, like fork, but no pthread_atfork handlers ran.
 */
pid_t clone_process(const struct clone_request *request);

/*
 * The same for a process that may have threads: what they held at that moment (the allocator's locks) would stay locked
 * in the child for ever. There a child of fork(2), which takes care of that, makes the process and ends; it is the
 * caller's child all the same. No pidfd: -EINVAL.
 */
pid_t clone_among_threads(const struct clone_request *request);
