/* The supervisor: one start after the other until the container is to stay down, then nothing is left. */
#include "engine/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/journal.h"
#include "base/paths.h"
#include "base/process.h"
#include "engine/addresses.h"
#include "engine/announcer.h"
#include "engine/control.h"
#include "engine/hooks.h"
#include "engine/monitor.h"
#include "engine/placement.h"
#include "engine/resources.h"
#include "engine/restore.h"
#include "kernel/namespace.h"
#include "kernel/pidfd.h"

enum ending { ENDING_STOP, ENDING_REBOOT };

struct loop {
	struct start *start;
	struct control control;
	int signal_fd;
	int filter_fd; /* tells when the filter of an interface may have been deleted; -1: none has one */
	int announcer_fd; /* -1: nothing is announced */
	unsigned announcements;
	bool has_input; /* the caller's terminal still gives something */
};

int start_set_state(struct start *start, enum container_state state, struct error *err)
{
	struct run_state run = { .state = state,
		.init_pid = start->init_pid,
		.init_start_ticks = start->init_start_ticks,
		.supervisor_pid = getpid(),
		.foreground = start->options->foreground };
	int r = 0;

	if (start->has_cgroups && !(run.cgroups = cgroup_set_to_text(&start->cgroups)))
		r = -ENOMEM;
	if (r == 0)
		r = run_state_write(start->dir.fd, &run);
	free(run.cgroups);
	if (r < 0)
		return error_set(err, r, "write the state file in %s", start->dir.path);
	monitor_publish(start->dir.path, &start->id, 0, state);
	return 0;
}

/* Everything of one start that the supervisor holds, but the run directory and the control socket. */
static void release_handles(struct start *start)
{
	handover_close(&start->handover);
	placement_close_sources(start);
	console_close(&start->console);
	notify_clear(&start->notify);
	security_seccomp_clear(&start->seccomp);
	security_clear_labels(&start->labels);
	network_free(start->network);
	start->network = NULL;
	if (start->has_cgroups)
		cgroup_set_clear(&start->cgroups);
	start->has_cgroups = false;
	free(start->hierarchies);
	start->hierarchies = NULL;
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		close_fd(&start->join_fds[kind]);
	close_fd(&start->cgroup_fd);
	close_fd(&start->init_pidfd);
	close_fd(&start->init_stat_fd);
	close_fd(&start->netns_fd);
	start->init_pid = 0;
}

void start_release(struct start *start)
{
	if (start->init_pid > 0 && start->init_pidfd >= 0) {
		(void)pidfd_send_signal_number(start->init_pidfd, SIGKILL); /* it may have ended by itself */
		(void)pidfd_wait(start->init_pidfd, -1);
		(void)waitpid(start->init_pid, NULL, 0); /* adopted: not our child */
	}
	if (start->has_cgroups && start->cgroups.monitor)
		cgroup_set_leave_monitor(&start->cgroups);
	if (start->has_cgroups)
		(void)cgroup_kill(&start->cgroups); /* attached processes can outlive init */
	if (start->network)
		network_down(start->spec, start->network, start->netns_fd);
	resources_release(start->dir.fd, start->netns_fd, start->log);
	pages_end(start);
	release_handles(start);
}

/* Namespaces that the spec makes; what it shares is not made. */
void start_prepare(struct start *start)
{
	start->namespaces = spec_new_namespaces(start->spec);
	start->root = (struct rootfs_context){ .spec = start->spec,
		.root_fd = -1,
		.source_fd = -1,
		.mount_point = start->spec->rootfs.mount,
		.devpts_fd = -1,
		.console_index = -1,
		.has_user_namespace = start->spec->idmaps.count > 0,
		.log = start->log };
	start->netns_fd = -1;
	start->cgroup_fd = -1;
	start->init_pidfd = -1;
	start->init_stat_fd = -1;
	start->init_pid = 0;
	start->handover = (struct handover){ -1, -1 };
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		start->join_fds[kind] = -1;
	start->init_plan = init_plan;
	console_init(&start->console);
	notify_init(&start->notify);
}

static int start_once(struct start *start, struct error *err)
{
	start_prepare(start);
	start->journal_fd = journal_open(start->dir.fd, "journal");
	if (start->journal_fd < 0)
		return error_set(err, start->journal_fd, "open the journal in %s", start->dir.path);
	int r = start->options->restore && !start->is_reboot ? restore_load(start, err) : 0;
	r = r ?: placement_open_shared(start, err);
	r = r ?: plan_run(supervisor_plan, start, err);
	restore_clear(start);
	handover_close(&start->handover);
	close_fd(&start->journal_fd);
	if (r < 0)
		return r;
	console_drop_slave(&start->console);
	placement_close_sources(start);
	if (start->namespaces & 1U << NAMESPACE_NET && start->network)
		start->netns_fd = namespace_open(start->init_pid, NAMESPACE_NET);
	return 0;
}

