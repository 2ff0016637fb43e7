/* exec: a process in an OCI container. A helper joins its cgroups and namespaces and clones the program as our child. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "engine/oci_exec_cgroup.h"
#include "engine/oci_internal.h"
#include "engine/oci_supervise.h"
#include "engine/running.h"
#include "kernel/clone.h"
#include "kernel/namespace.h"
#include "kernel/pidfd.h"

#define FAILED 255 /* not an exit status of the program */

struct job {
	struct spec *spec;
	struct cgroup_set cgroups;
	bool has_cgroups;
	pid_t init_pid;
	int init_pidfd;
	int namespaces; /* CLONE_NEW* */
	struct seccomp_filter seccomp;
	int console_fd, own_console_fd;
	int root_fd; /* without a mount namespace: its root */
	int report_fd;
};

static int find_namespaces(struct job *job)
{
	int flags = running_namespaces(job->spec);

	if (flags & CLONE_NEWUSER && namespace_is_own(job->init_pid, NAMESPACE_USER))
		flags &= ~CLONE_NEWUSER; /* the kernel refuses to join one's own */
	return flags;
}

static int take_terminal(const struct job *job, struct error *err)
{
	auto_close int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int master_fd = -1;
	auto_close int slave_fd = -1;
	int r = root_fd < 0 ? error_set(err, errno, "open the container's root") :
			      oci_terminal_open(root_fd, job->spec, &master_fd, &slave_fd, err);

	r = r ?: oci_terminal_send(job->console_fd, master_fd, err);
	return r ?: oci_terminal_take(slave_fd, err);
}

static void run_program(struct job *job) __attribute__((noreturn));

static void run_program(struct job *job)
{
	struct message message = { .kind = MESSAGE_ERROR };
	struct error *err = &message.error;
	int r = 0;

	(void)setsid(); /* a fresh child */
	close_fd(&job->own_console_fd);
	if (job->root_fd >= 0 && (fchdir(job->root_fd) < 0 || chroot(".") < 0))
		r = error_set(err, errno, "enter the container's root");
	if (r == 0 && job->namespaces & CLONE_NEWUSER)
		r = security_set_identity(job->spec, 0, 0, NULL, err);
	if (r == 0 && job->spec->oci.terminal)
		r = take_terminal(job, err);
	r = r ?: oci_find_program(job->spec, err);
	r = r ?: oci_set_label(job->spec, err);
	r = r ?: oci_execute(job->spec, &job->seccomp, job->report_fd, false, err);
	(void)message_send(job->report_fd, &message); /* the caller may be gone */
	_exit(FAILED);
}

/* execCPUAffinity: a cpuset that leaves less is the kernel's word. */
static int set_cpus(const char *list, const char *name, struct error *err)
{
	uint64_t bits[SPEC_CPU_WORDS];

	if (!list || !*list)
		return 0;
	int r = text_to_bits(list, bits, SPEC_CPU_WORDS);
	if (r == 0 && syscall(SYS_sched_setaffinity, 0, sizeof(bits), bits) < 0)
		r = -errno;
	return r < 0 ? error_set(err, r, "run on the CPUs %s of process.execCPUAffinity.%s", list, name) : 0;
}

static void run_helper(struct job *job, bool is_placed) __attribute__((noreturn));

static void run_helper(struct job *job, bool is_placed)
{
	struct message message = { .kind = MESSAGE_ERROR };
	struct clone_request request = { .flags = CLONE_PARENT, .cgroup_fd = -1 };
	int r = job->has_cgroups ? cgroup_set_enter(&job->cgroups, is_placed, &message.error) : 0;

	r = r ?: set_cpus(job->spec->oci.cpus_after, "final", &message.error);
	r = r ?: oci_join_resctrl(job->spec, getpid(), NULL, NULL, &message.error);
	/* passed on to the program; else it would have that of the caller, which containerd's shim has low */
	r = r ?: oci_set_oom_score(job->spec, getpid(), &message.error);
	(void)prctl(PR_SET_DUMPABLE, 0); /* the container must not look into who enters it */
	if (r == 0 && job->namespaces && setns(job->init_pidfd, job->namespaces) < 0)
		r = error_set(&message.error, errno, "enter the namespaces of init %d", job->init_pid);
	pid_t pid = r < 0 ? r : clone_process(&request);
	if (pid == 0)
		run_program(job);
	if (r == 0 && pid < 0)
		(void)error_set(&message.error, (int)pid, "clone the program");
	if (pid > 0)
		message = (struct message){ .kind = MESSAGE_RUNNING, .value = pid };
	(void)message_send(job->report_fd, &message);
	_exit(pid > 0 ? EXIT_SUCCESS : FAILED);
}

