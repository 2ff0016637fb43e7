/* From the configuration to what the engine starts. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/paths.h"
#include "base/text.h"
#include "engine/idmaps.h"
#include "kernel/capability.h"
#include "kernel/idmap.h"
#include "kernel/mount.h"
#include "kernel/namespace.h"
#include "storage/limit.h"
#include "storage/storage.h"

#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>

/* ---- ids ---- */

static bool is_taken(const struct vz_ids *ids, const struct vz_ct *ct, uint32_t base)
{
	for (size_t i = 0; i < ids->count; i++) {
		struct vz_ct other;
		if (ids->items[i] == ct->id)
			continue;
		bool is_read = vz_ct_open_with(&other, ids->items[i], NULL, NULL) == 0;
		uint32_t first = is_read ? vz_ct_uid_base(&other) : 0;
		vz_ct_clear_own(&other);
		if (is_read && first > 0 && base < first + VZ_ID_RANGE && first < base + VZ_ID_RANGE)
			return true;
	}
	return false;
}

int vz_choose_ids(struct vz_ct *ct)
{
	struct vz_ids ids = { 0 };
	struct vz_ct trial = *ct;
	char text[16];
	int r = vz_list(&ids);
	if (r >= 0 && !vz_conf_get(&ct->own, "LOCAL_UID") && !vz_conf_get(&ct->given, "LOCAL_UID")) {
		uint32_t base = vz_ct_uid_base(&trial);
		for (int i = 0; base > 0 && i < 2046 && is_taken(&ids, ct, base); i++) {
			trial.id++; /* the next one's range */
			base = vz_ct_uid_base(&trial);
		}
		(void)snprintf(text, sizeof(text), "%u", base);
		r = vz_conf_set(&ct->own, "LOCAL_UID", text);
		r = r ?: vz_conf_set(&ct->own, "LOCAL_GID", text);
	}
	free(ids.items);
	return r < 0 ? r : 0;
}

bool vz_can_map(const char *path)
{
	static const char map[] = "0 2013265920 65536\n";
	pid_t pid = idmap_hold(map, map);
	auto_close int userns_fd = pid > 0 ? namespace_open(pid, NAMESPACE_USER) : -1;
	auto_close int tree_fd = userns_fd < 0 ? -1 : mount_clone_tree(AT_FDCWD, path, false);
	bool can = tree_fd >= 0 && mount_set_idmap(tree_fd, userns_fd, false) == 0;
	if (pid > 0)
		idmap_release(pid);
	return can;
}

/* ---- the spec ---- */

/* This host's root can not use ids of its own for it (no user namespaces): without, as said once. */
static int drop_ids(struct vz *vz, const char *root, struct spec **spec, struct error *err)
{
	spec_free(*spec);
	*spec = NULL;
	vz_say(vz, "Warning: no user namespace for it here: the container's root is this host's");
	int r = vz_conf_set(&vz->ct.given, "LOCAL_UID", "0");
	r = r ?: vz_conf_set(&vz->ct.given, "LOCAL_GID", "0");
	return r ?: vz_ct_spec(&vz->ct, root, false, spec, err);
}

/* Its files have the host's ids when root's are root's: then they are shown to it by a mapped mount, or given to it once. */
static int fit_owners(struct vz *vz, const char *root, struct spec **spec, struct error *err)
{
	struct stat info;
	if (stat(root, &info) < 0)
		return error_set(err, errno, "look at %s", root);
	if (info.st_uid == (*spec)->idmaps.items[0].outside)
		return 0;
	/* quotas of its users count the ids that the file system has: those of the container have to be its own there */
	if ((*spec)->rootfs.user_quota || !vz_can_map(root)) {
		vz_say(vz, "Changing the owners of the files below %s", root);
		return storage_shift_tree(root, *spec, err);
	}
	spec_free(*spec);
	*spec = NULL;
	return vz_ct_spec(&vz->ct, root, true, spec, err);
}

