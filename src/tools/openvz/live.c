/* Changes of a running container. */
#include "tools/openvz/live.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "dialect/openvz/limits.h"
#include "dialect/openvz/network.h"
#include "storage/limit.h"

#include <string.h>
#include <sys/stat.h>

/* ---- limits of the control group ---- */

/* 0, or -errno. What this host's groups lack counts as done for what is no resource of it. */
static int write_limits(const struct vz *vz, const char *key)
{
	struct container_id id = vz_id(vz);
	struct vz_limits limits = { 0 };
	bool is_written = false;
	struct stat info;
	bool is_v2_host = stat("/sys/fs/cgroup/cgroup.controllers", &info) == 0;
	int r = vz_limits(&vz->ct, key, true, &limits), last = 0;
	for (size_t i = 0; r == 0 && i < limits.count; i++) {
		const struct vz_limit *limit = &limits.items[i];
		if (is_v2_host && !limit->is_v2)
			continue;
		int written = engine_cgroup_set(&id, limit->file, limit->value, NULL);
		is_written |= written >= 0;
		last = written < 0 ? written : last;
	}
	size_t count = limits.count;
	free(limits.items);
	return r < 0 ? r : count == 0 || is_written ? 0 : last;
}

static void tell_limit(const struct vz *vz, const char *key)
{
	const char *value = vz_ct_get(&vz->ct, key) ?: "";
	if (strcmp(key, "CPUUNITS") == 0)
		vz_say(vz, "Setting CPU units: %s", value);
	else if (strcmp(key, "CPULIMIT") == 0)
		vz_say(vz, "Setting CPU limit: %s", value);
	else if (strcmp(key, "CPUS") == 0)
		vz_say(vz, "Setting CPUs: %s", value);
	else if (strcmp(key, "CPUMASK") == 0)
		vz_say(vz, "Setting CPU mask: %s", value);
	else if (strcmp(key, "NODEMASK") == 0)
		vz_say(vz, "Setting node mask: %s", value);
	else if (strcmp(key, "IOLIMIT") == 0)
		vz_say(vz, "Setting iolimit: %s bytes/sec", value);
	else if (strcmp(key, "IOPSLIMIT") == 0)
		vz_say(vz, "Setting iopslimit: %s iops", value);
}

static bool is_ubc(const struct vz_param *param)
{
	return param && (param->kind == VZ_UBC_BYTES || param->kind == VZ_UBC_ITEMS || param->kind == VZ_UBC_PAGES);
}

static int apply_limits(struct vz *vz, const struct vz_request *request)
{
	/* when memory and swap shrink together swap has to go first, and the other way round: each is tried again */
	bool has_ubc = request->reset_ub;
	int status = VZ_OK;
	for (size_t i = 0; i < request->keys.count; i++) {
		const char *key = request->keys.items[i];
		const struct vz_param *param = vz_param_find(key);
		has_ubc |= is_ubc(param);
		tell_limit(vz, key);
		int r = write_limits(vz, key);
		if (r < 0 && !is_ubc(param))
			status = vz_fail(vz, text_starts(key, "IO") ? VZ_IO : 2, "Unable to set %s: %s", key, strerror(-r));
		else if (r < 0)
			(void)vz_fail(vz, 0, "Warning: %s is not limited on this host: %s", key, strerror(-r));
	}
	for (size_t i = 0; i < request->keys.count; i++)
		if (is_ubc(vz_param_find(request->keys.items[i])))
			(void)write_limits(vz, request->keys.items[i]); /* told above */
	for (const struct vz_param *param = vz_params; request->reset_ub && param->key; param++)
		if (is_ubc(param) && vz_ct_get(&vz->ct, param->key))
			(void)write_limits(vz, param->key); /* a limit that this host lacks */
	if (has_ubc && status == VZ_OK)
		vz_say(vz, "UB limits were set successfully");
	return status;
}

/* ---- addresses ---- */

static void join(const struct string_list *list, char *buffer, size_t size)
{
	*buffer = '\0';
	for (size_t i = 0; i < list->count; i++)
		(void)snprintf(buffer + strlen(buffer), size - strlen(buffer), "%s%s", i ? " " : "", list->items[i]);
}

static const char *bare(const char *address, char *buffer, size_t size)
{
	(void)snprintf(buffer, size, "%.*s", (int)strcspn(address, "/"), address);
	return buffer;
}

