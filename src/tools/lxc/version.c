/* lxc-version, as scripts of 2012 call it. */
#include "tools/tool.h"

#include <lxc/lxccontainer.h>

#include <stdlib.h>

static const struct tool_option options[] = { { NULL, 0, ARGUMENT_NONE, NULL, NULL } };

static int run(struct call *call)
{
	(void)call;
	printf("lxc version: %s\n", lxc_get_version());
	return EXIT_SUCCESS;
}

const struct tool lxc_version_tool = {
	.name = "lxc-version",
	.summary = "Show the version of LXC that these commands are compatible with",
	.usage = "",
	.options = options,
	.no_name = true,
	.run = run,
};
