/* The caller's side of a start: run directory, spec file, supervisor, its report. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "engine/handover.h"
#include "engine/recover.h"
#include "engine/restore.h"
#include "engine/rundir.h"
#include "engine/supervisor_call.h"
#include "kernel/mount.h"

extern char **environ;

/*
 * The supervisor's program through a read-only mount of its own: what a container could reach by
 * /proc/PID/exe can not be written (CVE-2019-5736). Without open_tree (before 5.2) or mount_setattr (5.12) the
 * plain file.
 */
static int open_supervisor(void)
{
	int fd = mount_clone_read_only(AT_FDCWD, WABE_SUPERVISOR, false);

	if (fd >= 0)
		return fd;
	int plain = open(WABE_SUPERVISOR, O_PATH | O_CLOEXEC);
	return plain < 0 ? -errno : plain;
}

static size_t add_argument(char **argv, size_t count, const char *text)
{
	argv[count] = (char *)(uintptr_t)text; /* execve does not write to it */
	return count + 1;
}

static void build_argv(const struct supervisor_call *call, char *title, size_t size, char *run_fd, char **argv)
{
	const struct container_id *id = call->id;
	size_t n = 0;

	snprintf(title, size, "[lxc monitor] %s %s", id->base_path, id->name);
	snprintf(run_fd, 32, "--run-fd=%d", call->run_fd);
	n = add_argument(argv, n, title);
	n = add_argument(argv, n, run_fd);
	if (call->adopt)
		n = add_argument(argv, n, "--adopt");
	if (call->restore)
		n = add_argument(argv, n, "--restore");
	if (call->foreground)
		n = add_argument(argv, n, "--foreground");
	if (call->close_all_fds)
		n = add_argument(argv, n, "--close-all-fds");
	if (call->container_status)
		n = add_argument(argv, n, "--container-status");
	if (call->command) {
		n = add_argument(argv, n, "--command");
		n = add_argument(argv, n, call->command);
	}
	if (call->pidfile) {
		n = add_argument(argv, n, "--pidfile");
		n = add_argument(argv, n, call->pidfile);
	}
	argv[n] = NULL;
}

int supervisor_exec(const struct supervisor_call *call, struct error *err)
{
	char title[PATH_MAX], run_fd[32], *argv[16];
	auto_close int program = open_supervisor();

	if (program < 0)
		return error_set(err, program, "open %s", WABE_SUPERVISOR);
	build_argv(call, title, sizeof(title), run_fd, argv);
	if (fcntl(call->run_fd, F_SETFD, 0) < 0)
		return error_set(err, errno, "keep the run directory open");
	syscall(SYS_execveat, program, "", argv, environ, AT_EMPTY_PATH);
	return error_set(err, errno, "execute %s", WABE_SUPERVISOR);
}

/* What posix_spawn needs. */
struct spawn {
	const char *path;
	posix_spawn_file_actions_t *actions;
	posix_spawnattr_t *attributes;
	char **argv;
};

static int spawn_child(const struct spawn *spawn, pid_t *ret_pid)
{
	int r = posix_spawn(ret_pid, spawn->path, spawn->actions, spawn->attributes, spawn->argv, environ);
	if (r == ENOENT || r == EACCES) /* no /proc here */
		r = posix_spawn(ret_pid, WABE_SUPERVISOR, spawn->actions, spawn->attributes, spawn->argv, environ);
	return r;
}

/* Nobody's child: made by a child in between that ends at once. Both share our memory, so nothing is copied. */
static int spawn_orphan(const struct spawn *spawn, pid_t *ret_middle)
{
	volatile int failed = 0;
	pid_t pid;

	pid_t middle = vfork();
	if (middle == 0) {
		failed = spawn_child(spawn, &pid);
		_exit(0);
	}
	*ret_middle = middle;
	return middle < 0 ? errno : failed;
}

int supervisor_spawn(const struct supervisor_call *call, int report_fd, pid_t *ret_pid, struct error *err)
{
	char title[PATH_MAX], run_fd[32], path[32], *argv[16];
	struct supervisor_call moved = *call;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;

	auto_close int program = open_supervisor();
	if (program < 0)
		return error_set(err, program, "open %s", WABE_SUPERVISOR);
	moved.run_fd = 3;
	build_argv(&moved, title, sizeof(title), run_fd, argv);
	posix_spawn_file_actions_init(&actions);
	/* all out of the way of 3 and 4, then two to these places */
	auto_close int high_program = fcntl(program, F_DUPFD_CLOEXEC, 10);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", high_program);
	int high_run = fcntl(call->run_fd, F_DUPFD_CLOEXEC, 10);
	int high_report = fcntl(report_fd, F_DUPFD_CLOEXEC, 10);
	posix_spawn_file_actions_adddup2(&actions, high_run, 3);
	posix_spawn_file_actions_adddup2(&actions, high_report, 4);
	posix_spawnattr_init(&attributes);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	struct spawn spawn = { .path = path, .actions = &actions, .attributes = &attributes, .argv = argv };
	int r = call->foreground ? spawn_child(&spawn, ret_pid) : spawn_orphan(&spawn, ret_pid);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	close_fd(&high_run);
	close_fd(&high_report);
	return r ? error_set(err, r, "execute %s", WABE_SUPERVISOR) : 0;
}

