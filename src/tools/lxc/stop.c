/* lxc-stop: shuts a container down, restarts or kills it. */
#include "tools/tool.h"

#include "base/text.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <stdlib.h>

enum { KEY_NO_LOCK = 256, KEY_NO_KILL, DEFAULT_TIMEOUT_S = 60, STATUS_NOT_RUNNING = 2 };

struct stop_state {
	bool reboot, no_wait, kill, no_lock, no_kill, timeout_given;
	int timeout_s;
};

static const struct tool_option options[] = {
	{ "reboot", 'r', ARGUMENT_NONE, NULL, "Restart the container" },
	{ "nowait", 'W', ARGUMENT_NONE, NULL, "Send the signal and do not wait" },
	{ "timeout", 't', ARGUMENT_REQUIRED, "SECONDS", "Kill after SECONDS (default 60; -1: never)" },
	{ "kill", 'k', ARGUMENT_NONE, NULL, "Kill at once instead of asking for a shutdown" },
	{ "nolock", KEY_NO_LOCK, ARGUMENT_NONE, NULL, "Take no lock (only with --kill)" },
	{ "nokill", KEY_NO_KILL, ARGUMENT_NONE, NULL, "Only ask for a shutdown, do not kill after the timeout" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_option(struct call *call, int key, const char *value)
{
	struct stop_state *state = call->state;

	switch (key) {
	case 'r':
		state->reboot = true;
		return 0;
	case 'W':
		state->no_wait = true;
		return 0;
	case 't':
		state->timeout_given = true;
		if (text_to_i32(value, &state->timeout_s) >= 0 && state->timeout_s >= -1)
			return 0;
		tool_error(call, "'%s' is not a number of seconds", value);
		return -1;
	case 'k':
		state->kill = true;
		return 0;
	case KEY_NO_LOCK:
		state->no_lock = true;
		return 0;
	default:
		state->no_kill = true;
		return 0;
	}
}

/* NULL: the options go together. */
static const char *find_conflict(const struct stop_state *state)
{
	if (state->no_lock && !state->kill)
		return "--nolock is only allowed with --kill";
	if (state->kill && state->reboot)
		return "--kill does not go with --reboot";
	if (state->kill && state->no_kill)
		return "--kill does not go with --nokill";
	if (state->kill && state->timeout_given)
		return "--kill does not go with --timeout";
	return NULL;
}

static int kill_now(const struct call *call, struct lxc_container *c)
{
	const struct stop_state *state = call->state;

	/* Without --nowait as long as it takes; the kill itself can not be refused. */
	if (extra_stop(c, state->no_wait ? 0 : -1) >= 0 || !c->is_running(c))
		return EXIT_SUCCESS;
	if (state->no_wait)
		return EXIT_SUCCESS;
	tool_container_error(call, c, "can not kill the container");
	return EXIT_FAILURE;
}

static int reboot_container(const struct call *call, struct lxc_container *c)
{
	const struct stop_state *state = call->state;
	bool done = state->no_wait ? c->reboot(c) : c->reboot2(c, state->timeout_given ? state->timeout_s : DEFAULT_TIMEOUT_S);

	if (done)
		return EXIT_SUCCESS;
	tool_container_error(call, c, "can not restart the container");
	return EXIT_FAILURE;
}

static int shut_down(const struct call *call, struct lxc_container *c)
{
	const struct stop_state *state = call->state;
	int timeout_s = state->timeout_given ? state->timeout_s : DEFAULT_TIMEOUT_S;

	if (state->no_wait)
		timeout_s = 0;
	if (c->shutdown(c, timeout_s) || !c->is_running(c))
		return EXIT_SUCCESS;
	if (state->no_kill) {
		tool_error(call, "did not stop within %d seconds", timeout_s);
		return EXIT_FAILURE;
	}
	/* Waiting for ever ended without a stop: the signal could not be sent. Killing is what is left. */
	return kill_now(call, c);
}

static int stop(const struct call *call, struct lxc_container *c)
{
	const struct stop_state *state = call->state;

	if (!c->may_control(c)) {
		tool_error(call, "Insufficient privileges to control the container");
		return EXIT_FAILURE;
	}
	if (!c->is_running(c)) {
		tool_error(call, "container is not running");
		return STATUS_NOT_RUNNING;
	}
	if (state->kill)
		return kill_now(call, c);
	return state->reboot ? reboot_container(call, c) : shut_down(call, c);
}

static int run(struct call *call)
{
	const char *conflict = find_conflict(call->state);
	struct lxc_container *c;
	int status;

	if (conflict) {
		tool_error(call, "%s", conflict);
		return EXIT_FAILURE;
	}
	c = tool_container(call, false);
	if (!c)
		return EXIT_FAILURE;
	status = stop(call, c);
	lxc_container_put(c);
	return status;
}

const struct tool lxc_stop_tool = {
	.name = "lxc-stop",
	.summary = "Stop a container",
	.usage = "-n NAME [OPTION]...",
	.options = options,
	.description = "Sends init the signal to shut down (SIGPWR, SIGRTMIN+3 where init is systemd, or lxc.signal.halt), "
		       "waits, and kills the container when the timeout is over.\n\nThe exit status is 0 when the "
		       "container is stopped, 1 on failure, and 2 if it was not running.",
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct stop_state),
};