static int apply_addresses(struct vz *vz, const struct vz_request *request)
{
	struct container_id id = vz_id(vz);
	struct error err = { 0 };
	char text[1024], address[64];
	if (request->remove.count) {
		join(&request->remove, text, sizeof(text));
		vz_say(vz, request->removes_all ? "Deleting all IP address(es): %s" : "Deleting IP address(es): %s", text);
	}
	for (size_t i = 0; i < request->remove.count; i++)
		if (engine_remove_address(&id, bare(request->remove.items[i], address, sizeof(address)), &err) < 0 &&
			err.errnum != EADDRNOTAVAIL)
			return vz_fail_error(vz, VZ_ADD_IP, &err);
	if (request->add.count) {
		join(&request->add, text, sizeof(text));
		vz_say(vz, "Adding IP address(es): %s", text);
	}
	for (size_t i = 0; i < request->add.count; i++) {
		int r = engine_add_address(&id, bare(request->add.items[i], address, sizeof(address)), &err);
		if (r < 0 && err.errnum != EEXIST)
			return vz_fail_error(vz, err.errnum == EADDRINUSE ? VZ_IP_IN_USE : VZ_ADD_IP, &err);
	}
	return VZ_OK;
}

/* ---- disk ---- */

int vz_apply_disk(struct vz *vz)
{
	auto_free char *area = vz_ct_path(&vz->ct, "VE_PRIVATE"), *image = NULL;
	struct container_id id = vz_id(vz);
	struct error err = { 0 };
	struct vz_pair pair;
	const char *space = vz_ct_get(&vz->ct, "DISKSPACE");
	auto_spec struct spec *spec = NULL;
	if (!area || vz_ct_spec(&vz->ct, area, false, &spec, &err) < 0)
		return vz_fail_error(vz, VZ_SYSTEM, &err);
	if (!vz_ct_is_ploop(&vz->ct, &image)) {
		bool is_wanted = spec_has_disk_limit(spec);
		vz_check_disk(vz, spec);
		if (!vz_ct_is(&vz->ct, "DISK_QUOTA", true) || (is_wanted && !spec_has_disk_limit(spec)))
			return VZ_OK;
		int r = engine_disk_set(&id, spec, spec->rootfs.size_limit, spec->rootfs.inode_limit, &err);
		return r < 0 ? vz_fail_error(vz, VZ_QUOTA_LIMIT, &err) : VZ_OK;
	}
	if (!space || vz_parse_pair(space, VZ_DISK_SPACE, &pair) < 0 || pair.limit >= VZ_UNLIMITED / 1024)
		return VZ_OK;
	if (text_replace(&spec->rootfs.store, "loop") < 0 || text_replace(&spec->rootfs.path, image) < 0)
		return VZ_SYSTEM;
	int r = engine_disk_set(&id, spec, (uint64_t)pair.limit * 1024, UINT64_MAX, &err);
	return r < 0 ? vz_fail_error(vz, VZ_IMAGE_RESIZE, &err) : VZ_OK;
}

/* ---- names inside ---- */

static int apply_names(struct vz *vz, const struct vz_request *request)
{
	struct error err = { 0 };
	auto_free char *servers = NULL, *search = NULL;
	struct vz_inside inside = { 0 };
	if (string_list_has(&request->keys, "HOSTNAME"))
		inside.hostname = vz_ct_get(&vz->ct, "HOSTNAME");
	if (string_list_has(&request->keys, "NAMESERVER"))
		inside.nameservers = servers = vz_inherit(vz_ct_get(&vz->ct, "NAMESERVER"), "nameserver");
	if (string_list_has(&request->keys, "SEARCHDOMAIN"))
		inside.search = search = vz_inherit(vz_ct_get(&vz->ct, "SEARCHDOMAIN"), "search");
	if (!inside.hostname && !inside.nameservers && !inside.search)
		return VZ_OK;
	if (inside.hostname)
		vz_say(vz, "Set hostname: %s", inside.hostname);
	if (inside.nameservers || inside.search)
		vz_say(vz, "File resolv.conf was modified");
	if (vz_write_inside(vz, &inside, NULL, &err) < 0)
		return vz_fail_error(vz, inside.hostname ? VZ_HOSTNAME : VZ_DNS, &err);
	return VZ_OK;
}

/* Keys that a running container can not take. */
static bool needs_restart(const struct vz_request *request)
{
	static const char *const others[] = { "CAPABILITY", "FEATURES", "NETIF", "NETDEV", "DEVICES", "DEVNODES" };
	for (size_t i = 0; i < request->keys.count; i++) {
		const struct vz_param *param = vz_param_find(request->keys.items[i]);
		if (param && param->flags & VZ_RESTART)
			return true;
		for (size_t k = 0; k < sizeof(others) / sizeof(*others); k++)
			if (strcmp(request->keys.items[i], others[k]) == 0)
				return true;
	}
	return false;
}

int vz_apply_live(struct vz *vz, const struct vz_request *request, bool *ret_needs_restart)
{
	int status = apply_limits(vz, request);
	if (string_list_has(&request->keys, "DISKSPACE") || string_list_has(&request->keys, "DISKINODES"))
		status = status ?: vz_apply_disk(vz);
	status = status ?: apply_addresses(vz, request);
	status = status ?: apply_names(vz, request);
	for (size_t i = 0; status == VZ_OK && i < request->passwords.count; i++)
		status = vz_set_password(vz, request->passwords.items[i]);
	*ret_needs_restart = needs_restart(request);
	return status;
}
