/* Init in a user namespace that exists already. */
#include "engine/oci_clone.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "engine/placement.h"
#include "kernel/clone.h"
#include "kernel/namespace.h"
#include "kernel/pidfd.h"

static void run_helper(struct start *start, int report_fd) __attribute__((noreturn));

static void run_helper(struct start *start, int report_fd)
{
	struct clone_request request = { .flags = CLONE_PARENT, .cgroup_fd = -1 };
	int32_t result = 0;

	struct error err;

	/* as the host's root still; init finds itself there */
	if (start->has_cgroups && cgroup_set_needs_enter(&start->cgroups))
		result = cgroup_set_enter(&start->cgroups, start->is_placed_by_clone, &err);
	start->has_cgroups = false;
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		if (start->namespaces & 1U << kind && kind != NAMESPACE_CGROUP && kind != NAMESPACE_TIME)
			request.flags |= (uint64_t)namespace_clone_flag((enum namespace_kind)kind);
	if (result == 0 && (setns(start->join_fds[NAMESPACE_USER], CLONE_NEWUSER) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		result = -errno;
	if (result == 0 && start->join_fds[NAMESPACE_PID] >= 0 && setns(start->join_fds[NAMESPACE_PID], CLONE_NEWPID) < 0)
		result = -errno;
	close_fd(&start->join_fds[NAMESPACE_USER]); /* init is in it */
	if (result == 0)
		result = clone_process(&request);
	if (result == 0)
		placement_run_init(start);
	(void)write_full(report_fd, &result, sizeof(result)); /* nobody listens: the runtime was killed */
	_exit(EXIT_SUCCESS);
}

int oci_clone_in_user_namespace(struct start *start, struct error *err)
{
	int32_t pid = 0;
	int ends[2];
	int r = handover_open(&start->handover);

	if (r < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, r < 0 ? r : errno, "talk to init");
	auto_close int read_fd = ends[0];
	auto_close int write_fd = ends[1];
	struct clone_request request = { .cgroup_fd = start->cgroup_fd };
	start->is_placed_by_clone = start->cgroup_fd >= 0;
	pid_t helper = clone_process(&request);
	if (helper == 0)
		run_helper(start, write_fd);
	close_fd(&write_fd);
	close_fd(&start->handover.init_fd);
	if (helper < 0)
		return error_set(err, (int)helper, "clone init");
	r = read_full(read_fd, &pid, sizeof(pid));
	(void)process_wait(helper, NULL); /* our child, at its end */
	if (r < 0 || pid <= 0)
		return error_set(err, r < 0 ? r : pid, "clone init in user namespace %s", start->spec->namespaces.share[NAMESPACE_USER]);
	start->init_pid = pid;
	start->init_pidfd = process_pidfd(pid);
	return start->init_pidfd < 0 ? error_set(err, start->init_pidfd, "watch init") : 0;
}
