/*
 * A program in a running container: a helper process in the container's cgroups enters its namespaces and clones
 * the program as a child of the caller (CLONE_PARENT). No supervisor is asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "engine/control.h"
#include "engine/engine.h"
#include "engine/handover.h"
#include "engine/running.h"
#include "kernel/clone.h"
#include "kernel/namespace.h"
#include "kernel/pidfd.h"
#include "security/security.h"
#include "storage/limit.h"

extern char **environ;

struct attach {
	const struct container_id *id;
	const struct attach_options *options;
	struct running running;
	int namespaces; /* CLONE_NEW* to join */
	char *cwd;
	struct seccomp_filter seccomp;
	char *apparmor; /* init's label, or NULL */
	int report_fd; /* child's end: MESSAGE_RUNNING from the helper, MESSAGE_READY from the program, or MESSAGE_ERROR */
	int (*function)(void *payload);
	void *payload;
};

static int join_namespaces(const struct attach *attach, struct error *err)
{
	if (attach->namespaces == 0 || setns(attach->running.init_pidfd, attach->namespaces) == 0)
		return 0;
	int r = error_set(err, errno, "enter the namespaces of init %d", attach->running.init_pid);
	return r == -ESRCH ? error_set(err, ESRCH, "container stopped") : r;
}

static int remount_proc_sys(struct error *err)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_set(err, errno, "make a mount namespace");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return error_set(err, errno, "mount /proc");
	if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return error_set(err, errno, "mount /sys");
	return 0;
}

/* ---- environment ---- */

static int keep_only(char *const *names, struct error *err)
{
	struct string_list kept = { 0 };
	int r = 0;
	for (; names && *names && r == 0; names++) {
		auto_free char *text = NULL;
		const char *value = getenv(*names);
		if (value && (r = text_format(&text, "%s=%s", *names, value)) == 0)
			r = string_list_add(&kept, text);
	}
	if (r == 0 && clearenv() != 0)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < kept.count; i++)
		r = putenv(kept.items[i]) ? -ENOMEM : 0; /* the strings stay: this process ends with exec */
	return r < 0 ? error_set(err, r, "clear the environment") : 0;
}

static int set_environment(const struct attach *attach, struct error *err)
{
	const struct attach_options *options = attach->options;
	const struct spec_process *process = &attach->running.spec->process;
	if (options->clear_environment) {
		int r = keep_only(options->keep_environment, err);
		if (r < 0)
			return r;
	}
	int failed = getenv("PATH") ? 0 :
		setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	failed = failed ?: setenv("container", "lxc", 1);
	vector_for_each (item, &process->environment)
		failed = failed ?: putenv(*item);
	vector_for_each (item, &process->environment_runtime)
		failed = failed ?: putenv(*item);
	for (char *const *item = options->extra_environment; item && *item; item++)
		failed = failed ?: putenv(*item);
	return failed ? error_set(err, ENOMEM, "set the environment") : 0;
}

/* ---- identity and privileges ---- */

static int set_identity(const struct attach *attach, struct error *err)
{
	const struct attach_options *options = attach->options;
	uid_t uid = options->uid == (uid_t)-1 ? 0 : options->uid;
	gid_t gid = options->gid == (gid_t)-1 ? 0 : options->gid;
	struct string_list groups = { 0 };
	for (size_t i = 0; options->setgroups && i < options->group_count; i++) {
		char text[16];
		snprintf(text, sizeof(text), "%u", options->groups[i]);
		if (string_list_add(&groups, text) < 0)
			return error_set(err, ENOMEM, "set the groups");
	}
	/* a caller that joined no user namespace and asked for no other user stays who it is */
	if (!(attach->namespaces & CLONE_NEWUSER) && options->uid == (uid_t)-1 && options->gid == (gid_t)-1 &&
		!options->setgroups && geteuid() != 0)
		return 0;
	int r = security_set_identity(attach->running.spec, uid, gid, &groups, err);
	string_list_clear(&groups);
	return r;
}

static int set_personality(const struct attach *attach, struct error *err)
{
	const struct attach_options *options = attach->options;
	if (!options->set_personality)
		return 0;
	if (options->personality < 0)
		return security_personality(attach->running.spec, err);
	return personality((unsigned long)options->personality) < 0 ?
		error_set(err, errno, "set the execution domain") : 0;
}

static int set_label(const struct attach *attach, struct error *err)
{
	const struct attach_options *options = attach->options;
	struct spec *spec = attach->running.spec;
	if (!options->apply_lsm)
		return 0;
	const char *apparmor = attach->apparmor;
	if (options->lsm_label && !spec->security.selinux_context) {
		apparmor = options->lsm_label; /* given by the caller: for whichever LSM the container uses */
	} else if (options->lsm_label) {
		if (text_replace(&spec->security.selinux_context, options->lsm_label) < 0)
			return error_set(err, ENOMEM, "set the label");
	}
	return security_set_lsm(spec, apparmor, err);
}

