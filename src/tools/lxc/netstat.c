/* lxc-netstat of 2012: netstat in the network namespace of a container. */
#include "tools/tool.h"

#include <lxc/attach_options.h>
#include <lxc/lxccontainer.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const struct tool_option options[] = {
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int run_netstat(const struct call *call, struct lxc_container *c)
{
	lxc_attach_options_t attach = LXC_ATTACH_OPTIONS_DEFAULT;
	const char **argv = calloc((size_t)call->argument_count + 2, sizeof(*argv));
	if (!argv)
		return EXIT_FAILURE;
	argv[0] = "netstat";
	for (int i = 0; i < call->argument_count; i++)
		argv[i + 1] = call->arguments[i];
	/* the program and its privileges are the host's, only the network is the container's */
	attach.namespaces = CLONE_NEWNET;
	attach.attach_flags = 0;
	int r = c->attach_run_wait(c, &attach, argv[0], argv);
	free(argv);
	if (r < 0) {
		tool_container_error(call, c, "can not run netstat");
		return EXIT_FAILURE;
	}
	int status = WIFEXITED(r) ? WEXITSTATUS(r) : 128 + WTERMSIG(r);
	if (status == 127)
		tool_error(call, "netstat is not installed on this host");
	return status;
}

static int run(struct call *call)
{
	struct lxc_container *c = tool_container(call, true);
	if (!c)
		return EXIT_FAILURE;
	int status = EXIT_FAILURE;
	if (c->is_running(c))
		status = run_netstat(call, c);
	else
		tool_error(call, "container is not running");
	lxc_container_put(c);
	return status;
}

const struct tool lxc_netstat_tool = {
	.name = "lxc-netstat",
	.summary = "Run netstat in the network of a container (command of 2012)",
	.usage = "-n NAME [-- NETSTAT OPTION...]",
	.options = options,
	.description = "Today's way is lxc-attach -s NETWORK -n NAME -- COMMAND.",
	.takes_arguments = true,
	.run = run,
};
