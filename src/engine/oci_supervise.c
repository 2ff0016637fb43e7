/* create and run. */
#include "engine/oci_supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/journal.h"
#include "base/process.h"
#include "engine/oci_internal.h"
#include "engine/oci_ready.h"
#include "engine/placement.h"
#include "engine/restore.h"
#include "kernel/fd_passing.h"
#include "kernel/pidfd.h"

#define SHORT_LIFE_MS 5

int oci_await_exec(const struct spec *spec, int fd, pid_t pid, enum oci_status status, struct error *err)
{
	struct message message;
	int r, listener_fd;

	while ((r = message_receive_fd(fd, &message, &listener_fd)) == 0 && message.kind == MESSAGE_LISTENER) {
		r = oci_send_listener(spec, listener_fd, pid, status, err);
		close_fd(&listener_fd);
		if (r < 0)
			return r;
	}
	if (r == -ECONNRESET)
		return 0; /* its end closed with the exec */
	if (r == 0 && message.kind == MESSAGE_ERROR) {
		*err = message.error;
		return err->errnum ? -err->errnum : -EINVAL;
	}
	return error_set(err, r ? r : EBADMSG, "wait for the program's start");
}

static void pass_signals(int signal_fd, int pidfd, struct console *console)
{
	struct signalfd_siginfo info;

	while (read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
		int signal = (int)info.ssi_signo;
		if (signal == SIGWINCH && console->master_fd >= 0)
			console_resize(console, console->in_fd);
		else if (signal != SIGCHLD && signal != SIGPIPE && signal != SIGTSTP && signal != SIGTTIN && signal != SIGTTOU)
			(void)pidfd_send_signal_number(pidfd, signal); /* it may have ended */
	}
}

int oci_wait(const struct oci_waited *waited)
{
	const struct spec none = { 0 };
	struct console console;
	int ready_fd = waited->ready_fd;
	bool has_input = true;
	int status = 0;
	char name[64];

	console_init(&console);
	if (waited->has_terminal && fd_passing_receive(waited->own_console_fd, name, sizeof(name), 0, &console.master_fd) >= 0) {
		console.in_fd = STDIN_FILENO;
		console.out_fd = STDOUT_FILENO;
		console_attach_terminal(&console);
		console_resize(&console, console.in_fd);
	}
	for (;;) {
		struct pollfd fds[] = { { .fd = waited->pidfd, .events = POLLIN }, { .fd = waited->signal_fd, .events = POLLIN },
			{ .fd = console.master_fd, .events = POLLIN },
			{ .fd = has_input ? console.in_fd : -1, .events = POLLIN }, { .fd = ready_fd, .events = POLLIN } };
		if (poll(fds, sizeof(fds) / sizeof(*fds), -1) < 0)
			continue;
		if (fds[4].revents && oci_ready_serve(ready_fd, waited->spec, waited->pid))
			close_fd(&ready_fd);
		if (fds[0].revents)
			break;
		if (fds[1].revents)
			pass_signals(waited->signal_fd, waited->pidfd, &console);
		if (fds[2].revents && !console_pump_output(&console, &none))
			close_fd(&console.master_fd);
		if (fds[3].revents)
			has_input = console_pump_input(&console, console.in_fd);
	}
	struct pollfd rest = { .fd = console.master_fd, .events = POLLIN };
	while (rest.fd >= 0 && poll(&rest, 1, 0) > 0 && rest.revents & POLLIN && console_pump_output(&console, &none))
		;
	console_detach_terminal(&console);
	close_fd(&console.master_fd);
	close_fd(&ready_fd);
	(void)process_wait(waited->pid, &status); /* our child */
	return status;
}

/* Does start need nothing of the spec? A listener without a path is a fault that needs none, either. */
static bool starts_plainly(const struct spec *spec)
{
	return !spec->oci.notify_socket && !spec->oci.seccomp_listener && !oci_has_hooks(spec, OCI_POSTSTART);
}

static int prepare_state(struct start *start, enum container_state state, struct error *err)
{
	(void)process_start_ticks(start->init_pid, &start->init_start_ticks); /* our child: it can not be gone */
	struct run_state run = { .state = state, .init_pid = start->init_pid, .init_start_ticks = start->init_start_ticks,
		.supervisor_pid = getpid(), .starts_plainly = starts_plainly(start->spec) };

	if (start->has_cgroups && !(run.cgroups = cgroup_set_to_text(&start->cgroups)))
		return error_set(err, ENOMEM, "write the state file");
	int r = run_state_prepare(start->dir.fd, &run);
	free(run.cgroups);
	return r < 0 ? error_set(err, r, "write the state file in %s", start->dir.path) : 0;
}

static int commit_state(struct start *start, struct error *err)
{
	int r = run_state_commit(start->dir.fd);

	return r < 0 ? error_set(err, r, "write the state file in %s", start->dir.path) : 0;
}

static int save_state(struct start *start, enum container_state state, struct error *err)
{
	int r = prepare_state(start, state, err);

	return r < 0 ? r : commit_state(start, err);
}

int oci_save_starting(struct start *start, struct error *err)
{
	return save_state(start, STATE_STARTING, err);
}

int oci_prepare_running(struct start *start, struct error *err)
{
	int r = prepare_state(start, STATE_RUNNING, err);

	start->has_prepared_state = r == 0;
	return r;
}

int oci_save_running(struct start *start, struct error *err)
{
	return start->has_prepared_state ? commit_state(start, err) : save_state(start, STATE_RUNNING, err);
}

