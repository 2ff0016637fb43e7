/* All commands. */
#include "tools/tool.h"

extern const struct tool lxc_attach_tool, lxc_autostart_tool, lxc_cgroup_tool, lxc_clone_tool,
	lxc_config_tool, lxc_console_tool, lxc_copy_tool, lxc_create_tool, lxc_destroy_tool, lxc_device_tool,
	lxc_execute_tool, lxc_freeze_tool, lxc_info_tool, lxc_list_tool, lxc_ls_tool, lxc_monitor_tool,
	lxc_netstat_tool, lxc_ps_tool, lxc_snapshot_tool, lxc_start_tool, lxc_stop_tool, lxc_unfreeze_tool,
	lxc_unshare_tool, lxc_update_config_tool, lxc_usernsexec_tool, lxc_version_tool, lxc_wait_tool;

const struct tool *const tools[] = {
	&lxc_attach_tool,
	&lxc_autostart_tool,
	&lxc_cgroup_tool,
	&lxc_clone_tool,
	&lxc_config_tool,
	&lxc_console_tool,
	&lxc_copy_tool,
	&lxc_create_tool,
	&lxc_destroy_tool,
	&lxc_device_tool,
	&lxc_execute_tool,
	&lxc_freeze_tool,
	&lxc_info_tool,
	&lxc_list_tool,
	&lxc_ls_tool,
	&lxc_monitor_tool,
	&lxc_netstat_tool,
	&lxc_ps_tool,
	&lxc_snapshot_tool,
	&lxc_start_tool,
	&lxc_stop_tool,
	&lxc_unfreeze_tool,
	&lxc_unshare_tool,
	&lxc_update_config_tool,
	&lxc_usernsexec_tool,
	&lxc_version_tool,
	&lxc_wait_tool,
	NULL,
};
