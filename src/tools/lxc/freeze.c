/* lxc-freeze and lxc-unfreeze. */
#include "tools/tool.h"

#include <lxc/lxccontainer.h>

#include <stdlib.h>

static const struct tool_option options[] = { { NULL, 0, ARGUMENT_NONE, NULL, NULL } };

static int change(struct call *call, bool freeze)
{
	struct lxc_container *c = tool_container(call, true);
	if (!c)
		return EXIT_FAILURE;
	int status = EXIT_SUCCESS;
	if (!c->may_control(c)) {
		tool_error(call, "Insufficient privileges to control the container");
		status = EXIT_FAILURE;
	} else if (freeze ? !c->freeze(c) : !c->unfreeze(c)) {
		tool_container_error(call, c, freeze ? "can not freeze the container" : "can not thaw the container");
		status = EXIT_FAILURE;
	}
	lxc_container_put(c);
	return status;
}

static int run_freeze(struct call *call)
{
	return change(call, true);
}

static int run_unfreeze(struct call *call)
{
	return change(call, false);
}

const struct tool lxc_freeze_tool = {
	.name = "lxc-freeze",
	.summary = "Stop all processes of a container where they are",
	.usage = "-n NAME",
	.options = options,
	.description = "The processes use no processor time until lxc-unfreeze. A container that is frozen already is no "
		       "error.",
	.run = run_freeze,
};

const struct tool lxc_unfreeze_tool = {
	.name = "lxc-unfreeze",
	.summary = "Let the processes of a frozen container run again",
	.usage = "-n NAME",
	.options = options,
	.description = "A container that is not frozen is no error.",
	.run = run_unfreeze,
};