bool oci_may_end_at_once(const struct start *start)
{
	const struct spec_oci *oci = &start->spec->oci;

	return strcmp(oci->command, "run") == 0 && !oci->detach && !oci->keep && !oci_has_hooks(start->spec, OCI_POSTSTART);
}

static void remove_all(struct start *start)
{
	start_release(start);
	oci_remove_rundir(&start->dir, start->id.base_path, false);
}

static int fail(struct start *start, struct error *err)
{
	pid_t pid = start->init_pid;
	struct error ignored;

	remove_all(start);
	oci_report(start->spec, err);
	(void)oci_run_hooks(start->spec, OCI_POSTSTOP, OCI_STOPPED, pid, &ignored); /* err counts */
	return EXIT_FAILURE;
}

static int start_once(struct start *start, struct error *err)
{
	start_prepare(start);
	start->root.has_user_namespace |= start->spec->namespaces.share[NAMESPACE_USER] != NULL;
	start->init_plan = oci_init_plan;
	start->keeper_fd = -1;
	start->journal_fd = journal_open(start->dir.fd, "journal");
	if (start->journal_fd < 0)
		return error_set(err, start->journal_fd, "open the journal in %s", start->dir.path);
	int r = strcmp(start->spec->oci.command, "restore") == 0 ? restore_load(start, err) : 0;
	r = r ?: placement_open_shared(start, err);
	r = r ?: plan_run(oci_supervisor_plan, start, err);
	restore_clear(start);
	close_fd(&start->console.devpts_fd);
	close_fd(&start->console.slave_fd);
	if (r == 0 && start->spec->oci.pid_file)
		r = oci_write_pid_file(start->spec->oci.pid_file, start->init_pid, err);
	if (r == 0)
		r = oci_send_pidfd(start->spec, start->init_pid, err);
	return r;
}

static int status_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Is nothing to be undone but the cgroups, and are they gone now? As a rule: init took its pid namespace with it. */
static bool has_only_empty_cgroups(const struct start *start)
{
	bool has_own_pids = start->namespaces & 1U << NAMESPACE_PID;

	return has_own_pids && start->has_cgroups && !start->spec->oci.systemd_unit && start->spec->network.links.count == 0 &&
	       cgroup_set_remove_empty(&start->cgroups);
}

/* What has ended by then nobody has asked for: who asks waits for the lock, or is told that it is being made. */
static bool has_ended_at_once(const struct start *start)
{
	struct pollfd init = { .fd = start->init_pidfd, .events = POLLIN };

	return oci_may_end_at_once(start) && poll(&init, 1, SHORT_LIFE_MS) == 1;
}

/* Until the end, which other commands see and may bring about. Is what is left of it ours? */
static bool wait_unlocked(struct start *start, const struct oci_waited *waited, int *ret_status)
{
	(void)flock(start->dir.fd, LOCK_UN);
	*ret_status = oci_wait(waited);
	if (start->spec->oci.keep)
		return false;
	(void)flock(start->dir.fd, LOCK_EX); /* delete may be at work: then it is gone */
	return faccessat(start->dir.fd, "spec", F_OK, 0) == 0;
}

/* run in the foreground: until the end, and then nothing is left. */
static int stay(struct start *start)
{
	struct error err, ignored;
	pid_t pid = start->init_pid;
	int status;
	struct oci_waited waited = { .pid = pid, .pidfd = start->init_pidfd, .signal_fd = start->signal_fd,
		.own_console_fd = start->console.master_fd, .has_terminal = start->spec->oci.terminal && !start->spec->oci.console_socket,
		.ready_fd = start->ready_fd, .spec = start->spec };

	placement_close_sources(start);
	bool is_short = !waited.has_terminal && waited.ready_fd < 0 && has_ended_at_once(start);
	if (!is_short && oci_may_end_at_once(start) && oci_save_running(start, &err) < 0)
		return fail(start, &err);
	bool is_ours = is_short ? process_wait(pid, &status) == 0 : wait_unlocked(start, &waited, &status);
	if (start->spec->oci.keep)
		return status_code(status);
	start->init_pid = 0;
	if (is_ours && has_only_empty_cgroups(start)) {
		oci_remove_rundir(&start->dir, start->id.base_path, true);
	} else {
		remove_all(start);
	}
	if (is_ours)
		(void)oci_run_hooks(start->spec, OCI_POSTSTOP, OCI_STOPPED, pid, &ignored); /* they report themselves */
	return status_code(status);
}

int oci_supervise(const struct container_id *id, const struct rundir *dir, struct spec *spec)
{
	const struct supervisor_options options = { .foreground = true, .print_errors = true, .command = "wabe", .report_fd = -1 };
	struct start start = { .options = &options, .spec = spec, .id = *id, .dir = *dir, .control_fd = -1, .netns_fd = -1,
		.cgroup_fd = -1, .signal_fd = -1, .init_pidfd = -1, .init_stat_fd = -1, .ready_fd = -1 };
	struct error err = { 0 };
	bool is_create = strcmp(spec->oci.command, "create") == 0, leaves = is_create || spec->oci.detach;

	if (!leaves)
		start.signal_fd = process_open_signals();
	umask(022);
	oci_reset_signals();
	(void)close_range(3 + spec->oci.preserve_fds, ~0U, CLOSE_RANGE_CLOEXEC);
	if (start_once(&start, &err) < 0)
		return fail(&start, &err);
	if (!leaves)
		return stay(&start);
	if (start.ready_fd >= 0) {
		(void)flock(start.dir.fd, LOCK_UN); /* that may take long */
		oci_ready_await(start.ready_fd, spec, start.init_pid, start.init_pidfd);
	}
	return EXIT_SUCCESS;
}
