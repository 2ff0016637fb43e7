/* lxc-start: starts a container, in the background unless told otherwise. */
#include "tools/lxc/start_options.h"

#include "base/cleanup.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <fcntl.h>
#include <string.h>

struct start_state {
	struct start_options common;
	const char *pidfile, *console, *console_log;
	bool close_all_fds;
};

static const struct tool_option options[] = {
	{ "daemon", 'd', ARGUMENT_NONE, NULL, "Start in the background (the default)" },
	{ "foreground", 'F', ARGUMENT_NONE, NULL, "Stay in the foreground, with this terminal as the console" },
	{ "pidfile", 'p', ARGUMENT_REQUIRED, "FILE", "Write the process id of the supervisor to FILE" },
	{ "rcfile", 'f', ARGUMENT_REQUIRED, "FILE", "Load the configuration from FILE instead" },
	{ "console", 'c', ARGUMENT_REQUIRED, "FILE", "Use FILE, for example a terminal, as the console" },
	{ "console-log", 'L', ARGUMENT_REQUIRED, "FILE", "Log what the console shows to FILE" },
	{ "close-all-fds", 'C', ARGUMENT_NONE, NULL, "Close inherited file descriptors instead of refusing them" },
	START_OPTION_ROWS,
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_option(struct call *call, int key, const char *value)
{
	struct start_state *state = call->state;

	switch (key) {
	case 'p':
		state->pidfile = value;
		return 0;
	case 'c':
		state->console = value;
		return 0;
	case 'L':
		state->console_log = value;
		return 0;
	case 'C':
		state->close_all_fds = true;
		return 0;
	default:
		return start_options_take(&state->common, key, value);
	}
}

/* The supervisor runs in /, so the path must be absolute; a file that is not there is made. */
static int set_file_item(const struct call *call, struct lxc_container *c, const char *key, const char *path)
{
	auto_free char *absolute = NULL;
	auto_close int fd = -1;

	if (!path)
		return 0;
	if (!strcmp(path, "none"))
		return set_item(call, c, key, path);
	absolute = absolute_path(path);
	/* O_NOCTTY: a terminal named here must not become ours. */
	fd = absolute ? open(absolute, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600) : -1;
	if (fd < 0) {
		tool_error(call, "can not open %s: %s", path, strerror(errno));
		return -1;
	}
	return set_item(call, c, key, absolute);
}

static int prepare(const struct call *call, struct lxc_container *c)
{
	struct start_state *state = call->state;

	if (!call->rcfile && !call->argument_count && !state->common.define_count && !c->is_defined(c)) {
		tool_error(call, "No container config specified: %s/%s/config is not there", call->lxcpath, call->name);
		return -1;
	}
	if (start_options_apply(&state->common, call, c) ||
	    set_file_item(call, c, "lxc.console.path", state->console) ||
	    set_file_item(call, c, "lxc.console.logfile", state->console_log))
		return -1;
	return 0;
}

static int start(const struct call *call, struct lxc_container *c)
{
	struct start_state *state = call->state;
	auto_free char *pidfile = state->pidfile ? absolute_path(state->pidfile) : NULL;
	char warning[448] = "";
	struct extra_start_options start_options = {
		.foreground = state->common.foreground,
		.command = call->tool->name,
		.pidfile = pidfile,
		.close_all_fds = state->close_all_fds,
		.argv = call->argument_count ? call->arguments : NULL,
		.ret_warning = warning,
	};

	if (extra_start(c, &start_options) >= 0) {
		if (warning[0])
			tool_error(call, "%s", warning);
		return EXIT_SUCCESS;
	}
	tool_container_error(call, c, "failed to start");
	return EXIT_FAILURE;
}

static int run(struct call *call)
{
	struct start_state *state = call->state;
	struct lxc_container *c = tool_container(call, false);
	int status = EXIT_FAILURE;

	if (c && c->is_running(c)) {
		tool_error(call, "Container is already running");
		status = EXIT_SUCCESS; /* as scripts know it */
	} else if (c && !prepare(call, c)) {
		status = start(call, c);
	}
	start_options_clear(&state->common);
	if (c)
		lxc_container_put(c);
	return status;
}

const struct tool lxc_start_tool = {
	.name = "lxc-start",
	.summary = "Start a container",
	.usage = "-n NAME [OPTION]... [-- COMMAND [ARGUMENT]...]",
	.options = options,
	.description = "Starts the init of the container, or COMMAND in its place. In the background the command ends "
		       "when the container runs.\n\nA container that runs already is no error. With -F the exit status "
		       "is 0 once the container was started, whatever its init ends with.",
	.takes_arguments = true,
	.logs_by_default = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct start_state),
};
