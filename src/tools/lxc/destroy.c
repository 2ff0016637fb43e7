/* lxc-destroy: removes a container and its storage. */
#include "tools/lxc/progress.h"
#include "tools/tool.h"

#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <poll.h>
#include <stdlib.h>

struct destroy_state {
	bool snapshots, force;
};

static const struct tool_option options[] = {
	{ "snapshots", 's', ARGUMENT_NONE, NULL, "Remove the snapshots too" },
	{ "force", 'f', ARGUMENT_NONE, NULL, "Kill the container first if it runs" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_option(struct call *call, int key, const char *value)
{
	struct destroy_state *state = call->state;
	(void)value;
	*(key == 's' ? &state->snapshots : &state->force) = true;
	return 0;
}

static int destroy(const struct call *call, struct lxc_container *c)
{
	const struct destroy_state *state = call->state;
	bool is_ephemeral = false;
	char value[8];
	if (!c->is_defined(c)) {
		tool_error(call, "Container is not defined");
		return EXIT_FAILURE;
	}
	if (c->is_running(c)) {
		if (!state->force) {
			tool_error(call, "%s is running", call->name);
			return EXIT_FAILURE;
		}
		is_ephemeral = c->get_config_item(c, "lxc.ephemeral", value, sizeof(value)) > 0 && *value == '1';
		if (extra_stop(c, -1) < 0) {
			tool_container_error(call, c, "can not kill the container");
			return EXIT_FAILURE;
		}
		/* an ephemeral container is removed by its supervisor */
		for (int tries = 0; is_ephemeral && tries < 100; tries++) {
			if (!c->is_defined(c))
				return EXIT_SUCCESS;
			(void)poll(NULL, 0, 50);
		}
	}
	struct progress progress;
	progress_start(&progress, call, "removing", c->config_path);
	bool done = state->snapshots ? c->destroy_with_snapshots(c) : c->destroy(c);
	progress_end(&progress);
	if (done)
		return EXIT_SUCCESS;
	tool_container_error(call, c, "Destroying the container failed");
	return EXIT_FAILURE;
}

static int run(struct call *call)
{
	struct lxc_container *c = tool_container(call, false);
	if (!c)
		return EXIT_FAILURE;
	int status = destroy(call, c);
	lxc_container_put(c);
	return status;
}

const struct tool lxc_destroy_tool = {
	.name = "lxc-destroy",
	.summary = "Remove a container and its storage",
	.usage = "-n NAME [-f] [-s]",
	.options = options,
	.description = "Links in the container's tree are removed, not followed, and what is mounted below it keeps its "
		       "content. A container with snapshots or clones is kept.",
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct destroy_state),
};
