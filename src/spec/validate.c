#include "base/cleanup.h"
#include "base/error.h"
#include "spec/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int refuse(const struct spec *spec, struct error *err, const struct origin *origin, const char *what,
	const char *hint)
{
	int r = spec_error(err, EINVAL, spec, origin, "%s", what);
	if (err) {
		err->errnum = 0;
		err->kind = ERROR_CONFIG;
	}
	error_hint(err, "%s", hint);
	return r;
}

/* ---- mechanisms that do not exist yet ---- */

static bool has_link_of(const struct spec *spec, enum link_type type, const struct origin **ret_origin)
{
	vector_for_each (link, &spec->network.links) {
		if (link->type == type) {
			*ret_origin = &link->origin;
			return true;
		}
	}
	return false;
}

static bool has_vlan(const struct spec *spec, const struct origin **origin)
{
	return has_link_of(spec, LINK_VLAN, origin);
}

static bool has_ipvlan(const struct spec *spec, const struct origin **origin)
{
	return has_link_of(spec, LINK_IPVLAN, origin);
}

static bool has_router_mode(const struct spec *spec, const struct origin **origin)
{
	vector_for_each (link, &spec->network.links) {
		*origin = &link->origin;
		if (link->type == LINK_VETH && link->veth_mode && strcmp(link->veth_mode, "router") == 0)
			return true;
	}
	return false;
}

static bool has_bridge_vlan(const struct spec *spec, const struct origin **origin)
{
	vector_for_each (link, &spec->network.links) {
		*origin = &link->origin;
		if (link->type == LINK_VETH && (link->vlan_id || link->vlan_tagged.count))
			return true;
	}
	return false;
}

static bool has_l2proxy(const struct spec *spec, const struct origin **origin)
{
	vector_for_each (link, &spec->network.links) {
		*origin = &link->origin;
		if (link->l2proxy)
			return true;
	}
	return false;
}

static bool has_veth_routes(const struct spec *spec, const struct origin **origin)
{
	vector_for_each (link, &spec->network.links) {
		*origin = &link->origin;
		if (link->ipv4_routes.count || link->ipv6_routes.count)
			return true;
	}
	return false;
}

/* A user without privilege would need a helper for these. */
static bool has_user_nic(const struct spec *spec, const struct origin **origin)
{
	if (geteuid() == 0)
		return false;
	return has_link_of(spec, LINK_VETH, origin) || has_link_of(spec, LINK_MACVLAN, origin) ||
	       has_link_of(spec, LINK_PHYS, origin);
}

/* securityfs need not be mounted: the module's parameter tells it, too. */
static bool has_apparmor(void)
{
	char enabled = 'N';
	if (access("/sys/kernel/security/apparmor", F_OK) == 0)
		return true;
	auto_close int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &enabled, 1) == 1 && enabled == 'Y';
}

static bool has_generated_apparmor(const struct spec *spec, const struct origin **origin)
{
	*origin = &spec->security.apparmor_origin;
	return spec->security.apparmor_profile && strcmp(spec->security.apparmor_profile, "generated") == 0 &&
	       has_apparmor();
}

static bool has_other_store(const struct spec *spec, const struct origin **origin)
{
	const char *store = spec->rootfs.store;
	*origin = &spec->rootfs.origin;
	return store && strcmp(store, "dir") != 0 && strcmp(store, "overlay") != 0 && strcmp(store, "overlayfs") != 0;
}

/* The one table of what a later version will do: refused, never ignored. It shrinks to nothing. */
static const struct {
	bool (*is_used)(const struct spec *spec, const struct origin **origin);
	const char *what, *hint;
} missing[] = {
	{ has_vlan, "network type vlan is not supported yet", "use veth on a bridge, macvlan or phys" },
	{ has_ipvlan, "network type ipvlan is not supported yet", "use veth on a bridge, macvlan or phys" },
	{ has_router_mode, "veth mode router is not supported yet", "use veth on a bridge" },
	{ has_bridge_vlan, "VLANs on a bridge port are not supported yet", "set them with bridge(8) in a script" },
	{ has_l2proxy, "l2proxy is not supported yet", "use veth on a bridge" },
	{ has_veth_routes, "routes to a veth are not supported yet", "set them with ip(8) in lxc.net.N.script.up" },
	{ has_user_nic, "interfaces for a user without privilege are not supported yet", "use network type empty or none" },
	{ has_generated_apparmor, "generated AppArmor profiles are not supported yet",
		"set lxc.apparmor.profile to unconfined or to a loaded profile" },
	{ has_other_store, "this kind of rootfs is not supported yet", "use a directory or overlay" },
};

