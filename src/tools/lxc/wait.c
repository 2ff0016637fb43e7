/* lxc-wait: until a container is in a state. */
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <stdlib.h>

struct wait_state {
	uint32_t mask;
	int timeout_s;
	bool timeout_given;
};

static const struct tool_option options[] = {
	{ "state", 's', ARGUMENT_REQUIRED, "STATE[|STATE]...", "Wait for one of these states" },
	{ "timeout", 't', ARGUMENT_REQUIRED, "SECONDS", "Give up after SECONDS (default -1: never)" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_states(struct call *call, const char *value)
{
	struct wait_state *state = call->state;
	struct string_list words = { 0 };
	int r = text_split(value, "|", &words);
	for (size_t i = 0; r >= 0 && i < words.count; i++) {
		r = extra_state_from_name(words.items[i]);
		if (r < 0)
			tool_error(call, "'%s' is no state (STOPPED, STARTING, RUNNING, STOPPING, ABORTING, FREEZING, FROZEN, THAWED)",
				words.items[i]);
		else
			state->mask |= 1U << r;
	}
	string_list_clear(&words);
	return r < 0 ? -1 : 0;
}

static int take_option(struct call *call, int key, const char *value)
{
	struct wait_state *state = call->state;
	if (key == 's')
		return take_states(call, value);
	state->timeout_given = true;
	if (text_to_i32(value, &state->timeout_s) >= 0 && state->timeout_s >= -1)
		return 0;
	tool_error(call, "'%s' is not a number of seconds", value);
	return -1;
}

static int run(struct call *call)
{
	const struct wait_state *state = call->state;
	if (state->mask == 0) {
		tool_error(call, "no state given, use --state");
		return EXIT_FAILURE;
	}
	/* the container need not exist yet: only its name is used */
	struct lxc_container *c = extra_container_open(call->name, call->lxcpath);
	if (!c)
		return EXIT_FAILURE;
	int timeout_ms = !state->timeout_given || state->timeout_s < 0 ? -1 : state->timeout_s * 1000;
	int r = extra_wait_states(c, state->mask, timeout_ms);
	lxc_container_put(c);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct tool lxc_wait_tool = {
	.name = "lxc-wait",
	.summary = "Wait for a state of a container",
	.usage = "-n NAME -s STATE[|STATE]... [-t SECONDS]",
	.options = options,
	.description = "The container need not be defined when the wait begins.\n\nThe exit status is 0 when the state is "
		       "reached, 1 on timeout or error.",
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct wait_state),
};