static int give_up_privileges(struct attach *attach, struct error *err)
{
	const struct attach_options *options = attach->options;
	struct spec *spec = attach->running.spec;
	int r = set_personality(attach, err);
	r = r ?: security_session_keyring(spec, err); /* that of the caller has secrets of the host's root */
	r = r ?: set_label(attach, err);
	if (r == 0 && options->drop_capabilities)
		r = security_drop_bounding_set(spec, err);
	r = r ?: set_identity(attach, err);
	if (r == 0 && options->drop_capabilities)
		r = security_drop_capabilities(spec, err);
	if (r == 0 && options->apply_lsm && attach->namespaces & CLONE_NEWNS)
		r = security_restrict_files(spec, err);
	if (r == 0 && (options->no_new_privs || (options->drop_capabilities && spec_wants_no_new_privs(spec))))
		r = security_no_new_privs(err);
	return r ?: handover_load_seccomp(attach->report_fd, &attach->seccomp, err);
}

static void enter_directory(const struct attach *attach)
{
	const char *wanted = attach->options->initial_cwd ?: attach->cwd;
	if (!wanted || chdir(wanted) < 0)
		(void)chdir("/"); /* always there */
}

/* The originals are closed: what the program leaves in the background must not keep the caller's pipes open. */
static int take_standard_fds(const struct attach_options *options, struct error *err)
{
	int fds[3] = { options->stdin_fd, options->stdout_fd, options->stderr_fd };
	for (int number = 0; number < 3; number++)
		if (fds[number] >= 0 && fds[number] != number && dup2(fds[number], number) < 0)
			return error_set(err, errno, "set up standard file descriptor %d", number);
	for (int number = 0; number < 3; number++)
		if (fds[number] > STDERR_FILENO)
			(void)close(fds[number]); /* EBADF: two numbers were the same */
	return 0;
}

static void report(int fd, uint32_t kind, int32_t value, const struct error *err)
{
	struct message message = { .kind = kind, .value = value };
	if (err)
		message.error = *err;
	(void)message_send(fd, &message); /* the caller may be gone */
}

static void run_program(struct attach *attach) __attribute__((noreturn));

static void run_program(struct attach *attach)
{
	struct error error = { 0 };
	int r = attach->options->remount_proc_sys ? remount_proc_sys(&error) : 0;
	r = r ?: take_standard_fds(attach->options, &error);
	r = r ?: set_environment(attach, &error);
	if (r == 0) {
		enter_directory(attach);
		r = give_up_privileges(attach, &error);
	}
	if (r < 0) {
		report(attach->report_fd, MESSAGE_ERROR, 0, &error);
		_exit(EXIT_FAILURE);
	}
	report(attach->report_fd, MESSAGE_READY, 0, NULL);
	close_fd(&attach->report_fd); /* end of file, should the filter have forbidden to send */
	_exit(attach->function(attach->payload));
}

/* The helper: in the cgroups by its birth or by itself, then in the namespaces; its child is the caller's. */
static void run_helper(struct attach *attach, bool have_clone_into_cgroup) __attribute__((noreturn));

static void run_helper(struct attach *attach, bool have_clone_into_cgroup)
{
	struct error error = { 0 };
	struct clone_request request = { .flags = CLONE_PARENT, .cgroup_fd = -1 };
	int r = 0;
	if (attach->running.has_cgroups && attach->options->move_to_cgroup)
		r = cgroup_set_enter(&attach->running.cgroups, have_clone_into_cgroup, &error);
	r = r ?: join_namespaces(attach, &error);
	pid_t pid = r < 0 ? r : clone_process(&request);
	if (pid == 0)
		run_program(attach);
	if (r == 0 && pid < 0)
		r = error_set(&error, (int)pid, "clone the program");
	if (r < 0)
		report(attach->report_fd, MESSAGE_ERROR, 0, &error);
	else
		report(attach->report_fd, MESSAGE_RUNNING, pid, NULL);
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/*
 * A message, or -ECHILD: the process of pidfd has ended and sent none. Its death ends no file: other threads' children
 * may have copies of its end for as long as they live. fd does not block.
 */
static int receive_from(int pidfd, int fd, struct message *ret, int *ret_listener_fd)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		int r = message_receive_fd(fd, ret, ret_listener_fd);
		if (r != -EAGAIN)
			return r;
		if (fds[1].revents)
			return -ECHILD;
	}
}

/* What the helper and the program told. */
struct reports {
	pid_t program;
	bool is_ready;
	int failed; /* -errno with the error filled */
};

static void take_report(const struct attach *attach, const struct message *message, int listener_fd,
	struct reports *reports, struct error *err)
{
	switch (message->kind) {
	case MESSAGE_LISTENER:
		/* without a supervisor it is closed, and what would have notified fails with ENOSYS */
		(void)control_add_listener(attach->id, listener_fd);
		close_fd(&listener_fd);
		break;
	case MESSAGE_RUNNING:
		reports->program = message->value;
		break;
	case MESSAGE_READY:
		reports->is_ready = true;
		break;
	case MESSAGE_ERROR:
		*err = message->error;
		reports->failed = err->errnum ? -err->errnum : -EINVAL;
		break;
	default:
		break;
	}
}