static int check_missing(const struct spec *spec, struct error *err)
{
	for (size_t i = 0; i < sizeof(missing) / sizeof(*missing); i++) {
		const struct origin *origin = NULL;
		if (missing[i].is_used(spec, &origin)) {
			int r = refuse(spec, err, origin, missing[i].what, missing[i].hint);
			if (err)
				err->kind = ERROR_UNSUPPORTED;
			return r;
		}
	}
	return 0;
}

/* ---- contradictions ---- */

static int check_name(const struct spec *spec, struct error *err)
{
	const char *name = spec->identity.name;
	if (!name || !*name)
		return refuse(spec, err, NULL, "the container has no name", "give one with --name");
	if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strlen(name) > 200)
		return refuse(spec, err, NULL, "the container's name holds a slash or is too long",
			"use letters, digits, '-', '_' and '.'");
	return 0;
}

static int check_capabilities(const struct spec *spec, struct error *err)
{
	if (spec->process.cap_keep.count && spec->process.cap_drop.count)
		return refuse(spec, err, &spec->process.capability_origin, "capabilities are both dropped and kept",
			"use lxc.cap.drop or lxc.cap.keep");
	return 0;
}

static bool has_map(const struct spec *spec, bool is_gid)
{
	vector_for_each (map, &spec->idmaps)
		if (map->is_gid == is_gid)
			return true;
	return false;
}

/* The kernel would refuse the map as a whole with EINVAL, or init could become nobody. */
static int check_idmaps(const struct spec *spec, struct error *err)
{
	const struct spec_idmap *first = spec->idmaps.items;
	if (spec->idmaps.count == 0)
		return 0;
	if (!has_map(spec, false) || !has_map(spec, true))
		return refuse(spec, err, &first->origin, "the id map has only users or only groups",
			"give lxc.idmap lines for u and for g");
	for (int is_gid = 0; is_gid < 2; is_gid++) {
		uint32_t id = is_gid ? spec->process.gid : spec->process.uid;
		bool is_mapped = false;
		vector_for_each (map, &spec->idmaps) {
			if (map->count == 0 || map->count > UINT32_MAX - map->inside ||
				map->count > UINT32_MAX - map->outside)
				return refuse(spec, err, &map->origin, "the id map is empty or ends beyond the last id",
					"give a count from 1 that ends below 4294967295");
			is_mapped |= map->is_gid == is_gid && id >= map->inside && id - map->inside < map->count;
			vector_for_each (other, &spec->idmaps) {
				if (other == map || other->is_gid != map->is_gid)
					continue;
				if (other->inside - map->inside < map->count || other->outside - map->outside < map->count)
					return refuse(spec, err, &other->origin, "the id map overlaps another one",
						"give ranges that have no id twice");
			}
		}
		if (!is_mapped)
			return refuse(spec, err, &first->origin,
				is_gid ? "the group of init is not in the id map" : "the user of init is not in the id map",
				"map lxc.init.uid and lxc.init.gid");
	}
	return 0;
}

static int check_namespaces(const struct spec *spec, struct error *err)
{
	const struct spec_namespaces *namespaces = &spec->namespaces;
	if (namespaces->clone_mask && namespaces->keep_mask)
		return refuse(spec, err, &namespaces->origin, "namespaces are both cloned and kept",
			"use lxc.namespace.clone or lxc.namespace.keep");
	if (spec->rootfs.path && !(spec_new_namespaces(spec) & 1U << NAMESPACE_MOUNT) &&
		!namespaces->share[NAMESPACE_MOUNT])
		return refuse(spec, err, &namespaces->origin, "a rootfs needs a mount namespace of its own",
			"leave mnt out of lxc.namespace.keep");
	return 0;
}

static int check_links(const struct spec *spec, struct error *err)
{
	const struct spec_link *first = spec->network.links.items;
	vector_for_each (link, &spec->network.links) {
		if (link->type == LINK_UNSET)
			return refuse(spec, err, &link->origin, "the interface has no type",
				"add a line lxc.net.N.type = veth, macvlan, phys, empty or none");
		if (link->type == LINK_NONE && link != first)
			return refuse(spec, err, &link->origin, "type none can not be combined with other interfaces",
				"remove the other interfaces");
		if ((link->type == LINK_MACVLAN || link->type == LINK_PHYS) && !link->link)
			return refuse(spec, err, &link->origin, "the interface has no link",
				"name the host's device in lxc.net.N.link");
	}
	return 0;
}

int spec_validate(const struct spec *spec, struct error *err)
{
	int r = check_name(spec, err);
	r = r ?: check_missing(spec, err);
	r = r ?: check_capabilities(spec, err);
	r = r ?: check_idmaps(spec, err);
	r = r ?: check_namespaces(spec, err);
	return r ?: check_links(spec, err);
}
