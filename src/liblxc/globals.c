/* What belongs to no container: /etc/lxc/lxc.conf, version, names of states and extensions, the log. */
#include "base/file.h"
#include "liblxc/internal.h"

#include <lxc/version.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *key, *value; /* value NULL: unset; "*": found below */
} global_keys[] = {
	{ "lxc.bdev.lvm.vg", "lxc" },
	{ "lxc.bdev.lvm.thin_pool", "lxc" },
	{ "lxc.bdev.zfs.root", "lxc" },
	{ "lxc.bdev.rbd.rbdpool", "lxc" },
	{ "lxc.bdev.rbd.rbduser", NULL },
	{ "lxc.lxcpath", "*" },
	{ "lxc.default_config", "*" },
	{ "lxc.cgroup.pattern", NULL },
	{ "lxc.cgroup.use", NULL },
	{ "wabe.criu", NULL }, /* the program criu */
};

#define GLOBAL_KEYS (sizeof(global_keys) / sizeof(*global_keys))

_Static_assert(GLOBAL_KEYS <= PROCESS_ITEMS, "process_state.c has room for all");

static char *user_path(const char *tail)
{
	char *path;
	const char *home = getenv("HOME");
	return text_format(&path, "%s/%s", home ?: "", tail) < 0 ? NULL : path;
}

static char *default_value(size_t number)
{
	bool is_root = geteuid() == 0;
	const char *value = global_keys[number].value;
	if (!value || *value != '*')
		return value ? strdup(value) : NULL;
	if (strcmp(global_keys[number].key, "lxc.lxcpath") == 0)
		return is_root ? strdup("/var/lib/lxc") : user_path(".local/share/lxc");
	return is_root ? strdup("/etc/lxc/default.conf") : user_path(".config/lxc/default.conf");
}

/* The first "KEY = VALUE" line of the global configuration. */
static char *configured_value(const char *key)
{
	auto_free char *file = geteuid() == 0 ? strdup("/etc/lxc/lxc.conf") : user_path(".config/lxc/lxc.conf");
	auto_free char *text = NULL;
	size_t length;
	if (!file || file_read(-1, file, 1024 * 1024, &text, &length) < 0)
		return NULL;
	char *next = text;
	for (char *line; (line = strsep(&next, "\n"));) {
		char *equal = strchr(line, '=');
		if (*line == '#' || !equal)
			continue;
		*equal = '\0';
		if (strcmp(text_trim(line), key) != 0)
			continue;
		char *value = text_trim(equal + 1);
		return *value ? strdup(value) : NULL;
	}
	return NULL;
}

static char *find_value(size_t number)
{
	const char *key = global_keys[number].key;
	char *value = configured_value(key) ?: default_value(number);
	size_t length = value ? strlen(value) : 0;
	while (length > 1 && strcmp(key, "lxc.lxcpath") == 0 && value[length - 1] == '/')
		value[--length] = '\0';
	return value;
}

const char *lxc_get_global_config_item(const char *key)
{
	for (size_t i = 0; i < GLOBAL_KEYS; i++) {
		if (!key || strcmp(global_keys[i].key, key) != 0)
			continue;
		const char *value = process_keep_item(i, find_value);
		errno = 0;
		return value;
	}
	errno = EINVAL;
	return NULL;
}

const char *lxc_get_version(void)
{
	return LXC_VERSION;
}

int lxc_get_wait_states(const char **states)
{
	for (int i = 0; states && i < STATE_COUNT; i++)
		states[i] = state_name((enum container_state)i);
	return STATE_COUNT;
}

bool lxc_config_item_is_supported(const char *key)
{
	return key && lxc_config_is_supported(key);
}

bool lxc_has_api_extension(const char *extension)
{
	static const char *const extensions[] = { "lxc_log", "lxc_config_item_is_supported", "console_log", "reboot2",
		"mount_injection", "mount_injection_file", "cgroup_relative", "seccomp_allow_nesting", "seccomp_notify",
		"network_veth_routes", "network_ipvlan", "network_l2proxy", "network_gateway_device_route",
		"network_phys_macvlan_mtu", "network_veth_router", "network_bridge_vlan",
		"cgroup2_devices", "cgroup2", "pidfd", "cgroup_advanced_isolation", "time_namespace",
		"seccomp_allow_deny_syntax", "devpts_fd", "seccomp_notify_fd_active", "seccomp_proxy_send_notify_fd",
		"idmapped_mounts", "idmapped_mounts_v2", "core_scheduling",
		"cgroup2_auto_mounting", "environment_runtime_hooks", "init_pidfd" };
	for (size_t i = 0; extension && i < sizeof(extensions) / sizeof(*extensions); i++)
		if (strcmp(extensions[i], extension) == 0)
			return true;
	return false;
}
