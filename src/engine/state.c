/* Names of states, the status of a container, and loading a running one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "engine/recover.h"
#include "engine/running.h"
#include "kernel/namespace.h"
#include "kernel/pidfd.h"

static const char *const state_names[STATE_COUNT] = { "STOPPED", "STARTING", "RUNNING", "STOPPING", "ABORTING",
	"FREEZING", "FROZEN", "THAWED" };

const char *state_name(enum container_state state)
{
	return (unsigned)state < STATE_COUNT ? state_names[state] : "UNKNOWN";
}

int state_from_name(const char *name)
{
	for (int i = 0; i < STATE_COUNT; i++)
		if (strcasecmp(name, state_names[i]) == 0)
			return i;
	return -EINVAL;
}

void running_clear(struct running *running)
{
	close_fd(&running->init_pidfd);
	rundir_close(&running->dir);
	run_state_clear(&running->state);
	spec_free(running->spec);
	if (running->has_cgroups)
		cgroup_set_clear(&running->cgroups);
	*running = (struct running){ .dir.fd = -1, .init_pidfd = -1 };
}

int running_namespaces(const struct spec *spec)
{
	uint32_t mask = spec_new_namespaces(spec);
	int flags = 0;
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		if (mask & 1U << kind || spec->namespaces.share[kind])
			flags |= namespace_clone_flag((enum namespace_kind)kind);
	return flags;
}

static int read_spec(int run_fd, struct spec **ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read(run_fd, "spec", 64 << 20, &text, &length);
	if (r < 0)
		return error_set(err, r, "read the spec of the running container");
	return spec_parse_flat(text, length, ret, err);
}

static int not_running(const struct container_id *id, struct error *err)
{
	return error_set_kind(err, ERROR_NOT_FOUND, ESRCH, "%s is not running", id->name);
}

/* Opens the run directory and reads the state in it; dir is the caller's to close. -EAGAIN: a start has none yet. */
static int read_state(const struct container_id *id, struct rundir *dir, struct run_state *ret)
{
	int r = rundir_open(id, dir);
	r = r ?: recover_if_abandoned(id, dir);
	if (r < 0)
		return r;
	r = run_state_read(dir->fd, ret);
	return r == -ENOENT && rundir_lock(dir) == -EBUSY ? -EAGAIN : r;
}

static int open_init(const struct container_id *id, struct running *ret)
{
	int r = read_state(id, &ret->dir, &ret->state);
	return r ?: (ret->init_pidfd = run_state_open_init(&ret->state));
}

/* As with LXC, whose monitor answers when it has time: LXD sets cgroup items from the pre-start hook on. */
static int await_init(const struct container_id *id, struct running *ret)
{
	int r = open_init(id, ret);

	for (int waited_ms = 0; r == -EAGAIN && waited_ms < 5000; waited_ms += 2) {
		running_clear(ret);
		usleep(2000);
		r = open_init(id, ret);
	}
	return r;
}

int container_load(const struct container_id *id, unsigned parts, struct running *ret, struct error *err)
{
	*ret = (struct running){ .dir.fd = -1, .init_pidfd = -1 };
	int r = await_init(id, ret);
	if (r < 0) {
		running_clear(ret);
		return not_running(id, err);
	}
	ret->init_pid = ret->state.init_pid;
	r = 0;
	if (parts & RUNNING_SPEC)
		r = read_spec(ret->dir.fd, &ret->spec, err);
	if (r == 0 && parts & RUNNING_CGROUPS) {
		r = cgroup_set_from_text(&ret->cgroups, ret->state.cgroups);
		ret->has_cgroups = r == 0;
		if (r < 0)
			error_set(err, r, "read the cgroups of %s", id->name);
	}
	if (r < 0)
		running_clear(ret);
	return r < 0 ? r : 0;
}

/* Between the two lives of a reboot, whose post-stop hooks may still make a stop of it. */
static bool is_undecided(const struct run_state *state)
{
	return state->state == STATE_STOPPING && state->init_pid <= 0;
}

/*
 * Who asks before a reboot waits for what the hooks say, as with LXC, whose monitor does not answer meanwhile: LXD's and
 * Incus' daemons, called by their hook, wait for the end in this way and then start the container themselves. Not for ever
 * (they give up after five seconds), and not who is asked by such a hook, which would wait for its own end.
 */
static int read_decided_state(const struct container_id *id, struct run_state *ret)
{
	for (int waited_ms = 0;; waited_ms += 10) {
		struct rundir dir = { .fd = -1 };
		int r = read_state(id, &dir, ret);
		rundir_close(&dir);
		if (r < 0 || !is_undecided(ret) || waited_ms >= 5000 || process_is_below(ret->supervisor_pid))
			return r;
		run_state_clear(ret);
		usleep(10000);
	}
}

int engine_status(const struct container_id *id, struct status *ret_status, struct error *err)
{
	struct run_state state;

	(void)err;
	*ret_status = (struct status){ .state = STATE_STOPPED };
	int r = read_decided_state(id, &state);
	if (r == -EAGAIN)
		ret_status->state = STATE_STARTING;
	if (r < 0)
		return 0;

	auto_close int pidfd = run_state_open_init(&state);
	ret_status->state = state.state;
	if (pidfd >= 0) {
		ret_status->init_pid = state.init_pid;
		ret_status->supervisor_pid = state.supervisor_pid;
	} else if (state.state != STATE_STARTING) {
		ret_status->state = STATE_STOPPING;
	}
	struct cgroup_set cgroups = { 0 };
	if (pidfd >= 0 && state.state == STATE_RUNNING && cgroup_set_from_text(&cgroups, state.cgroups) == 0) {
		if (cgroup_is_frozen(&cgroups) > 0)
			ret_status->state = STATE_FROZEN;
		cgroup_set_clear(&cgroups);
	}
	run_state_clear(&state);
	return 0;
}

int engine_running_spec(const struct container_id *id, struct spec **ret_spec, struct error *err)
{
	struct running running;
	int r = container_load(id, RUNNING_SPEC, &running, err);
	if (r < 0)
		return r;
	*ret_spec = take_ptr(running.spec);
	running_clear(&running);
	return 0;
}

pid_t engine_init_pid(const struct container_id *id, struct error *err)
{
	struct running running;
	int r = container_load(id, 0, &running, err);
	if (r < 0)
		return r;
	pid_t pid = running.init_pid;
	running_clear(&running);
	return pid;
}

int engine_init_pidfd(const struct container_id *id, struct error *err)
{
	struct running running;
	int r = container_load(id, 0, &running, err);
	if (r < 0)
		return r;
	int pidfd = take_fd(&running.init_pidfd);
	running_clear(&running);
	return pidfd;
}
