#include "spec/fields.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(type, member)   { #member, FIELD_TEXT, offsetof(struct type, member), 0, NULL, 0 }
#define BOOL(type, member)   { #member, FIELD_BOOL, offsetof(struct type, member), 0, NULL, 0 }
#define U32(type, member)    { #member, FIELD_U32, offsetof(struct type, member), 0, NULL, 0 }
#define I32(type, member)    { #member, FIELD_I32, offsetof(struct type, member), 0, NULL, 0 }
#define U64(type, member)    { #member, FIELD_U64, offsetof(struct type, member), 0, NULL, 0 }
#define I64(type, member)    { #member, FIELD_I64, offsetof(struct type, member), 0, NULL, 0 }
#define LIST(type, member)   { #member, FIELD_LIST, offsetof(struct type, member), 0, NULL, 0 }
#define ORIGIN(type, member) { #member, FIELD_ORIGIN, offsetof(struct type, member), 0, NULL, 0 }
#define U32_DEFAULT(type, member, value) { #member, FIELD_U32, offsetof(struct type, member), value, NULL, 0 }
#define STRUCTS(type, member, table)                                                                         \
	{ #member, FIELD_STRUCTS, offsetof(struct type, member), 0, table, sizeof(*((struct type *)0)->member.items) }
#define END { NULL, FIELD_TEXT, 0, 0, NULL, 0 }

static const struct field rlimit_fields[] = {
	TEXT(spec_rlimit, name), U64(spec_rlimit, soft), U64(spec_rlimit, hard), ORIGIN(spec_rlimit, origin), END
};
static const struct field setting_fields[] = {
	TEXT(spec_setting, name), TEXT(spec_setting, value), ORIGIN(spec_setting, origin), END
};
static const struct field mount_fields[] = {
	TEXT(spec_mount, line), TEXT(spec_mount, source), TEXT(spec_mount, target), TEXT(spec_mount, type),
	TEXT(spec_mount, options), TEXT(spec_mount, data), U64(spec_mount, flags_set), U64(spec_mount, flags_clear),
	U64(spec_mount, propagation), BOOL(spec_mount, optional), BOOL(spec_mount, source_in_rootfs),
	U32(spec_mount, create), TEXT(spec_mount, idmap), U64(spec_mount, recursive_set),
	U64(spec_mount, recursive_clear), BOOL(spec_mount, copy_up), ORIGIN(spec_mount, origin), END
};
static const struct field idmap_fields[] = {
	BOOL(spec_idmap, is_gid), U32(spec_idmap, inside), U32(spec_idmap, outside), U32(spec_idmap, count),
	ORIGIN(spec_idmap, origin), END
};
static const struct field cgroup_setting_fields[] = {
	BOOL(spec_cgroup_setting, is_v2), BOOL(spec_cgroup_setting, optional), TEXT(spec_cgroup_setting, file),
	TEXT(spec_cgroup_setting, value),
	ORIGIN(spec_cgroup_setting, origin), END
};
static const struct field address_fields[] = {
	TEXT(spec_address, address), U32(spec_address, prefix), TEXT(spec_address, broadcast), END
};
static const struct field link_fields[] = {
	U32(spec_link, index), U32(spec_link, type), BOOL(spec_link, up), TEXT(spec_link, link),
	TEXT(spec_link, name), TEXT(spec_link, hwaddr), TEXT(spec_link, hwaddr_template), TEXT(spec_link, mtu),
	BOOL(spec_link, l2proxy), STRUCTS(spec_link, ipv4, address_fields), STRUCTS(spec_link, ipv6, address_fields),
	TEXT(spec_link, ipv4_gateway), TEXT(spec_link, ipv6_gateway), BOOL(spec_link, ipv4_dhcp), LIST(spec_link, ipv4_routes),
	LIST(spec_link, ipv6_routes), TEXT(spec_link, script_up), TEXT(spec_link, script_down),
	TEXT(spec_link, veth_pair), TEXT(spec_link, veth_mode), TEXT(spec_link, vlan_id),
	LIST(spec_link, vlan_tagged), U32(spec_link, rx_queues), U32(spec_link, tx_queues),
	TEXT(spec_link, macvlan_mode), TEXT(spec_link, ipvlan_mode), TEXT(spec_link, ipvlan_isolation),
	TEXT(spec_link, rate_egress), TEXT(spec_link, rate_ingress), TEXT(spec_link, rate_burst),
	BOOL(spec_link, venet_peers), BOOL(spec_link, security),
	ORIGIN(spec_link, origin), END
};
static const struct field hook_fields[] = {
	U32(spec_hook, moment), TEXT(spec_hook, command), ORIGIN(spec_hook, origin), END
};
static const struct field device_fields[] = {
	TEXT(spec_device, path), U32(spec_device, kind), U32(spec_device, major), U32(spec_device, minor),
	U32(spec_device, mode), U32(spec_device, uid), U32(spec_device, gid), ORIGIN(spec_device, origin), END
};
static const struct field oci_hook_fields[] = {
	U32(spec_oci_hook, moment), TEXT(spec_oci_hook, path), LIST(spec_oci_hook, argv), LIST(spec_oci_hook, environment),
	U32(spec_oci_hook, timeout), ORIGIN(spec_oci_hook, origin), END
};

const struct field spec_fields[] = {
	LIST(spec, sources), /* first: origins point into it */

	TEXT(spec, identity.dialect), TEXT(spec, identity.name), TEXT(spec, identity.base_path),
	TEXT(spec, identity.config_file), TEXT(spec, identity.hostname), TEXT(spec, identity.domain),
	ORIGIN(spec, identity.hostname_origin),

	TEXT(spec, process.command), TEXT(spec, process.execute_command), LIST(spec, process.argv),
	BOOL(spec, process.use_init), BOOL(spec, process.is_application), LIST(spec, process.environment),
	LIST(spec, process.environment_runtime), LIST(spec, process.environment_hooks), TEXT(spec, process.cwd),
	U32(spec, process.uid), U32(spec, process.gid), LIST(spec, process.groups),
	STRUCTS(spec, process.rlimits, rlimit_fields), STRUCTS(spec, process.proc_files, setting_fields),
	LIST(spec, process.cap_drop), LIST(spec, process.cap_keep), ORIGIN(spec, process.capability_origin),
	ORIGIN(spec, process.command_origin), BOOL(spec, process.no_new_privs),
	ORIGIN(spec, process.no_new_privs_origin), BOOL(spec, process.core_scheduling),
	BOOL(spec, process.keep_session_keyring), U32_DEFAULT(spec, process.personality, UINT32_MAX),

	TEXT(spec, rootfs.store), TEXT(spec, rootfs.path), TEXT(spec, rootfs.mount), TEXT(spec, rootfs.options),
	BOOL(spec, rootfs.unmanaged), U64(spec, rootfs.size_limit), U64(spec, rootfs.inode_limit),
	BOOL(spec, rootfs.user_quota), U32(spec, rootfs.limit_guard), ORIGIN(spec, rootfs.origin),
	ORIGIN(spec, rootfs.limit_origin),

	TEXT(spec, mounts.fstab), ORIGIN(spec, mounts.fstab_origin), STRUCTS(spec, mounts.entries, mount_fields),
	U32(spec, mounts.auto_proc), U32(spec, mounts.auto_sys), U32(spec, mounts.auto_cgroup),
	BOOL(spec, mounts.auto_cgroup_full), BOOL(spec, mounts.auto_cgroup_v2), BOOL(spec, mounts.auto_cgroup_force),
	TEXT(spec, mounts.shmounts_host), TEXT(spec, mounts.shmounts_container),

	U32(spec, namespaces.clone_mask), U32(spec, namespaces.keep_mask),
	TEXT(spec, namespaces.share[NAMESPACE_USER]), TEXT(spec, namespaces.share[NAMESPACE_MOUNT]),
	TEXT(spec, namespaces.share[NAMESPACE_PID]), TEXT(spec, namespaces.share[NAMESPACE_UTS]),
	TEXT(spec, namespaces.share[NAMESPACE_IPC]), TEXT(spec, namespaces.share[NAMESPACE_NET]),
	TEXT(spec, namespaces.share[NAMESPACE_CGROUP]), TEXT(spec, namespaces.share[NAMESPACE_TIME]),
	ORIGIN(spec, namespaces.origin), I64(spec, namespaces.time_offset_boot_ns),
	I64(spec, namespaces.time_offset_monotonic_ns), TEXT(spec, namespaces.time_offset_boot),
	TEXT(spec, namespaces.time_offset_monotonic),

	STRUCTS(spec, idmaps, idmap_fields),

	TEXT(spec, cgroup.dir), TEXT(spec, cgroup.dir_container), TEXT(spec, cgroup.dir_container_inner),
	TEXT(spec, cgroup.dir_monitor), TEXT(spec, cgroup.dir_monitor_pivot), BOOL(spec, cgroup.relative),
	ORIGIN(spec, cgroup.origin), STRUCTS(spec, cgroup.settings, cgroup_setting_fields),

	STRUCTS(spec, network.links, link_fields),

	TEXT(spec, security.seccomp_profile), ORIGIN(spec, security.seccomp_origin),
	BOOL(spec, security.seccomp_allow_nesting), TEXT(spec, security.seccomp_notify_proxy),
	TEXT(spec, security.seccomp_notify_cookie), TEXT(spec, security.apparmor_profile),
	ORIGIN(spec, security.apparmor_origin), BOOL(spec, security.apparmor_allow_incomplete),
	BOOL(spec, security.apparmor_allow_nesting), LIST(spec, security.apparmor_raw),
	TEXT(spec, security.selinux_context), TEXT(spec, security.selinux_keyring_context),
	ORIGIN(spec, security.selinux_origin), LIST(spec, security.landlock_read),
	LIST(spec, security.landlock_execute), LIST(spec, security.landlock_write),
	STRUCTS(spec, security.sysctls, setting_fields),

	TEXT(spec, console.path), TEXT(spec, console.logfile), U64(spec, console.log_size),
	BOOL(spec, console.log_rotate), U64(spec, console.buffer_size), U32(spec, console.tty_max),
	U32(spec, console.pty_max), TEXT(spec, console.tty_dir), BOOL(spec, console.no_autodev),
	U64(spec, console.dev_size), ORIGIN(spec, console.origin),

	U32(spec, hooks.version), STRUCTS(spec, hooks.hooks, hook_fields),

	U32(spec, lifecycle.signal_halt), U32(spec, lifecycle.signal_reboot), U32(spec, lifecycle.signal_stop),
	BOOL(spec, lifecycle.has_death_signal), U32(spec, lifecycle.death_signal), BOOL(spec, lifecycle.ephemeral),
	BOOL(spec, lifecycle.unshare_mounts), BOOL(spec, lifecycle.start_auto), U32(spec, lifecycle.start_delay),
	I32(spec, lifecycle.start_order), LIST(spec, lifecycle.groups),

	TEXT(spec, log.file), TEXT(spec, log.level), TEXT(spec, log.syslog),

	TEXT(spec, oci.bundle), TEXT(spec, oci.version), STRUCTS(spec, oci.annotations, setting_fields),
	BOOL(spec, oci.root_read_only), U64(spec, oci.root_propagation), STRUCTS(spec, oci.devices, device_fields),
	LIST(spec, oci.masked), LIST(spec, oci.read_only), STRUCTS(spec, oci.hooks, oci_hook_fields),
	BOOL(spec, oci.terminal), U32(spec, oci.console_height), U32(spec, oci.console_width),
	U32_DEFAULT(spec, oci.umask, UINT32_MAX), U64(spec, oci.cap_bounding), U64(spec, oci.cap_effective),
	U64(spec, oci.cap_permitted), U64(spec, oci.cap_inheritable), U64(spec, oci.cap_ambient),
	TEXT(spec, oci.oom_score_adj), TEXT(spec, oci.scheduler), BOOL(spec, oci.has_io_priority),
	U32(spec, oci.io_priority), TEXT(spec, oci.cpus_before), TEXT(spec, oci.cpus_after), TEXT(spec, oci.seccomp),
	TEXT(spec, oci.seccomp_listener), TEXT(spec, oci.seccomp_metadata), TEXT(spec, oci.mount_label),
	U32(spec, oci.seccomp_flags), TEXT(spec, oci.memory_policy), ORIGIN(spec, oci.memory_policy_origin),
	BOOL(spec, oci.has_rdt), BOOL(spec, oci.rdt_monitoring), TEXT(spec, oci.rdt_clos), LIST(spec, oci.rdt_schemata),
	ORIGIN(spec, oci.rdt_origin), LIST(spec, oci.exec_cgroups), TEXT(spec, oci.systemd_unit),
	TEXT(spec, oci.command), TEXT(spec, oci.console_socket), TEXT(spec, oci.pidfd_socket), TEXT(spec, oci.pid_file),
	TEXT(spec, oci.log), TEXT(spec, oci.notify_socket), BOOL(spec, oci.log_json), BOOL(spec, oci.no_pivot),
	BOOL(spec, oci.no_new_keyring), BOOL(spec, oci.detach), BOOL(spec, oci.keep), BOOL(spec, oci.no_subreaper),
	BOOL(spec, oci.no_cgroups), BOOL(spec, oci.listen), U32(spec, oci.preserve_fds), END
};

static size_t scalar_size(enum field_kind kind)
{
	switch (kind) {
	case FIELD_BOOL:
		return sizeof(bool);
	case FIELD_U32:
	case FIELD_I32:
		return sizeof(uint32_t);
	case FIELD_U64:
	case FIELD_I64:
		return sizeof(uint64_t);
	case FIELD_ORIGIN:
		return sizeof(struct origin);
	default:
		return 0;
	}
}

void fields_clear(const struct field *fields, void *object)
{
	for (const struct field *field = fields; field->name; field++) {
		void *at = field_at(field, object);
		struct vector *vector = at;
		switch (field->kind) {
		case FIELD_TEXT:
			free(*(char **)at);
			*(char **)at = NULL;
			break;
		case FIELD_LIST:
			string_list_clear(at);
			break;
		case FIELD_STRUCTS:
			for (size_t i = 0; i < vector->count; i++)
				fields_clear(field->items, (char *)vector->items + i * field->item_size);
			free(vector->items);
			*vector = (struct vector){ 0 };
			break;
		default:
			memset(at, 0, scalar_size(field->kind));
			break;
		}
	}
}

static int copy_structs(const struct field *field, struct vector *to, const struct vector *from)
{
	for (size_t i = 0; i < from->count; i++) {
		void *item = vector_add_raw(to, field->item_size);
		if (!item || fields_copy(field->items, item, (char *)from->items + i * field->item_size) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int copy_list(struct string_list *to, const struct string_list *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (string_list_add(to, from->items[i]) < 0)
			return -ENOMEM;
	return 0;
}

int fields_copy(const struct field *fields, void *to, const void *from)
{
	int r = 0;
	for (const struct field *field = fields; field->name && r == 0; field++) {
		void *target = field_at(field, to);
		const void *source = field_at(field, from);
		if (field->kind == FIELD_TEXT)
			r = text_replace(target, *(char *const *)source);
		else if (field->kind == FIELD_LIST)
			r = copy_list(target, source);
		else if (field->kind == FIELD_STRUCTS)
			r = copy_structs(field, target, source);
		else
			memcpy(target, source, scalar_size(field->kind));
	}
	return r;
}

static bool lists_equal(const struct string_list *a, const struct string_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool structs_equal(const struct field *field, const struct vector *a, const struct vector *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!fields_equal(field->items, (char *)a->items + i * field->item_size,
			    (char *)b->items + i * field->item_size))
			return false;
	return true;
}

bool fields_equal(const struct field *fields, const void *a, const void *b)
{
	for (const struct field *field = fields; field->name; field++) {
		const void *x = field_at(field, a), *y = field_at(field, b);
		bool is_equal;
		if (field->kind == FIELD_TEXT)
			is_equal = text_equal(*(char *const *)x, *(char *const *)y);
		else if (field->kind == FIELD_LIST)
			is_equal = lists_equal(x, y);
		else if (field->kind == FIELD_STRUCTS)
			is_equal = structs_equal(field, x, y);
		else
			is_equal = memcmp(x, y, scalar_size(field->kind)) == 0;
		if (!is_equal)
			return false;
	}
	return true;
}

bool field_is_default(const struct field *field, const void *object)
{
	const void *at = field_at(field, object);
	static const char zeros[sizeof(struct origin)];
	switch (field->kind) {
	case FIELD_TEXT:
		return *(char *const *)at == NULL;
	case FIELD_LIST:
	case FIELD_STRUCTS:
		return ((const struct vector *)at)->count == 0;
	case FIELD_U32:
		return *(const uint32_t *)at == field->default_u32;
	default:
		return memcmp(at, zeros, scalar_size(field->kind)) == 0;
	}
}
