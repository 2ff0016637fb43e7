/* VLANs of a veth's port on a bridge of the kernel. */
#include "base/cleanup.h"
#include "base/text.h"
#include "network/internal.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <string.h>

struct bridge {
	bool is_bridge, knows_vlans, has_filter;
	uint16_t default_vlan;
};

static void take_bridge(const struct nlmsghdr *message, void *payload)
{
	struct bridge *bridge = payload;
	const struct rtattr *info = netlink_find(message, sizeof(struct ifinfomsg), IFLA_LINKINFO);
	bridge->is_bridge = netlink_link_has_kind(message, "bridge");
	if (!bridge->is_bridge)
		return;
	const struct rtattr *data = netlink_find_inside(info, IFLA_INFO_DATA);
	const struct rtattr *filter = netlink_find_inside(data, IFLA_BR_VLAN_FILTERING);
	const struct rtattr *vlan = netlink_find_inside(data, IFLA_BR_VLAN_DEFAULT_PVID);
	bridge->has_filter = filter && *(const uint8_t *)RTA_DATA(filter);
	bridge->knows_vlans = vlan; /* without the option the kernel leaves this one out */
	if (vlan)
		memcpy(&bridge->default_vlan, RTA_DATA(vlan), sizeof(bridge->default_vlan));
}

int bridge_vlan_check(int fd, const struct spec *spec, struct planned_link *link, struct error *err)
{
	struct bridge bridge = { 0 };
	const char *name = link->spec->link;
	const char *key = link->spec->vlan_id ? "veth.vlan.id" : "veth.vlan.tagged.id";
	int r = netlink_get_link(fd, name, take_bridge, &bridge);
	if (r < 0)
		return link_error(err, r, spec, link->spec, key, "look at bridge %s", name);
	link->is_on_ovs = !bridge.is_bridge && ovs_is_bridge(fd, name);
	if (link->is_on_ovs)
		return 0;
	if (!bridge.is_bridge) {
		r = link_error(err, 0, spec, link->spec, key, "%s is no bridge of the kernel", name);
		return error_hint(err, "name another one in lxc.net.%u.link", link->spec->index) ?: r;
	}
	if (!bridge.knows_vlans) {
		r = link_error(err, EOPNOTSUPP, spec, link->spec, key, "VLANs on bridge %s", name);
		return error_hint(err, "use a kernel with CONFIG_BRIDGE_VLAN_FILTERING") ?: r;
	}
	if (!bridge.has_filter) {
		r = link_error(err, 0, spec, link->spec, key, "bridge %s does not filter VLANs", name);
		return error_hint(err, "run: ip link set %s type bridge vlan_filtering 1", name) ?: r;
	}
	link->default_vlan = bridge.default_vlan;
	return 0;
}

static void put_vlan(struct netlink_batch *batch, uint16_t type, int port_index, uint16_t vlan, uint16_t flags)
{
	struct ifinfomsg header = { .ifi_family = AF_BRIDGE, .ifi_index = port_index };
	struct bridge_vlan_info info = { .flags = flags, .vid = vlan };
	netlink_message(batch, type, 0, &header, sizeof(header));
	size_t place = netlink_begin(batch, IFLA_AF_SPEC, NULL, 0);
	netlink_attribute(batch, IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
	netlink_end(batch, place);
}

/* The port is in the bridge's default VLAN until here, but its other end is still down. */
int bridge_vlan_set(int fd, const struct spec *spec, const struct planned_link *link, struct error *err)
{
	struct netlink_batch batch = { 0 };
	const struct string_list *tagged = &link->spec->vlan_tagged;
	uint32_t untagged = 0, vlan;
	int index = netlink_ifindex(fd, link->host_name);
	if (index < 0)
		return link_error(err, index, spec, link->spec, "veth.vlan.id", "find port %s", link->host_name);
	if (link->spec->vlan_id) {
		(void)text_to_u32(link->spec->vlan_id, &untagged); /* none: stays 0 */
		if (link->default_vlan && link->default_vlan != untagged)
			put_vlan(&batch, RTM_DELLINK, index, link->default_vlan, 0);
		if (untagged)
			put_vlan(&batch, RTM_SETLINK, index, (uint16_t)untagged,
				BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED);
	}
	for (size_t i = 0; i < tagged->count; i++)
		if (text_to_u32(tagged->items[i], &vlan) == 0 && vlan != untagged) /* a port has a VLAN in one way */
			put_vlan(&batch, RTM_SETLINK, index, (uint16_t)vlan, 0);
	int r = netlink_send(fd, &batch, NULL);
	return r < 0 ? link_error(err, r, spec, link->spec, link->spec->vlan_id ? "veth.vlan.id" : "veth.vlan.tagged.id",
			       "set the VLANs of port %s on bridge %s", link->host_name, link->spec->link) :
		       0;
}