static int clone_helper(struct job *job, int own_fd, struct error *err)
{
	auto_close int cgroup_fd = job->has_cgroups ? cgroup_set_open_v2(&job->cgroups) : -1;
	struct clone_request request = { .cgroup_fd = cgroup_fd };
	pid_t helper = clone_process(&request);

	if ((helper == -EOPNOTSUPP || helper == -EBUSY) && cgroup_fd >= 0) {
		request.cgroup_fd = -1;
		helper = clone_process(&request);
	}
	if (helper == 0) {
		close_fd(&own_fd);
		run_helper(job, request.cgroup_fd >= 0);
	}
	close_fd(&job->report_fd);
	return helper < 0 ? error_set(err, (int)helper, "clone a helper") : helper;
}

/* The program's pid once it is executed, or -errno. */
static pid_t start_program(struct job *job, struct error *err)
{
	struct message message;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "make a socket pair");
	auto_close int own_fd = pair[0];
	job->report_fd = pair[1];
	pid_t helper = clone_helper(job, own_fd, err);
	if (helper < 0)
		return helper;
	int r = 0;
	pid_t pid = 0;
	/* the program may be faster than the helper that tells its pid */
	bool is_failed = false;
	struct error told = { 0 };
	for (int expected = 1; r == 0 && expected > 0 && !pid;) {
		int listener_fd;
		r = message_receive_fd(own_fd, &message, &listener_fd);
		if (r == 0 && message.kind == MESSAGE_RUNNING)
			pid = message.value;
		else if (r == 0 && message.kind == MESSAGE_LISTENER)
			r = oci_send_listener(job->spec, listener_fd, job->init_pid, OCI_RUNNING, err);
		else if (r == 0 && message.kind == MESSAGE_ERROR) {
			told = message.error;
			is_failed = true;
			pid_t ended = 0; /* of the helper itself: then no pid is to come */
			int status = 0;
			ended = waitpid(helper, &status, WNOHANG);
			expected = ended == helper && WEXITSTATUS(status) == FAILED ? 0 : 1;
		}
		close_fd(&listener_fd);
	}
	(void)process_wait(helper, NULL); /* our child, at its end */
	if (r == 0 && !is_failed)
		r = oci_await_exec(job->spec, own_fd, pid, OCI_RUNNING, err);
	if (is_failed) {
		*err = told;
		r = told.errnum ? -told.errnum : -EINVAL;
	} else if (r == -ECONNRESET) {
		r = error_set(err, ESRCH, "container stopped while it was entered");
	}
	if (r < 0 && pid > 0)
		(void)process_wait(pid, NULL);
	return r < 0 ? r : pid;
}

static int prepare(struct job *job, struct error *err)
{
	int r = 0;

	job->namespaces = find_namespaces(job);
	if (!(job->namespaces & CLONE_NEWNS)) {
		char path[40];
		(void)snprintf(path, sizeof(path), "/proc/%d/root", job->init_pid);
		job->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (job->has_cgroups && (r = oci_exec_cgroups(&job->cgroups, &job->spec->oci.exec_cgroups, err)) < 0)
		return r;
	r = job->spec->oci.seccomp ? security_seccomp_prepare(job->spec, &job->seccomp, err) : 0;
	if (r == 0 && job->spec->oci.terminal)
		r = oci_console_open(job->spec, &job->console_fd, &job->own_console_fd, err);
	return r;
}

int oci_exec(struct oci_container *container)
{
	struct job job = { .spec = container->spec, .cgroups = container->cgroups, .has_cgroups = container->has_cgroups,
		.init_pid = container->state.init_pid, .init_pidfd = container->init_pidfd, .console_fd = -1, .own_console_fd = -1,
		.root_fd = -1 };
	struct error err = { 0 };
	const struct spec_oci *oci = &container->spec->oci;
	int signal_fd = oci->detach ? -1 : process_open_signals();

	umask(022);
	oci_reset_signals();
	(void)close_range(3 + oci->preserve_fds, ~0U, CLOSE_RANGE_CLOEXEC);
	int r = prepare(&job, &err);
	r = r < 0 ? r : set_cpus(oci->cpus_before, "initial", &err);
	pid_t pid = r < 0 ? r : start_program(&job, &err);
	if (pid > 0 && oci->pid_file)
		r = oci_write_pid_file(oci->pid_file, pid, &err);
	if (pid > 0 && r == 0 && oci->pidfd_socket)
		r = oci_send_pidfd(job.spec, pid, &err);
	if (pid < 0 || r < 0) {
		oci_report(job.spec, &err);
		return FAILED;
	}
	close_fd(&job.console_fd);
	if (oci->detach)
		return EXIT_SUCCESS;
	auto_close int pidfd = process_pidfd(pid);
	struct oci_waited waited = { .pid = pid, .pidfd = pidfd, .signal_fd = signal_fd, .own_console_fd = job.own_console_fd,
		.has_terminal = oci->terminal && !oci->console_socket, .ready_fd = -1, .spec = job.spec };
	int status = oci_wait(&waited);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