/* Reads the helper's and the program's reports, until the function is about to run or something has failed. */
static int await_program(const struct attach *attach, int fd, pid_t helper, pid_t *ret_pid, struct error *err)
{
	struct reports reports = { 0 };
	struct message message;
	int r = 0, listener_fd;
	auto_close int helper_pidfd = process_pidfd(helper), program_pidfd = -1;
	while (r == 0 && !(reports.program && (reports.is_ready || reports.failed))) {
		if (reports.program && program_pidfd < 0)
			program_pidfd = process_pidfd(reports.program);
		r = receive_from(reports.program ? program_pidfd : helper_pidfd, fd, &message, &listener_fd);
		if (r == 0)
			take_report(attach, &message, listener_fd, &reports, err);
	}
	*ret_pid = reports.program;
	/* by the end of file alone it is ready too, it could only not say so */
	bool is_running = reports.program && !reports.failed && (reports.is_ready || r == -ECONNRESET);
	if (!is_running && reports.program)
		(void)process_wait(reports.program, NULL);
	if (is_running || reports.failed)
		return reports.failed;
	return error_set(err, ESRCH, "container stopped while it was entered");
}

static int run(struct attach *attach, pid_t *ret_pid, struct error *err)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return error_set(err, errno, "make a socket pair");
	auto_close int own = fds[0];
	auto_close int cgroup_fd = -1;
	attach->report_fd = fds[1];
	(void)fcntl(own, F_SETFL, O_NONBLOCK); /* of our own end: can not fail */
	bool enters = attach->running.has_cgroups && attach->options->move_to_cgroup;
	if (enters)
		cgroup_fd = cgroup_set_open_v2(&attach->running.cgroups);
	struct clone_request request = { .cgroup_fd = cgroup_fd };
	pid_t helper = clone_among_threads(&request);
	if ((helper == -EOPNOTSUPP || helper == -EBUSY) && cgroup_fd >= 0) {
		request.cgroup_fd = -1;
		helper = clone_among_threads(&request);
	}
	if (helper == 0) {
		close_fd(&own);
		run_helper(attach, request.cgroup_fd >= 0);
	}
	close_fd(&attach->report_fd);
	if (helper < 0) {
		int r = error_set(err, (int)helper, cgroup_fd >= 0 ? "clone a helper in the container's cgroup" : "clone a helper");
		if (r == -EACCES && geteuid() != 0)
			error_hint(err, "from a session of another cgroup, use lxc-unpriv-attach");
		return r;
	}
	int r = await_program(attach, own, helper, ret_pid, err);
	(void)process_wait(helper, NULL); /* at its end by now */
	return r;
}

/* What init runs under, by the host's /proc: what the container shows as its own may be a fake. */
static int read_label(struct attach *attach, struct error *err)
{
	int r = security_read_label(attach->running.init_pid, &attach->apparmor);
	if (r == 0 && pidfd_send_signal_number(attach->running.init_pidfd, 0) < 0)
		r = -ESRCH; /* the label may be another process's */
	return r < 0 ? error_set(err, r, "read the security label of init %d", attach->running.init_pid) : 0;
}

int engine_attach(const struct container_id *id, int (*function)(void *payload), void *payload,
	const struct attach_options *options, pid_t *ret_pid, struct error *err)
{
	struct attach attach = { .id = id, .options = options, .function = function, .payload = payload, .report_fd = -1 };
	int r = container_load(id, RUNNING_SPEC | RUNNING_CGROUPS, &attach.running, err);
	if (r < 0)
		return r;
	struct spec *spec = attach.running.spec;
	attach.namespaces = options->namespaces < 0 ? running_namespaces(spec) : options->namespaces;
	/* joining the own one is an error of the kernel (EINVAL) */
	if (attach.namespaces & CLONE_NEWUSER && namespace_is_own(attach.running.init_pid, NAMESPACE_USER))
		attach.namespaces &= ~CLONE_NEWUSER;
	if (!options->initial_cwd)
		attach.cwd = getcwd(NULL, 0); /* NULL is fine: "/" then */
	spec->rootfs.limit_guard = storage_limit_guard(spec);
	if (options->apply_lsm && attach.namespaces & CLONE_NEWNS)
		r = security_seccomp_prepare(spec, &attach.seccomp, err);
	if (r == 0 && options->apply_lsm && !options->lsm_label)
		r = read_label(&attach, err);
	if (r == 0)
		r = run(&attach, ret_pid, err);
	security_seccomp_clear(&attach.seccomp);
	free(attach.apparmor);
	free(attach.cwd);
	running_clear(&attach.running);
	return r;
}
