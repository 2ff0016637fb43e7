/* lxc-checkconfig: what the kernel has of that which containers need; or whether a configuration would start. */
#include "tools/lxc/cgroup_layout.h"
#include "tools/lxc/kernel_probe.h"
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <string.h>
#include <sys/utsname.h>

enum { KEY_FORMAT = 256 };

struct checkconfig_state {
	bool is_json;
};

static const struct tool_option options[] = {
	{ "format", KEY_FORMAT, ARGUMENT_REQUIRED, "FORMAT", "text or json" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

enum layouts { ANY_LAYOUT, V1_ONLY, V2_ONLY };

struct check {
	const char *name;
	enum probe_result (*probe)(const char *argument);
	const char *argument;
	const char *symbols; /* of the kernel's configuration; NULL: the probe alone knows */
	bool is_required;
	enum layouts layouts;
};

static const struct check namespaces[] = {
	{ "Namespaces", probe_path, "/proc/self/ns", "CONFIG_NAMESPACES", true, ANY_LAYOUT },
	{ "Utsname namespace", probe_namespace, "uts", "CONFIG_UTS_NS", false, ANY_LAYOUT },
	{ "Ipc namespace", probe_namespace, "ipc", "CONFIG_IPC_NS", true, ANY_LAYOUT },
	{ "Pid namespace", probe_namespace, "pid", "CONFIG_PID_NS", true, ANY_LAYOUT },
	{ "User namespace", probe_namespace, "user", "CONFIG_USER_NS", false, ANY_LAYOUT },
	{ "Network namespace", probe_namespace, "net", "CONFIG_NET_NS", false, ANY_LAYOUT },
	{ "Time namespace", probe_namespace, "time", "CONFIG_TIME_NS", false, ANY_LAYOUT },
};

static const struct check control_groups[] = {
	{ "Cgroups", probe_filesystem, "cgroup2", "CONFIG_CGROUPS", true, ANY_LAYOUT },
	{ "Cgroup namespace", probe_namespace, "cgroup", "CONFIG_CGROUP_NS|CONFIG_CGROUPS", true, ANY_LAYOUT },
	{ "Cgroup device", cgroup_layout_find, "devices", "CONFIG_CGROUP_DEVICE", true, V1_ONLY },
	{ "Cgroup device (BPF)", probe_call, "device-filters", "CONFIG_CGROUP_BPF", true, V2_ONLY },
	{ "Cgroup sched", cgroup_layout_find, "cpu", "CONFIG_CGROUP_SCHED", false, ANY_LAYOUT },
	{ "Cgroup cpu account", cgroup_layout_find, "cpuacct", "CONFIG_CGROUP_CPUACCT", false, V1_ONLY },
	{ "Cgroup memory controller", cgroup_layout_find, "memory", "CONFIG_MEMCG|CONFIG_CGROUP_MEM_RES_CTLR", false,
		ANY_LAYOUT },
	{ "Cgroup cpuset", cgroup_layout_find, "cpuset", "CONFIG_CPUSETS", false, ANY_LAYOUT },
	{ "Cgroup block io", cgroup_layout_find, "io", "CONFIG_BLK_CGROUP", false, ANY_LAYOUT },
	{ "Cgroup process count", cgroup_layout_find, "pids", "CONFIG_CGROUP_PIDS", false, ANY_LAYOUT },
	{ "Cgroup freezer", cgroup_layout_find, "freezer", "CONFIG_CGROUP_FREEZER", false, V1_ONLY },
};

static const struct check misc[] = {
	{ "Veth pair device", probe_link_kind, "veth", "CONFIG_VETH", false, ANY_LAYOUT },
	{ "Macvlan", probe_link_kind, "macvlan", "CONFIG_MACVLAN", false, ANY_LAYOUT },
	{ "Ipvlan", probe_link_kind, "ipvlan", "CONFIG_IPVLAN", false, ANY_LAYOUT },
	{ "Vlan", probe_link_kind, "vlan", "CONFIG_VLAN_8021Q", false, ANY_LAYOUT },
	{ "Bridges", probe_link_kind, "bridge", "CONFIG_BRIDGE", false, ANY_LAYOUT },
	{ "Advanced netfilter", kernel_module_find, "nf_tables", "CONFIG_NETFILTER_ADVANCED", false, ANY_LAYOUT },
	{ "CONFIG_IP_NF_TARGET_MASQUERADE", kernel_module_find, "xt_MASQUERADE",
		"CONFIG_IP_NF_TARGET_MASQUERADE|CONFIG_NETFILTER_XT_TARGET_MASQUERADE", false, ANY_LAYOUT },
	{ "CONFIG_IP6_NF_TARGET_MASQUERADE", kernel_module_find, "xt_MASQUERADE",
		"CONFIG_IP6_NF_TARGET_MASQUERADE|CONFIG_NETFILTER_XT_TARGET_MASQUERADE", false, ANY_LAYOUT },
	{ "CONFIG_NETFILTER_XT_TARGET_CHECKSUM", kernel_module_find, "xt_CHECKSUM", "CONFIG_NETFILTER_XT_TARGET_CHECKSUM",
		false, ANY_LAYOUT },
	{ "CONFIG_NETFILTER_XT_MATCH_COMMENT", kernel_module_find, "xt_comment", "CONFIG_NETFILTER_XT_MATCH_COMMENT", false,
		ANY_LAYOUT },
	{ "FUSE (for use with lxcfs)", probe_filesystem, "fuse", "CONFIG_FUSE_FS", false, ANY_LAYOUT },
	{ "Overlay file system", probe_filesystem, "overlay", "CONFIG_OVERLAY_FS", false, ANY_LAYOUT },
	{ "Seccomp filters", probe_call, "seccomp", "CONFIG_SECCOMP_FILTER", false, ANY_LAYOUT },
	{ "Seccomp notification", probe_call, "seccomp-notify", NULL, false, ANY_LAYOUT },
	{ "Process creation by clone3", probe_call, "clone3", NULL, true, ANY_LAYOUT },
	{ "Process file descriptors", probe_call, "pidfd", NULL, true, ANY_LAYOUT },
	{ "Mount API (open_tree, fsopen)", probe_call, "mount-api", NULL, true, ANY_LAYOUT },
	{ "Idmapped mounts (mount_setattr)", probe_call, "mount_setattr", NULL, false, ANY_LAYOUT },
	{ "List of mounts (statmount)", probe_call, "statmount", NULL, false, ANY_LAYOUT },
	{ "Path lookup below a directory (openat2)", probe_call, "openat2", NULL, true, ANY_LAYOUT },
	{ "close_range", probe_call, "close_range", NULL, false, ANY_LAYOUT },
	{ "Keyrings", probe_call, "keyrings", "CONFIG_KEYS", false, ANY_LAYOUT },
	{ "Core scheduling", probe_call, "core-scheduling", "CONFIG_SCHED_CORE", false, ANY_LAYOUT },
	{ "Landlock", probe_call, "landlock", "CONFIG_SECURITY_LANDLOCK", false, ANY_LAYOUT },
	{ "AppArmor", probe_path, "/sys/kernel/security/apparmor", "CONFIG_SECURITY_APPARMOR", false, ANY_LAYOUT },
	{ "SELinux", probe_path, "/sys/fs/selinux/enforce", "CONFIG_SECURITY_SELINUX", false, ANY_LAYOUT },
};

static const struct check checkpoint[] = {
	{ "checkpoint restore", probe_path, "/proc/self/map_files", "CONFIG_CHECKPOINT_RESTORE", false, ANY_LAYOUT },
	{ "CONFIG_FHANDLE", NULL, NULL, "CONFIG_FHANDLE", false, ANY_LAYOUT },
	{ "CONFIG_EVENTFD", NULL, NULL, "CONFIG_EVENTFD", false, ANY_LAYOUT },
	{ "CONFIG_EPOLL", NULL, NULL, "CONFIG_EPOLL", false, ANY_LAYOUT },
	{ "CONFIG_UNIX_DIAG", kernel_module_find, "unix_diag", "CONFIG_UNIX_DIAG", false, ANY_LAYOUT },
	{ "CONFIG_INET_DIAG", kernel_module_find, "inet_diag", "CONFIG_INET_DIAG", false, ANY_LAYOUT },
	{ "CONFIG_PACKET_DIAG", kernel_module_find, "af_packet_diag", "CONFIG_PACKET_DIAG", false, ANY_LAYOUT },
	{ "CONFIG_NETLINK_DIAG", kernel_module_find, "netlink_diag", "CONFIG_NETLINK_DIAG", false, ANY_LAYOUT },
	{ "File capabilities", probe_call, "file-capabilities", NULL, false, ANY_LAYOUT },
};

#define ROWS(table) table, sizeof(table) / sizeof((table)[0])
static const struct section {
	const char *title, *key;
	const struct check *checks;
	size_t count;
} sections[] = {
	{ "Namespaces", "namespaces", ROWS(namespaces) },
	{ "Control groups", "control_groups", ROWS(control_groups) },
	{ "Misc", "misc", ROWS(misc) },
	{ "Checkpoint/Restore", "checkpoint_restore", ROWS(checkpoint) },
};

struct report {
	struct json json;
	struct kernel_config config;
	bool is_json, has_colour, is_unified;
};

static int take_option(struct call *call, int key, const char *value)
{
	struct checkconfig_state *state = call->state;
	(void)key;
	return tool_parse_format(call, value, &state->is_json);
}

/* What the kernel does counts more than how it was built; of another kernel the configuration alone is known. */
static enum probe_result judge(const struct report *report, const struct check *check)
{
	enum probe_result result = PROBE_UNKNOWN;
	if (!report->config.is_own && check->probe)
		result = check->probe(check->argument);
	/* a module that is not below /lib/modules may be built in */
	if (result == PROBE_UNKNOWN || (result == PROBE_MISSING && check->probe == kernel_module_find))
		result = kernel_config_find(&report->config, check->symbols);
	return result;
}

static bool is_asked(const struct report *report, const struct check *check)
{
	return report->config.is_own || check->layouts == ANY_LAYOUT || (check->layouts == V2_ONLY) == report->is_unified;
}

static void show_result(struct report *report, const struct check *check, enum probe_result result)
{
	const char *word = result == PROBE_ENABLED ? "enabled" : result == PROBE_UNKNOWN ? "unknown" :
		check->is_required			       ? "required" :
								 "missing";
	const char *colour = result == PROBE_ENABLED ? "\033[1;32m" : result == PROBE_UNKNOWN || !check->is_required ?
		"\033[1;33m" :
		"\033[1;31m";
	if (report->is_json)
		json_text(&report->json, check->name, word);
	else if (report->has_colour)
		printf("%s: %s%s\033[0m\n", check->name, colour, word);
	else
		printf("%s: %s\n", check->name, word);
}

static void show_limits(struct report *report)
{
	static const char *const kinds[] = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" };
	if (report->is_json)
		json_object(&report->json, "namespace_limits");
	else
		printf("Namespace limits:\n");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char path[64];
		auto_free char *text = NULL;
		size_t length;
		uint64_t limit;
		(void)snprintf(path, sizeof(path), "/proc/sys/user/max_%s_namespaces", kinds[i]);
		if (file_read(-1, path, 64, &text, &length) < 0 || text_to_u64(text_trim(text), &limit) < 0)
			continue;
		if (report->is_json)
			json_unsigned(&report->json, kinds[i], limit);
		else
			printf("  %s: %s\n", kinds[i], text_trim(text));
	}
	if (report->is_json)
		json_end(&report->json);
}

static void show_section(struct report *report, const struct section *section)
{
	if (report->is_json)
		json_object(&report->json, section->key);
	else
		printf("--- %s ---\n", section->title);
	for (size_t i = 0; i < section->count; i++) {
		const struct check *check = &section->checks[i];
		if (is_asked(report, check))
			show_result(report, check, judge(report, check));
		if (check == &control_groups[1] && !report->config.is_own)
			cgroup_layout_show(report->is_json ? &report->json : NULL);
	}
	if (section->checks == namespaces && !report->config.is_own)
		show_limits(report);
	if (report->is_json)
		json_end(&report->json);
	else
		printf("\n");
}

static void show_report(struct report *report)
{
	struct utsname kernel;
	const char *release = report->config.is_own ? NULL : kernel.release;
	(void)uname(&kernel); /* fails for a bad pointer alone */
	json_start(&report->json, stdout);
	if (report->is_json) {
		json_object(&report->json, NULL);
		json_text(&report->json, "version", lxc_get_version());
		json_text(&report->json, "kernel", release);
		json_text(&report->json, "configuration", report->config.file);
	} else {
		printf("LXC version %s\n", lxc_get_version());
		if (report->config.file)
			printf("Kernel configuration found at %s\n", report->config.file);
		printf("\n");
	}
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		show_section(report, &sections[i]);
	if (report->is_json)
		json_end(&report->json);
	else
		printf("Note : Before booting a new kernel, you can check its configuration\n"
		       "usage : CONFIG=/path/to/config lxc-checkconfig\n\n");
}

/* A container's configuration file as a start would see it. */
static int check_file(const struct call *call, const char *file)
{
	struct lxc_container *c = extra_container_open("checkconfig", call->lxcpath);
	if (!c)
		return EXIT_FAILURE;
	int r = extra_load_config(c, file);
	r = r < 0 ? r : extra_validate(c);
	if (r < 0)
		tool_container_error(call, c, file);
	lxc_container_put(c);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct call *call)
{
	const struct checkconfig_state *state = call->state;
	struct report report = { .is_json = state->is_json, .has_colour = isatty(STDOUT_FILENO),
		.is_unified = cgroup_layout_is_unified() };
	if (call->argument_count > 0)
		return check_file(call, call->arguments[0]);
	int r = kernel_config_load(&report.config);
	if (r < 0)
		tool_error(call, "can not read the kernel configuration: %s", strerror(-r));
	else
		show_report(&report);
	kernel_config_clear(&report.config);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct tool lxc_checkconfig_tool = {
	.name = "lxc-checkconfig",
	.summary = "Show what the kernel has of that which containers need",
	.usage = "[FILE]",
	.options = options,
	.description = "The running kernel is asked; what it can not be asked is looked up in the configuration that it was "
		       "built with. With the environment variable CONFIG only that file, the configuration of another "
		       "kernel, is looked at.\n\nWith FILE the configuration of a container is checked as a start would, "
		       "without starting it; the exit status is 1 if it has a fault. Else the exit status is 0 whatever is "
		       "missing.",
	.takes_arguments = true,
	.no_name = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct checkconfig_state),
};
