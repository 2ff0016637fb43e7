#include "kernel/clone.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* glibc 2.32, <sys/single_threaded.h>. musl has none: the static programs, which have no threads. */
extern char __libc_single_threaded __attribute__((weak));

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

/* In the child of fork: the process that is wanted returns, this one ends. */
static void clone_and_end(const struct clone_request *request, volatile pid_t *ret_pid)
{
	struct clone_request sibling = *request;
	sibling.flags |= CLONE_PARENT;
	pid_t pid = clone_process(&sibling);
	if (pid == 0)
		return;
	*ret_pid = pid;
	_exit(0);
}

pid_t clone_among_threads(const struct clone_request *request)
{
	if (request->pidfd)
		return -EINVAL;
	if (!&__libc_single_threaded || __libc_single_threaded)
		return clone_process(request);
	volatile pid_t *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return -errno;
	*shared = -ECHILD; /* stays when the child was killed */
	pid_t middle = fork();
	int failed = errno;
	if (middle == 0) {
		clone_and_end(request, shared);
		return 0;
	}
	while (middle > 0 && waitpid(middle, NULL, 0) < 0 && errno == EINTR)
		;
	pid_t pid = middle < 0 ? -failed : *shared;
	(void)munmap((void *)shared, sizeof(*shared)); /* what was mapped can be unmapped */
	return pid;
}
