/* What a killed supervisor left: a running container is adopted, a dead one is released. */
#include "engine/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "cgroup/cgroup.h"
#include "engine/handover.h"
#include "engine/hooks.h"
#include "engine/monitor.h"
#include "engine/resources.h"
#include "engine/supervisor_call.h"
#include "kernel/pidfd.h"

/* init is dead: what the supervisor would have done at the end. The post-stop hooks run once. */
static void release_dead(const struct container_id *id, struct rundir *dir, const struct run_state *state)
{
	struct cgroup_set cgroups = { 0 };
	struct spec *spec = NULL;
	auto_free char *text = NULL;
	size_t length;

	if (state->cgroups && cgroup_set_from_text(&cgroups, state->cgroups) == 0) {
		(void)cgroup_kill(&cgroups); /* processes that outlived init: attached ones */
		cgroup_set_clear(&cgroups);
	}
	if (file_read(dir->fd, "spec", 64 << 20, &text, &length) == 0)
		(void)spec_parse_flat(text, length, &spec, NULL); /* without it there are no hooks to run */
	resources_release(dir->fd, -1, NULL);
	rundir_remove(dir);
	monitor_publish(NULL, id, 0, STATE_STOPPED);
	if (spec && state->init_pid > 0) {
		struct hook_context context = { .spec = spec, .target = "stop" };
		(void)hooks_run(&context, HOOK_POST_STOP, NULL);
	}
	spec_free(spec);
}

/* init lives, or could not be found out: a supervisor is started on the locked directory. */
static int adopt(const struct container_id *id, const struct rundir *dir)
{
	struct supervisor_call call = { .id = id, .run_fd = dir->fd, .adopt = true };
	struct message message;
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	r = supervisor_spawn(&call, pair[1], &pid, NULL);
	close(pair[1]);
	if (r == 0)
		r = message_receive(pair[0], &message);
	close(pair[0]);
	if (pid > 0)
		(void)process_wait(pid, NULL); /* our child: it is there */
	return r;
}

static void kill_init(int pidfd)
{
	(void)pidfd_send_signal_number(pidfd, SIGKILL); /* gone already is what we want */
	(void)pidfd_wait(pidfd, -1);
}

/* The directory is locked by us. 0: adopted, -ENOENT: released. */
static int take_over(const struct container_id *id, struct rundir *dir)
{
	struct run_state state;
	int r = run_state_read(dir->fd, &state);
	auto_close int pidfd = r == 0 ? run_state_open_init(&state) : -1;

	if (pidfd >= 0 && state.state == STATE_STARTING) {
		/* the start was cut short: a half-made container is none */
		kill_init(pidfd);
		close_fd(&pidfd);
	}
	if (pidfd >= 0) {
		run_state_clear(&state);
		return adopt(id, dir);
	}
	release_dead(id, dir, &state);
	run_state_clear(&state);
	return -ENOENT;
}

/*
 * As rundir_lock, but leaves a directory alone that has just been made: its maker locks it at once. What is empty after
 * 20 ms has lost its maker.
 */
static int lock_abandoned(const struct rundir *dir)
{
	int r = rundir_lock(dir);

	for (int waited_ms = 0; r == 0 && waited_ms < 20 && rundir_is_empty(dir); waited_ms++) {
		flock(dir->fd, LOCK_UN);
		usleep(1000);
		r = rundir_lock(dir);
	}
	return r;
}

int recover_if_abandoned(const struct container_id *id, struct rundir *dir)
{
	int r = container_has_supervisor(id) ? lock_abandoned(dir) : -EBUSY;

	if (r == -EBUSY)
		return 0;
	if (r < 0)
		return r;
	r = take_over(id, dir);
	return r < 0 ? r : 0;
}

int recover_stale(const struct container_id *id, struct rundir *dir, struct error *err)
{
	bool is_stale = true;

	for (int attempt = 0; is_stale && attempt < 4; attempt++) {
		if (take_over(id, dir) == 0)
			return error_set_kind(err, ERROR_BUSY, EBUSY, "%s is already running", id->name);
		int r = rundir_create(id, dir, &is_stale, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void recover_failed_start(const struct container_id *id, struct rundir *dir)
{
	struct stat st;

	if (dir->fd < 0)
		return;
	if (fstat(dir->fd, &st) == 0 && st.st_nlink > 0)
		(void)take_over(id, dir); /* the start has failed either way */
	rundir_close(dir);
}
