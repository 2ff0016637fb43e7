/* All commands. */
#include "tools/tool.h"

extern const struct tool lxc_attach_tool, lxc_console_tool, lxc_execute_tool, lxc_info_tool, lxc_ls_tool,
	lxc_ps_tool, lxc_start_tool, lxc_stop_tool;

const struct tool *const tools[] = {
	&lxc_attach_tool,
	&lxc_console_tool,
	&lxc_execute_tool,
	&lxc_info_tool,
	&lxc_ls_tool,
	&lxc_ps_tool,
	&lxc_start_tool,
	&lxc_stop_tool,
	NULL,
};
