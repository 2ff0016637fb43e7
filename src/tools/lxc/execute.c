/* lxc-execute: runs one command in a container of its own, below the tiny init. */
#include "tools/lxc/start_options.h"

#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <stdlib.h>

struct execute_state {
	struct start_options common;
	const char *uid, *gid;
};

static const struct tool_option options[] = {
	{ "daemon", 'd', ARGUMENT_NONE, NULL, "Run in the background" },
	{ "rcfile", 'f', ARGUMENT_REQUIRED, "FILE", "Load the configuration from FILE instead" },
	{ "uid", 'u', ARGUMENT_REQUIRED, "UID", "Run the command as user UID of the container" },
	{ "gid", 'g', ARGUMENT_REQUIRED, "GID", "Run the command as group GID of the container" },
	START_OPTION_ROWS,
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_option(struct call *call, int key, const char *value)
{
	struct execute_state *state = call->state;

	if (key == 'u')
		state->uid = value;
	else if (key == 'g')
		state->gid = value;
	else
		return start_options_take(&state->common, key, value);
	return 0;
}

static int execute(const struct call *call, struct lxc_container *c)
{
	struct execute_state *state = call->state;
	struct extra_start_options start_options = {
		.foreground = !state->common.daemon,
		.application = true,
		.command = call->tool->name,
		.argv = call->argument_count ? call->arguments : NULL,
	};

	if (start_options_apply(&state->common, call, c) || set_item(call, c, "lxc.init.uid", state->uid) ||
	    set_item(call, c, "lxc.init.gid", state->gid))
		return EXIT_FAILURE;
	if (!start_options.argv && c->get_config_item(c, "lxc.execute.cmd", NULL, 0) <= 0) {
		tool_error(call, "missing command to execute");
		return EXIT_FAILURE;
	}
	int r = extra_start(c, &start_options);
	if (r > 0)
		tool_error(call, "warning: %s", c->error_string);
	if (r >= 0)
		return EXIT_SUCCESS;
	tool_container_error(call, c, "failed to run the container");
	return EXIT_FAILURE;
}

static int run(struct call *call)
{
	struct execute_state *state = call->state;
	struct lxc_container *c = tool_container(call, false);
	int status = EXIT_FAILURE;

	if (c && c->is_running(c))
		tool_error(call, "Container is already running");
	else if (c)
		status = execute(call, c);
	start_options_clear(&state->common);
	if (c)
		lxc_container_put(c);
	return status;
}

const struct tool lxc_execute_tool = {
	.name = "lxc-execute",
	.summary = "Run a command in a container of its own",
	.usage = "-n NAME [OPTION]... [--] COMMAND [ARGUMENT]...",
	.options = options,
	.description = "Runs COMMAND below a minimal init that reaps processes and passes signals on. Without a "
		       "configuration the command sees the file system of the host.\n\nThe exit status is that of the "
		       "command, 128+N if signal N killed it, 255 if it could not be executed, and 1 if the container "
		       "failed to start.",
	.takes_arguments = true,
	.logs_by_default = true,
	.stop_at_argument = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct execute_state),
};
