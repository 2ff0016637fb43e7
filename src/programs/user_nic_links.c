/* The veth pair of lxc-user-nic. */
#include "programs/user_nic.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/netlink.h"

struct found {
	int index, peer_index;
	unsigned mtu;
	bool is_bridge, is_veth;
};

static void take_link(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *header = NLMSG_DATA(message);
	const struct rtattr *mtu = netlink_find(message, sizeof(*header), IFLA_MTU);
	const struct rtattr *peer = netlink_find(message, sizeof(*header), IFLA_LINK);
	struct found *found = data;

	found->index = header->ifi_index;
	found->mtu = mtu ? *(const unsigned *)RTA_DATA(mtu) : 0;
	found->peer_index = peer ? *(const int *)RTA_DATA(peer) : 0;
	found->is_veth = netlink_link_has_kind(message, "veth");
	found->is_bridge = netlink_link_has_kind(message, "bridge");
}

static int find_link(const char *name, struct found *ret)
{
	auto_close int fd = netlink_open();

	*ret = (struct found){ 0 };
	return fd < 0 ? fd : netlink_get_link(fd, name, take_link, ret);
}

int nic_find_bridge(const char *bridge, int *ret_index, unsigned *ret_mtu)
{
	struct found found;

	*ret_index = 0;
	*ret_mtu = 0;
	if (strcmp(bridge, "none") == 0)
		return 0;
	int r = find_link(bridge, &found);
	if (r < 0)
		return r;
	if (!found.is_bridge)
		return -EOPNOTSUPP;
	*ret_index = found.index;
	*ret_mtu = found.mtu;
	return 0;
}

/* The kernel looks at who opened the socket, too: netlink_ns_capable, net/netlink/af_netlink.c. */
static int send_privileged(struct netlink_batch *batch)
{
	int r = privilege_raise();

	if (r == 0) {
		auto_close int fd = netlink_open();
		r = fd < 0 ? fd : netlink_send(fd, batch, NULL);
		privilege_lower();
	}
	netlink_clear(batch);
	return r;
}

/* "ip link add HOST master BRIDGE up mtu MTU type veth peer name INSIDE netns FD" */
static void put_pair(struct netlink_batch *batch, const struct nic *nic, int netns_fd, int bridge_index, unsigned mtu)
{
	struct ifinfomsg host = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct ifinfomsg inside = { 0 };

	netlink_message(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &host, sizeof(host));
	netlink_text(batch, IFLA_IFNAME, nic->host);
	if (bridge_index)
		netlink_u32(batch, IFLA_MASTER, (uint32_t)bridge_index);
	if (mtu)
		netlink_u32(batch, IFLA_MTU, mtu);
	netlink_high_hwaddr(batch);
	size_t info = netlink_begin(batch, IFLA_LINKINFO, NULL, 0);
	netlink_text(batch, IFLA_INFO_KIND, "veth");
	size_t data = netlink_begin(batch, IFLA_INFO_DATA, NULL, 0);
	size_t peer = netlink_begin(batch, VETH_INFO_PEER, &inside, sizeof(inside));
	netlink_text(batch, IFLA_IFNAME, nic->inside);
	netlink_u32(batch, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	if (mtu)
		netlink_u32(batch, IFLA_MTU, mtu);
	netlink_end(batch, peer);
	netlink_end(batch, data);
	netlink_end(batch, info);
}

int nic_make(struct nic *nic, int netns_fd, int bridge_index, unsigned mtu)
{
	struct netlink_batch batch = { 0 };
	struct found found;

	put_pair(&batch, nic, netns_fd, bridge_index, mtu);
	int r = send_privileged(&batch);
	if (r < 0)
		return r;
	r = find_link(nic->host, &found);
	if (r < 0)
		return r;
	nic->host_index = found.index;
	nic->inside_index = found.peer_index;
	return 0;
}

int nic_delete(const char *host)
{
	struct netlink_batch batch = { 0 };
	struct found found;

	int r = find_link(host, &found);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	if (!found.is_veth)
		return -EPERM;
	struct ifinfomsg header = { .ifi_index = found.index };
	netlink_message(&batch, RTM_DELLINK, 0, &header, sizeof(header));
	r = send_privileged(&batch);
	return r == -ENODEV ? 0 : r;
}

bool nic_is_there(const char *host)
{
	struct found found;

	return find_link(host, &found) != -ENODEV;
}