/* When it ends by itself, somebody has to unmount it. */
static int add_end(const struct vz *vz, struct spec *spec)
{
	struct spec_hook *hook = vector_add(&spec->hooks.hooks);
	if (!hook)
		return -ENOMEM;
	spec->hooks.version = 1;
	hook->moment = HOOK_POST_STOP;
	return text_format(&hook->command, "%s vzctl --quiet stopped %s </dev/null", WABE_OPENVZ, vz->ct.name);
}

void vz_check_disk(const struct vz *vz, struct spec *spec)
{
	struct storage_usage usage = { 0 };
	struct error err = { 0 };
	if (!spec_has_disk_limit(spec))
		return;
	int r = storage_limit_get("dir", spec->rootfs.path, -1, &usage, &err);
	bool is_btrfs = r < 0 ? err.errnum == ENODATA : usage.kind == LIMIT_GROUP; /* its quotas may be off until the first limit */
	if (is_btrfs && spec->rootfs.inode_limit) {
		(void)vz_fail(vz, 0, "Warning: btrfs limits no number of files: DISKINODES has no effect");
		spec->rootfs.inode_limit = 0;
	}
	if (is_btrfs || (r == 0 && usage.kind != LIMIT_NONE))
		return;
	(void)vz_fail(vz, 0, "Warning: the file system of %s limits no directories: DISKSPACE and DISKINODES have no effect (use "
			     "--layout ploop, or ext4 or XFS with project quotas, or a subvolume of btrfs)", spec->rootfs.path);
	spec->rootfs.size_limit = spec->rootfs.inode_limit = 0;
}

/* What this host does not have is told, and is no reason not to start. */
static int drop_missing(struct vz *vz, struct spec *spec)
{
	struct string_list *dropped = &spec->process.cap_drop;
	for (size_t i = dropped->count; i-- > 0;)
		if (capability_from_name(dropped->items[i]) < 0) {
			(void)vz_fail(vz, 0, "Warning: unknown capability %s, skipped", dropped->items[i]);
			free(dropped->items[i]);
			vector_remove(dropped, i);
		}
	for (size_t i = 0; i < spec->network.links.count; i++) {
		struct spec_link *link = &spec->network.links.items[i];
		bool is_there = !link->link || if_nametoindex(link->link) != 0;
		if (!is_there && link->type == LINK_PHYS)
			return vz_fail(vz, VZ_NETDEV, "Network device %s does not exist", link->link);
		if (!is_there && link->type == LINK_VETH) {
			(void)vz_fail(vz, 0, "Warning: bridge %s does not exist, %s is on none", link->link, link->name);
			free(link->link);
			link->link = NULL;
		}
	}
	return VZ_OK;
}

int vz_make_spec(struct vz *vz, struct spec **ret_spec)
{
	struct error err = { 0 };
	auto_free char *area = vz_ct_path(&vz->ct, "VE_PRIVATE"), *mounted = vz_ct_path(&vz->ct, "VE_ROOT");
	const char *root = vz_ct_is_ploop(&vz->ct, NULL) ? mounted : area;
	auto_spec struct spec *spec = NULL;
	if (!area || !mounted)
		return VZ_SYSTEM;
	int r = vz_ct_spec(&vz->ct, root, false, &spec, &err);
	if (r == 0 && spec->idmaps.count && !idmaps_are_usable(spec))
		r = drop_ids(vz, root, &spec, &err);
	if (r == 0 && spec->idmaps.count)
		r = fit_owners(vz, root, &spec, &err);
	if (r == 0)
		vz_check_disk(vz, spec);
	if (r == 0 && (r = add_end(vz, spec)) < 0)
		(void)error_set(&err, r, "make the spec");
	if (r < 0)
		return vz_fail_error(vz, VZ_ENVIRONMENT, &err);
	int status = drop_missing(vz, spec);
	if (status != VZ_OK)
		return status;
	*ret_spec = take_ptr(spec);
	return VZ_OK;
}
