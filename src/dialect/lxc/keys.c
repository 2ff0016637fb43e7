/* The one table of the language's keys. */
#include "dialect/lxc/keys.h"

#include <string.h>

#define AT(member) offsetof(struct spec, member)
#define SCALAR(name, kind, member) { name, kind, AT(member), 0, NULL, NULL, NULL, false }
#define LOCATED(name, kind, member, origin) { name, kind, AT(member), AT(origin), NULL, NULL, NULL, false }
#define SPECIAL(name, set, get, clear) { name, KEY_SPECIAL, 0, 0, set, get, clear, false }
#define PREFIX(name, set, get, clear) { name, KEY_SPECIAL, 0, 0, set, get, clear, true }
/* A scalar whose value is checked or translated by set, but read and cleared as its kind. */
#define CHECKED(name, kind, member, origin, set) { name, kind, AT(member), AT(origin), set, NULL, NULL, false }

const struct key lxc_keys[] = {
	LOCATED("lxc.apparmor.profile", KEY_TEXT, security.apparmor_profile, security.apparmor_origin),
	SCALAR("lxc.apparmor.allow_incomplete", KEY_BOOL, security.apparmor_allow_incomplete),
	SCALAR("lxc.apparmor.allow_nesting", KEY_BOOL, security.apparmor_allow_nesting),
	SCALAR("lxc.apparmor.raw", KEY_LIST, security.apparmor_raw),
	SPECIAL("lxc.arch", arch_set, arch_get, arch_clear),
	SCALAR("lxc.autodev", KEY_BOOL_INVERSE, console.no_autodev),
	SCALAR("lxc.autodev.tmpfs.size", KEY_SIZE, console.dev_size),
	CHECKED("lxc.cap.drop", KEY_WORDS, process.cap_drop, process.capability_origin, cap_set),
	CHECKED("lxc.cap.keep", KEY_WORDS, process.cap_keep, process.capability_origin, cap_set),
	PREFIX("lxc.cgroup2", cgroup_set, cgroup_get_v2, cgroup_clear_v2),
	CHECKED("lxc.cgroup.dir", KEY_PATH, cgroup.dir, cgroup.origin, cgroup_dir_set),
	CHECKED("lxc.cgroup.dir.container", KEY_PATH, cgroup.dir_container, cgroup.origin, cgroup_dir_set),
	CHECKED("lxc.cgroup.dir.container.inner", KEY_TEXT, cgroup.dir_container_inner, cgroup.origin, cgroup_dir_set),
	CHECKED("lxc.cgroup.dir.monitor", KEY_PATH, cgroup.dir_monitor, cgroup.origin, cgroup_dir_set),
	CHECKED("lxc.cgroup.dir.monitor.pivot", KEY_PATH, cgroup.dir_monitor_pivot, cgroup.origin, cgroup_dir_set),
	SCALAR("lxc.cgroup.relative", KEY_BOOL, cgroup.relative),
	PREFIX("lxc.cgroup", cgroup_set, cgroup_get_v1, cgroup_clear_v1),
	{ "lxc.console.buffer.size", KEY_SPECIAL, AT(console.buffer_size), AT(console.origin), console_size_set,
		console_buffer_get, console_buffer_clear, false },
	LOCATED("lxc.console.logfile", KEY_PATH, console.logfile, console.origin),
	LOCATED("lxc.console.path", KEY_PATH, console.path, console.origin),
	SCALAR("lxc.console.rotate", KEY_BOOL, console.log_rotate),
	{ "lxc.console.size", KEY_SPECIAL, AT(console.log_size), AT(console.origin), console_size_set,
		console_size_get, console_size_clear, false },
	{ "lxc.environment", KEY_LIST, AT(process.environment), 0, environment_set, NULL, NULL, false },
	{ "lxc.environment.hooks", KEY_LIST, AT(process.environment_hooks), 0, environment_set, NULL, NULL, false },
	{ "lxc.environment.runtime", KEY_LIST, AT(process.environment_runtime), 0, environment_set, NULL, NULL, false },
	SCALAR("lxc.ephemeral", KEY_BOOL, lifecycle.ephemeral),
	LOCATED("lxc.execute.cmd", KEY_TEXT, process.execute_command, process.command_origin),
	SCALAR("lxc.group", KEY_WORDS, lifecycle.groups),
	SPECIAL("lxc.hook", empty_only_set, nothing_get, hooks_clear_all),
	{ "lxc.hook.version", KEY_U32, AT(hooks.version), 0, hook_version_set, NULL, NULL, false },
	SPECIAL("lxc.hook.pre-start", hook_set, hook_get, hook_clear),
	SPECIAL("lxc.hook.pre-mount", hook_set, hook_get, hook_clear),
	SPECIAL("lxc.hook.mount", hook_set, hook_get, hook_clear),
	SPECIAL("lxc.hook.autodev", hook_set, hook_get, hook_clear),
	SPECIAL("lxc.hook.start-host", hook_set, hook_get, hook_clear),
	SPECIAL("lxc.hook.start", hook_set, hook_get, hook_clear),
	SPECIAL("lxc.hook.stop", hook_set, hook_get, hook_clear),
	SPECIAL("lxc.hook.post-stop", hook_set, hook_get, hook_clear),
	SPECIAL("lxc.hook.clone", hook_set, hook_get, hook_clear),
	SPECIAL("lxc.hook.destroy", hook_set, hook_get, hook_clear),
	SPECIAL("lxc.idmap", idmap_set, idmap_get, idmap_clear),
	SPECIAL("lxc.include", include_set, nothing_get, nothing_clear),
	LOCATED("lxc.init.cmd", KEY_TEXT, process.command, process.command_origin),
	SCALAR("lxc.init.cwd", KEY_PATH, process.cwd),
	SCALAR("lxc.init.gid", KEY_U32, process.gid),
	SPECIAL("lxc.init.groups", groups_set, groups_get, groups_clear),
	SCALAR("lxc.init.uid", KEY_U32, process.uid),
	SCALAR("lxc.keyring.session", KEY_BOOL, process.keep_session_keyring),
	{ "lxc.landlock.execute", KEY_LIST, AT(security.landlock_execute), 0, absolute_paths_set, NULL, NULL, false },
	{ "lxc.landlock.read", KEY_LIST, AT(security.landlock_read), 0, absolute_paths_set, NULL, NULL, false },
	{ "lxc.landlock.write", KEY_LIST, AT(security.landlock_write), 0, absolute_paths_set, NULL, NULL, false },
	SCALAR("lxc.log.file", KEY_PATH, log.file),
	{ "lxc.log.level", KEY_TEXT, AT(log.level), 0, log_level_set, NULL, NULL, false },
	SCALAR("lxc.log.syslog", KEY_TEXT, log.syslog),
	SPECIAL("lxc.monitor.signal.pdeath", death_signal_set, death_signal_get, death_signal_clear),
	SCALAR("lxc.monitor.unshare", KEY_BOOL, lifecycle.unshare_mounts),
	SPECIAL("lxc.mount.auto", mount_auto_set, mount_auto_get, mount_auto_clear),
	SPECIAL("lxc.mount.entry", mount_entry_set, mount_entry_get, mount_entry_clear_all),
	LOCATED("lxc.mount.fstab", KEY_PATH, mounts.fstab, mounts.fstab_origin),
	SPECIAL("lxc.namespace.clone", namespace_set, namespace_get_clone, namespace_clear_clone),
	SPECIAL("lxc.namespace.keep", namespace_set, namespace_get_keep, namespace_clear_keep),
	PREFIX("lxc.namespace.share", namespace_set, namespace_get_share, namespace_clear_share),
	PREFIX("lxc.net", net_set, net_get, net_clear),
	LOCATED("lxc.no_new_privs", KEY_BOOL, process.no_new_privs, process.no_new_privs_origin),
	PREFIX("lxc.prlimit", prlimit_set, prlimit_get, prlimit_clear),
	PREFIX("lxc.proc", proc_set, proc_get, proc_clear),
	SCALAR("lxc.pty.max", KEY_U32, console.pty_max),
	LOCATED("lxc.rootfs.inodes", KEY_SIZE, rootfs.inode_limit, rootfs.limit_origin),
	{ "lxc.rootfs.managed", KEY_BOOL_INVERSE, AT(rootfs.unmanaged), 0, NULL, NULL, NULL, false },
	SPECIAL("lxc.rootfs.mount", rootfs_mount_set, rootfs_mount_get, rootfs_mount_clear),
	{ "lxc.rootfs.options", KEY_TEXT, AT(rootfs.options), 0, rootfs_options_set, NULL, NULL, false },
	SPECIAL("lxc.rootfs.path", rootfs_path_set, rootfs_path_get, rootfs_path_clear),
	LOCATED("lxc.rootfs.quota", KEY_BOOL, rootfs.user_quota, rootfs.limit_origin),
	LOCATED("lxc.rootfs.size", KEY_SIZE, rootfs.size_limit, rootfs.limit_origin),
	SCALAR("lxc.sched.core", KEY_BOOL, process.core_scheduling),
	SCALAR("lxc.seccomp.allow_nesting", KEY_BOOL, security.seccomp_allow_nesting),
	SCALAR("lxc.seccomp.notify.cookie", KEY_TEXT, security.seccomp_notify_cookie),
	CHECKED("lxc.seccomp.notify.proxy", KEY_TEXT, security.seccomp_notify_proxy, security.seccomp_origin,
		notify_proxy_set),
	LOCATED("lxc.seccomp.profile", KEY_PATH, security.seccomp_profile, security.seccomp_origin),
	LOCATED("lxc.selinux.context", KEY_TEXT, security.selinux_context, security.selinux_origin),
	LOCATED("lxc.selinux.context.keyring", KEY_TEXT, security.selinux_keyring_context, security.selinux_origin),
	SCALAR("lxc.signal.halt", KEY_SIGNAL, lifecycle.signal_halt),
	SCALAR("lxc.signal.reboot", KEY_SIGNAL, lifecycle.signal_reboot),
	SCALAR("lxc.signal.stop", KEY_SIGNAL, lifecycle.signal_stop),
	SCALAR("lxc.start.auto", KEY_BOOL, lifecycle.start_auto),
	SCALAR("lxc.start.delay", KEY_U32, lifecycle.start_delay),
	SCALAR("lxc.start.order", KEY_I32, lifecycle.start_order),
	PREFIX("lxc.sysctl", sysctl_set, sysctl_get, sysctl_clear),
	SPECIAL("lxc.time.offset.boot", time_set, time_get_boot, time_clear_boot),
	SPECIAL("lxc.time.offset.monotonic", time_set, time_get_monotonic, time_clear_monotonic),
	SCALAR("lxc.tty.dir", KEY_TEXT, console.tty_dir),
	SCALAR("lxc.tty.max", KEY_U32, console.tty_max),
	CHECKED("lxc.uts.name", KEY_TEXT, identity.hostname, identity.hostname_origin, host_name_set),
	{ NULL, KEY_SPECIAL, 0, 0, NULL, NULL, NULL, false },
};

const struct key *key_find(const char *name, const char **ret_suffix)
{
	for (const struct key *key = lxc_keys; key->name; key++) {
		size_t length = strlen(key->name);
		if (strncmp(key->name, name, length) != 0)
			continue;
		if (name[length] == '\0' || (key->is_prefix && name[length] == '.' && name[length + 1])) {
			*ret_suffix = name[length] ? name + length + 1 : name + length;
			return key;
		}
	}
	return NULL;
}
