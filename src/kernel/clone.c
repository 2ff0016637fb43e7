#include "kernel/clone.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t clone_old(const struct clone_request *request)
{
	if (request->cgroup_fd >= 0 || request->flags > UINT32_MAX)
		return -EOPNOTSUPP;
	unsigned long flags = (unsigned long)request->flags | SIGCHLD;
	if (request->pidfd)
		flags |= CLONE_PIDFD;
	/* the parent_tid argument takes the pidfd; its place is the third on every architecture but s390 */
	pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, request->pidfd, NULL, NULL);
	return pid < 0 ? -errno : pid;
}

pid_t clone_process(const struct clone_request *request)
{
	struct clone_args arguments = {
		.flags = request->flags,
		.exit_signal = request->flags & CLONE_PARENT ? 0 : SIGCHLD, /* the kernel takes that of the caller */
	};
	if (request->pidfd) {
		arguments.flags |= CLONE_PIDFD;
		arguments.pidfd = (uint64_t)(uintptr_t)request->pidfd;
	}
	if (request->cgroup_fd >= 0) {
		arguments.flags |= CLONE_INTO_CGROUP;
		arguments.cgroup = (uint64_t)request->cgroup_fd;
	}
	pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (pid < 0 && errno == ENOSYS)
		return clone_old(request);
	return pid < 0 ? -errno : pid;
}
