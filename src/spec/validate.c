#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
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

/* ---- contradictions ---- */

static int check_name(const struct spec *spec, struct error *err)
{
	const char *name = spec->identity.name;
	if (!name || !*name)
		return refuse(spec, err, NULL, "the container has no name", "give one with --name");
	if (text_has_control(name)) /* listings and logs have it: an order for the terminal there */
		return refuse(spec, err, NULL, "the container's name holds a control character",
			"use letters, digits, '-', '_' and '.'");
	if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strlen(name) > 200)
		return refuse(spec, err, NULL, "the container's name holds a slash or is too long",
			"use letters, digits, '-', '_' and '.'");
	return 0;
}

/* For an ordinary user lxc-user-nic makes a plain veth on a bridge; all else of the host's network is the administrator's. */
static int check_user_links(const struct spec *spec, struct error *err)
{
	if (geteuid() == 0)
		return 0;
	vector_for_each (link, &spec->network.links) {
		bool is_plain = link->type == LINK_VETH && !spec_link_is_router(link) && !link->vlan_id &&
				!link->security && link->vlan_tagged.count == 0 && link->ipv4_routes.count == 0 && link->ipv6_routes.count == 0;
		if (link->type > LINK_EMPTY && !is_plain)
			return refuse(spec, err, &link->origin, "an ordinary user can only have a veth on a bridge",
				"use type veth with a link that /etc/lxc/lxc-usernet allows, without routes, VLANs, security or a mode");
	}
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

static bool has_auto_gateway(const struct spec_link *link)
{
	return (link->ipv4_gateway && strcmp(link->ipv4_gateway, "auto") == 0) ||
	       (link->ipv6_gateway && strcmp(link->ipv6_gateway, "auto") == 0);
}

/* What the type needs, or can not have. NULL: all is well. */
static const char *find_link_fault(const struct spec_link *link, const char **hint)
{
	bool has_parent = link->type == LINK_MACVLAN || link->type == LINK_PHYS || link->type == LINK_VLAN ||
			  link->type == LINK_IPVLAN;
	*hint = "name the host's device in lxc.net.N.link";
	if (has_parent && !link->link)
		return "the interface has no link";
	*hint = "write the gateway's address";
	if ((link->type == LINK_PHYS || link->type == LINK_VLAN) && has_auto_gateway(link))
		return "gateway auto is for types veth, macvlan and ipvlan";
	*hint = "leave lxc.net.N.hwaddr out";
	if (link->type == LINK_IPVLAN && link->hwaddr)
		return "an ipvlan interface has the hardware address of its link";
	*hint = "leave lxc.net.N.veth.ipv4.route and .ipv6.route out";
	if (link->type != LINK_VETH && (link->ipv4_routes.count || link->ipv6_routes.count))
		return "routes on the host are for type veth";
	return NULL;
}

/* Number 0 is no VLAN to a bridge. */
static const char *find_port_fault(const struct spec_link *link, const char **hint)
{
	uint32_t number;
	if (link->type != LINK_VETH || (!link->vlan_id && link->vlan_tagged.count == 0))
		return NULL;
	*hint = "name a bridge in lxc.net.N.link, and leave veth.mode at bridge";
	if (!link->link || spec_link_is_router(link))
		return "VLANs are for a veth on a bridge";
	*hint = "write a number from 1 to 4094";
	if (link->vlan_id && text_to_u32(link->vlan_id, &number) == 0 && number == 0)
		return "a bridge has no VLAN 0 (veth.vlan.id)";
	for (size_t i = 0; i < link->vlan_tagged.count; i++)
		if (text_to_u32(link->vlan_tagged.items[i], &number) == 0 && number == 0)
			return "a bridge has no VLAN 0 (veth.vlan.tagged.id)";
	return NULL;
}

static const char *find_proxy_fault(const struct spec_link *link, const char **hint)
{
	if (!link->l2proxy)
		return NULL;
	*hint = "leave lxc.net.N.l2proxy out";
	if (link->type != LINK_VETH && link->type != LINK_IPVLAN)
		return "l2proxy is for types veth and ipvlan";
	*hint = "name the host's device in lxc.net.N.link";
	if (!link->link)
		return "l2proxy needs a link";
	*hint = "set lxc.net.N.ipvlan.mode to l3s";
	if (link->type == LINK_IPVLAN && (!link->ipvlan_mode || strcmp(link->ipvlan_mode, "l3s") != 0))
		return "l2proxy needs ipvlan of mode l3s";
	return NULL;
}

static const char *find_rate_fault(const struct spec_link *link, const char **hint)
{
	if (!link->rate_egress && !link->rate_ingress && !link->rate_burst)
		return NULL;
	*hint = "leave lxc.net.N.rate out";
	if (!spec_link_has_host_side(link))
		return "rates are for veth and venet: other interfaces have no side that the container can not reach";
	*hint = "ask the administrator";
	if (geteuid() != 0)
		return "an ordinary user can not limit rates";
	*hint = "add lxc.net.N.rate.egress or lxc.net.N.rate.ingress";
	if (!link->rate_egress && !link->rate_ingress)
		return "a burst belongs to a rate";
	return NULL;
}

static const char *find_dhcp_fault(const struct spec_link *link, const char **hint)
{
	if (!link->ipv4_dhcp)
		return NULL;
	*hint = "leave lxc.net.N.ipv4.dhcp out";
	if (link->type != LINK_VETH && link->type != LINK_MACVLAN && link->type != LINK_PHYS && link->type != LINK_VLAN &&
		link->type != LINK_IPVLAN)
		return "ipv4.dhcp is for types veth, macvlan, ipvlan, vlan and phys";
	*hint = "leave lxc.net.N.ipv4.dhcp out, or veth.mode at bridge";
	if (spec_link_is_router(link))
		return "nobody answers to DHCP in router mode";
	*hint = "set lxc.net.N.ipvlan.mode to l2";
	if (link->type == LINK_IPVLAN && (!link->ipvlan_mode || strcmp(link->ipvlan_mode, "l2") != 0))
		return "ipv4.dhcp needs ipvlan of mode l2";
	return NULL;
}

/* The filter knows a container's addresses from its configuration, and nothing else. */
static const char *find_filter_fault(const struct spec_link *link, const char **hint)
{
	bool has_address = link->ipv4.count || link->ipv6.count;
	*hint = "leave lxc.net.N.security out";
	if (link->security && link->type != LINK_VETH)
		return link->type == LINK_VENET ? "venet is always secure" : "security is for type veth";
	*hint = "give lxc.net.N.ipv4.address or .ipv6.address";
	if (link->security && !has_address)
		return "security needs the addresses that the container may use";
	*hint = "leave lxc.net.N.venet.peers out";
	if (link->venet_peers && link->type != LINK_VENET)
		return "venet.peers is for type venet";
	if (link->type != LINK_VENET)
		return NULL;
	*hint = "leave lxc.net.N.ipv4.gateway and .ipv6.gateway out";
	if (link->ipv4_gateway || link->ipv6_gateway)
		return "venet needs no gateway";
	*hint = "leave lxc.net.N.hwaddr out";
	return link->hwaddr ? "venet chooses its hardware address itself" : NULL;
}

static int check_links(const struct spec *spec, struct error *err)
{
	const struct spec_link *first = spec->network.links.items;
	vector_for_each (link, &spec->network.links) {
		const char *hint;
		if (link->type == LINK_UNSET)
			return refuse(spec, err, &link->origin, "the interface has no type",
				"add a line lxc.net.N.type = veth, venet, macvlan, ipvlan, vlan, phys, empty or none");
		if (link->type == LINK_NONE && link != first)
			return refuse(spec, err, &link->origin, "type none can not be combined with other interfaces",
				"remove the other interfaces");
		const char *fault = find_link_fault(link, &hint);
		fault = fault ?: find_port_fault(link, &hint);
		fault = fault ?: find_proxy_fault(link, &hint);
		fault = fault ?: find_rate_fault(link, &hint);
		fault = fault ?: find_dhcp_fault(link, &hint);
		fault = fault ?: find_filter_fault(link, &hint);
		if (fault)
			return refuse(spec, err, &link->origin, fault, hint);
	}
	return 0;
}

static int check_disk_limit(const struct spec *spec, struct error *err)
{
	const struct spec_rootfs *rootfs = &spec->rootfs;
	if (!spec_has_disk_limit(spec) && !rootfs->user_quota)
		return 0;
	if (!rootfs->path)
		return refuse(spec, err, &rootfs->limit_origin, "a limit needs a root file system of its own",
			"give lxc.rootfs.path, or leave lxc.rootfs.size, .inodes and .quota out");
	if (rootfs->size_limit > 0 && rootfs->size_limit < 1U << 20)
		return refuse(spec, err, &rootfs->limit_origin, "a limit below 1M leaves no room for a container",
			"write a size with its unit, as lxc.rootfs.size = 2G");
	if (spec_has_disk_limit(spec) && geteuid() != 0)
		return refuse(spec, err, &rootfs->limit_origin, "an ordinary user can not limit disk space",
			"ask the administrator, or leave lxc.rootfs.size and .inodes out");
	return 0;
}

int spec_validate(const struct spec *spec, struct error *err)
{
	int r = check_name(spec, err);
	r = r ?: check_capabilities(spec, err);
	r = r ?: check_idmaps(spec, err);
	r = r ?: check_namespaces(spec, err);
	r = r ?: check_disk_limit(spec, err);
	r = r ?: check_user_links(spec, err);
	return r ?: check_links(spec, err);
}