/* The first one whole, of the others the text. */
static void add_warning(struct error *all, const struct error *next)
{
	size_t used = strlen(all->what);

	if (used == 0)
		*all = *next;
	else
		(void)snprintf(all->what + used, sizeof(all->what) - used, "; %s", next->what);
}

/*
 * Reads reports until the start is decided (background) or the container has ended (foreground). *ret_is_told: the
 * failure was reported, so the supervisor lives and takes everything back itself.
 */
static int await_report(int report_fd, bool foreground, struct start_result *result, bool *ret_is_told,
	struct error *err)
{
	struct message message;
	bool is_running = false;

	for (;;) {
		int r = message_receive(report_fd, &message);
		if (r < 0 && is_running)
			return 0;
		if (r < 0)
			return error_set_kind(err, ERROR_KERNEL, 0, "the supervisor ended without a report");
		if (message.kind == MESSAGE_ERROR) {
			*err = message.error;
			*ret_is_told = true;
			return err->errnum ? -err->errnum : -EINVAL;
		}
		if (message.kind == MESSAGE_WARNING)
			add_warning(&result->warning, &message.error);
		if (message.kind == MESSAGE_RUNNING) {
			is_running = true;
			result->init_pid = message.value;
			if (!foreground)
				return 0;
		}
		if (message.kind == MESSAGE_ENDED)
			result->wait_status = message.value;
	}
}

static int write_spec(const struct spec *spec, int run_fd, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = spec_to_flat(spec, &text, &length);
	if (r == 0)
		r = file_write(run_fd, "spec", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, text, length);
	return r < 0 ? error_set(err, r, "store the spec in the run directory") : 0;
}

static int spawn_and_wait(const struct supervisor_call *call, struct start_result *result, bool *ret_is_told,
	struct error *err)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "talk to the supervisor");
	int r = supervisor_spawn(call, pair[1], &pid, err);
	close(pair[1]);
	if (r == 0)
		r = await_report(pair[0], call->foreground, result, ret_is_told, err);
	close(pair[0]);
	/* in the background the child has left the real supervisor behind and ends at once */
	if (pid > 0)
		(void)process_wait(pid, NULL); /* our child: it is there */
	return r;
}

static int write_restore(const char *text, int run_fd, struct error *err)
{
	int r = text ? file_write(run_fd, RESTORE_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, text, strlen(text)) : 0;

	return r < 0 ? error_set(err, r, "store the wish to restore in the run directory") : 0;
}

int supervisor_start(const struct spec *spec, const struct start_options *options, const char *restore,
	struct start_result *ret_result, struct error *err)
{
	struct container_id id = { .dialect = spec->identity.dialect, .base_path = spec->identity.base_path,
		.name = spec->identity.name };
	struct start_result unused = { 0 };
	struct rundir dir;
	bool is_stale, is_told = false;

	int r = spec_validate(spec, err);
	if (r < 0)
		return r;
	r = rundir_create(&id, &dir, &is_stale, err);
	if (r < 0)
		return r;
	if (is_stale) {
		r = recover_stale(&id, &dir, err);
		if (r < 0) {
			rundir_close(&dir);
			return r;
		}
	}
	r = write_spec(spec, dir.fd, err);
	r = r ?: write_restore(restore, dir.fd, err);
	if (r == 0) {
		struct supervisor_call call = { .id = &id,
			.run_fd = dir.fd,
			.restore = restore != NULL,
			.foreground = options->foreground,
			.close_all_fds = options->close_all_fds,
			.container_status = spec->process.is_application,
			.command = options->replace_process ? options->command : NULL,
			.pidfile = options->pidfile };
		if (options->replace_process)
			r = supervisor_exec(&call, err);
		else
			r = spawn_and_wait(&call, ret_result ? ret_result : &unused, &is_told, err);
		if (r == 0 || is_told) {
			rundir_close(&dir);
			return r;
		}
	}
	recover_failed_start(&id, &dir);
	return r;
}

int engine_start(const struct spec *spec, const struct start_options *options, struct start_result *ret_result,
	struct error *err)
{
	return supervisor_start(spec, options, NULL, ret_result, err);
}
