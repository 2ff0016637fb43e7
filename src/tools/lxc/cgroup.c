/* lxc-cgroup: reads and writes files of a running container's cgroup. */
#include "tools/tool.h"

#include "base/cleanup.h"

#include <lxc/lxccontainer.h>

#include <stdlib.h>

static const struct tool_option options[] = { { NULL, 0, ARGUMENT_NONE, NULL, NULL } };

static int show(const struct call *call, struct lxc_container *c, const char *file)
{
	int length = c->get_cgroup_item(c, file, NULL, 0);
	auto_free char *value = length < 0 ? NULL : malloc((size_t)length + 1);
	if (!value || c->get_cgroup_item(c, file, value, length + 1) < 0) {
		tool_container_error(call, c, "can not read the cgroup file");
		return EXIT_FAILURE;
	}
	printf("%s\n", value);
	return EXIT_SUCCESS;
}

static int run(struct call *call)
{
	if (call->argument_count < 1 || call->argument_count > 2) {
		tool_error(call, call->argument_count < 1 ? "no cgroup file given" : "too many arguments");
		return EXIT_FAILURE;
	}
	struct lxc_container *c = tool_container(call, true);
	if (!c)
		return EXIT_FAILURE;
	int status = EXIT_SUCCESS;
	if (call->argument_count == 1) {
		status = show(call, c, call->arguments[0]);
	} else if (!c->set_cgroup_item(c, call->arguments[0], call->arguments[1])) {
		tool_container_error(call, c, "can not write the cgroup file");
		status = EXIT_FAILURE;
	}
	lxc_container_put(c);
	return status;
}

const struct tool lxc_cgroup_tool = {
	.name = "lxc-cgroup",
	.summary = "Read or change a limit of a running container",
	.usage = "-n NAME FILE [VALUE]",
	.options = options,
	.description = "FILE is a file of the container's cgroup: memory.max, cpu.shares, devices.allow. Names of cgroup v1 "
		       "work on a host with cgroup v2 alone where the kernel has an equal, and the other way round.",
	.takes_arguments = true,
	.run = run,
};