/* ---- the loop ---- */

static void forward_signal(struct loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		int signal = (int)info.ssi_signo;
		if (signal == SIGCHLD)
			continue;
		if (signal == SIGWINCH) {
			console_resize(&loop->start->console, loop->start->console.in_fd);
			continue;
		}
		(void)pidfd_send_signal_number(loop->start->init_pidfd, signal == SIGHUP ? SIGTERM : signal);
	}
}

static void add_fd(struct pollfd *fds, nfds_t *count, int fd)
{
	fds[*count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	(*count)++;
}

static void serve_console(struct loop *loop, const struct pollfd *fds, nfds_t count)
{
	struct console *console = &loop->start->console;

	for (nfds_t i = 0; i < count; i++) {
		if (!fds[i].revents || fds[i].fd < 0)
			continue;
		if (fds[i].fd == console->master_fd && !console_pump_output(console, loop->start->spec))
			close_fd(&console->master_fd); /* an error of the pty itself: no console any more */
		else if (fds[i].fd == console->in_fd && loop->has_input)
			loop->has_input = console_pump_input(console, console->in_fd);
		else if (fds[i].fd == console->client_fd) {
			console_resize(console, console->client_fd);
			if (!console_pump_input(console, console->client_fd))
				close_fd(&console->client_fd);
		}
	}
}

/* Until init has ended. */
static void watch(struct loop *loop)
{
	struct start *start = loop->start;
	struct pollfd fds[10 + CONTROL_CONNECTIONS];

	for (;;) {
		nfds_t count = 0;
		add_fd(fds, &count, start->init_pidfd);
		add_fd(fds, &count, loop->signal_fd);
		add_fd(fds, &count, loop->control.listen_fd);
		add_fd(fds, &count, start->console.master_fd);
		add_fd(fds, &count, loop->has_input ? start->console.in_fd : -1);
		add_fd(fds, &count, start->console.client_fd);
		nfds_t notifications = count;
		add_fd(fds, &count, start->notify.epoll_fd);
		add_fd(fds, &count, loop->filter_fd);
		add_fd(fds, &count, start->pages.keeper_pid > 0 ? start->pages.channel_fd : -1);
		add_fd(fds, &count, loop->announcer_fd);
		nfds_t connections = count;
		for (size_t i = 0; i < CONTROL_CONNECTIONS; i++)
			add_fd(fds, &count, loop->control.fds[i]);
		if (poll(fds, count, -1) < 0)
			continue;
		if (fds[1].revents)
			forward_signal(loop);
		serve_console(loop, fds + 3, 3);
		for (size_t i = 0; i < CONTROL_CONNECTIONS; i++)
			if (fds[connections + i].revents && loop->control.fds[i] >= 0)
				control_serve(&loop->control, i, start);
		if (fds[notifications].revents)
			notify_serve(start);
		if (fds[notifications + 1].revents)
			addresses_serve(start, loop->filter_fd);
		if (fds[notifications + 2].revents)
			pages_end(start);
		if (fds[notifications + 3].revents)
			announcer_serve(start, &loop->announcer_fd, &loop->announcements);
		if (fds[2].revents)
			control_accept(&loop->control);
		if (fds[0].revents)
			return;
	}
}

/* What init wrote last is still in the pty. */
static void drain_console(struct start *start)
{
	struct pollfd fd = { .fd = start->console.master_fd, .events = POLLIN };

	while (fd.fd >= 0 && poll(&fd, 1, 0) > 0 && fd.revents & POLLIN &&
		console_pump_output(&start->console, start->spec))
		;
}

/*
 * The last field of /proc/PID/stat of a zombie. Only there, beside wait(2), is a reboot seen: PIDFD_GET_INFO tells of
 * the SIGKILL that ended init, not of the reason. Whoever waits for init may be faster than us: -ESRCH.
 */
static int status_of_zombie(int stat_fd, int *status)
{
	char text[1024];
	ssize_t n = stat_fd < 0 ? -1 : pread(stat_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	const char *state = strrchr(text, ')'), *last = strrchr(text, ' ');
	if (!state || !last || (strncmp(state, ") Z", 3) != 0 && strncmp(state, ") X", 3) != 0))
		return -ESRCH;
	*status = atoi(last + 1);
	return 0;
}

static int exit_status_of_init(struct start *start)
{
	int status = 0;

	/* adopted: somebody else's child, who has it waited for in a moment */
	if (status_of_zombie(start->init_stat_fd, &status) == 0)
		return status;
	while (waitpid(start->init_pid, &status, 0) < 0) {
		if (errno == EINTR)
			continue;
		for (int attempt = 0; attempt < 100; attempt++) { /* the kernel tells it after that wait */
			if (pidfd_exit_status(start->init_pidfd, &status) == 0)
				return status;
			usleep(10000);
		}
		return 0;
	}
	return status;
}

static int run_ending_hooks(struct start *start, enum hook_moment moment, enum ending ending, const int *namespaces,
	struct error *err)
{
	struct hook_context context = { .spec = start->spec,
		.log = start->log,
		.init_pid = start->init_pid,
		.target = ending == ENDING_REBOOT ? "reboot" : "stop",
		.namespace_fds = namespaces };

	return hooks_run(&context, moment, err);
}

static void open_namespaces(const struct start *start, int fds[NAMESPACE_KINDS])
{
	bool wanted = hooks_has(start->spec, HOOK_STOP);

	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		fds[kind] = wanted && start->namespaces & 1U << kind ?
			namespace_open(start->init_pid, (enum namespace_kind)kind) :
			-1;
}

/* reboot(2) in a pid namespace kills init by SIGHUP (restart) or SIGINT (halt): man 2 reboot. */
static enum ending ending_of(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP ? ENDING_REBOOT : ENDING_STOP;
}

/* Everything is released, and from here on the container counts as stopped and may be started by others. */
static void let_go(struct start *start)
{
	if (start->dir.fd < 0)
		return;
	if (start->options->pidfile)
		(void)unlink(start->options->pidfile); /* may never have been written */
	rundir_remove(&start->dir);
	close_fd(&start->control_fd);
	monitor_publish(start->dir.path, &start->id, 0, STATE_STOPPED);
}

/*
 * The post-stop hooks see a stopped container: what they call (LXD's daemon) asks for its state. Before a reboot it is
 * kept, and they see it stopping, others wait: a hook that fails makes a stop of it.
 */
static enum ending end_life(struct start *start, enum ending ending)
{
	struct error err;

	if (ending == ENDING_STOP)
		let_go(start);
	else if (hooks_has(start->spec, HOOK_POST_STOP) && start_set_state(start, STATE_STOPPING, &err) < 0)
		log_error(start->log, "%s", err.what);
	if (run_ending_hooks(start, HOOK_POST_STOP, ending, NULL, &err) < 0) {
		log_error(start->log, "%s", err.what);
		ending = ENDING_STOP; /* who refuses the end of the old life does not want a new one */
	}
	return ending;
}

/* One life of the container, from running to released. *status: of init. */
static enum ending live(struct loop *loop, int *status)
{
	struct start *start = loop->start;
	int namespaces[NAMESPACE_KINDS];
	struct error err;

	open_namespaces(start, namespaces);
	loop->announcer_fd = announcer_open(start);
	console_attach_terminal(&start->console);
	watch(loop);
	close_fd(&loop->announcer_fd);
	*status = exit_status_of_init(start);
	drain_console(start);
	console_detach_terminal(&start->console);
	enum ending ending = ending_of(*status);
	monitor_publish(start->dir.path, &start->id, 1, *status);
	monitor_publish(start->dir.path, &start->id, 0, STATE_STOPPING);
	if (run_ending_hooks(start, HOOK_STOP, ending, namespaces, &err) < 0)
		log_error(start->log, "%s", err.what);
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		close_fd(&namespaces[kind]);
	start->init_pid = 0;
	start_release(start);
	return end_life(start, ending);
}

static void report(const struct start *start, enum message_kind kind, int value, const struct error *err)
{
	struct message message = { .kind = kind, .value = value };
	char line[1200];

	if (err)
		message.error = *err;
	if (start->options->report_fd >= 0)
		(void)message_send(start->options->report_fd, &message); /* nobody may be listening any more */
	else if (err && start->options->print_errors)
		dprintf(STDERR_FILENO, "%s: %s: %s\n", start->options->command, start->id.name,
			error_render(err, line, sizeof(line)));
	if (err)
		log_error(start->log, "%s", error_render(err, line, sizeof(line)));
}

void start_warn(const struct start *start, const struct error *warning)
{
	struct message message = { .kind = MESSAGE_WARNING, .error = *warning };
	char line[1200];

	if (start->options->report_fd >= 0)
		(void)message_send(start->options->report_fd, &message); /* nobody may be listening any more */
	else if (start->options->print_errors)
		dprintf(STDERR_FILENO, "%s: %s: warning: %s\n", start->options->command, start->id.name,
			error_render(warning, line, sizeof(line)));
	log_warn(start->log, "%s", error_render(warning, line, sizeof(line)));
}

/* What was asked for, this kernel has not, and does not keep the container from running. */
static void report_warning(const struct start *start)
{
	struct error warning = { 0 };

	if (!start->labels.warning[0])
		return;
	(void)error_set(&warning, 0, "%s", start->labels.warning);
	start_warn(start, &warning);
}

static void write_pidfile(struct start *start)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d\n", getpid());

	if (start->options->pidfile)
		(void)file_write(AT_FDCWD, start->options->pidfile, O_WRONLY | O_CREAT | O_TRUNC, 0644, text,
			(size_t)length); /* the caller has tried it before */
}

static int exit_status(const struct start *start, int status)
{
	if (!start->options->container_status)
		return EXIT_SUCCESS;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Takes over what a killed supervisor left running. */
static int adopt(struct start *start, struct error *err)
{
	struct run_state state;

	start_prepare(start);
	int r = run_state_read(start->dir.fd, &state);
	if (r < 0)
		return error_set(err, r, "read the state of %s", start->id.name);
	r = start->init_pidfd = run_state_open_init(&state);
	start->init_pid = state.init_pid;
	start->init_start_ticks = state.init_start_ticks;
	if (r >= 0) {
		char path[32];
		snprintf(path, sizeof(path), "/proc/%d/stat", start->init_pid);
		start->init_stat_fd = open(path, O_RDONLY | O_CLOEXEC); /* without it a reboot is a stop */
		start->has_cgroups = cgroup_set_from_text(&start->cgroups, state.cgroups) == 0;
		start->netns_fd = namespace_open(start->init_pid, NAMESPACE_NET);
		r = control_listen(&start->id, &start->control_fd, err);
	}
	run_state_clear(&state);
	if (r < 0)
		return r;
	return start_set_state(start, STATE_RUNNING, err);
}

static int fail(struct start *start, struct error *err)
{
	struct error ignored;
	bool has_begun = start->init_pid > 0 || start->has_cgroups;

	monitor_publish(start->dir.path, &start->id, 0, STATE_ABORTING);
	start_release(start);
	let_go(start);
	report(start, MESSAGE_ERROR, 0, err);
	if (has_begun)
		(void)run_ending_hooks(start, HOOK_POST_STOP, ENDING_STOP, NULL, &ignored); /* err counts */
	/* as init.lxc: all was made, but the command itself could not be executed */
	bool is_command = start->options->container_status && start->running_step &&
			  strcmp(start->running_step, "await-exec") == 0;
	return is_command ? 255 : EXIT_FAILURE;
}

/*
 * The library that this program belongs to stands in its mappings, as in those of an LXC monitor: so package tools
 * and engines (LXD's and Incus' own checks among them) find what runs of which installation. It is never read.
 */
static void show_library(void)
{
	auto_close int fd = open(WABE_LIBRARY, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0); /* kept for life */
}

int supervise(struct start *start)
{
	struct error err;
	struct loop loop = { .start = start, .signal_fd = process_open_signals(), .filter_fd = -1 };
	int status = 0;

	for (size_t i = 0; i < CONTROL_CONNECTIONS; i++)
		loop.control.fds[i] = -1;
	int r = start->options->adopt ? adopt(start, &err) : start_once(start, &err);
	if (r < 0)
		return fail(start, &err);
	write_pidfile(start);
	report_warning(start);
	report(start, MESSAGE_RUNNING, start->init_pid, NULL);
	show_library();
	loop.filter_fd = network_open_filter_events(start->spec);
	if (loop.filter_fd >= 0)
		addresses_restore_filters(start); /* of an adopted container, or deleted since */
	for (;;) {
		loop.control.listen_fd = start->control_fd;
		loop.has_input = true;
		if (live(&loop, &status) != ENDING_REBOOT)
			break;
		start->is_reboot = true;
		if (start_once(start, &err) < 0)
			return fail(start, &err);
	}
	let_go(start);
	report(start, MESSAGE_ENDED, status, NULL);
	return exit_status(start, status);
}
