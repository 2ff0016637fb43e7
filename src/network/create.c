/* The links, made by the supervisor with their inner ends in the container's namespace. */
#include "base/cleanup.h"
#include "base/text.h"
#include "network/internal.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <string.h>
#include <time.h>

#define PARENT_WAITS   50
#define PARENT_WAIT_MS 10

bool parse_hwaddr(const char *text, unsigned char address[6])
{
	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &address[0], &address[1], &address[2], &address[3],
		       &address[4], &address[5]) == 6;
}

void put_inside(struct netlink_batch *batch, const struct planned_link *link)
{
	netlink_text(batch, IFLA_IFNAME, link->inside_name);
	if (link->mtu)
		netlink_u32(batch, IFLA_MTU, link->mtu);
	if (link->has_hwaddr)
		netlink_attribute(batch, IFLA_ADDRESS, link->hwaddr, sizeof(link->hwaddr));
}

void put_common(struct netlink_batch *batch, const struct planned_link *link, pid_t init_pid)
{
	netlink_u32(batch, IFLA_NET_NS_PID, (uint32_t)init_pid);
	put_inside(batch, link);
}

/* One message makes the pair, its bridge port and its inner end: "ip link add NAME master BR up type veth peer ...". */
static void add_veth(struct netlink_batch *batch, const struct planned_link *link, pid_t init_pid)
{
	const struct spec_link *spec = link->spec;
	struct ifinfomsg host = { .ifi_flags = spec->security ? 0 : IFF_UP, .ifi_change = IFF_UP }; /* the filter first */
	struct ifinfomsg peer = { 0 }; /* up is refused (ENOTCONN) while its other end is not there */
	netlink_message(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &host, sizeof(host));
	netlink_text(batch, IFLA_IFNAME, link->host_name);
	if (link->parent_index && !spec_link_is_router(spec) && !link->is_on_ovs)
		netlink_u32(batch, IFLA_MASTER, (uint32_t)link->parent_index);
	if (link->mtu)
		netlink_u32(batch, IFLA_MTU, link->mtu);
	if (spec->rx_queues)
		netlink_u32(batch, IFLA_NUM_RX_QUEUES, spec->rx_queues);
	if (spec->tx_queues)
		netlink_u32(batch, IFLA_NUM_TX_QUEUES, spec->tx_queues);
	netlink_high_hwaddr(batch);
	size_t info = netlink_begin(batch, IFLA_LINKINFO, NULL, 0);
	netlink_text(batch, IFLA_INFO_KIND, "veth");
	size_t data = netlink_begin(batch, IFLA_INFO_DATA, NULL, 0);
	size_t inner = netlink_begin(batch, VETH_INFO_PEER, &peer, sizeof(peer));
	put_common(batch, link, init_pid);
	if (spec->rx_queues)
		netlink_u32(batch, IFLA_NUM_RX_QUEUES, spec->rx_queues);
	if (spec->tx_queues)
		netlink_u32(batch, IFLA_NUM_TX_QUEUES, spec->tx_queues);
	netlink_end(batch, inner);
	netlink_end(batch, data);
	netlink_end(batch, info);
}

static const char *module_of(uint32_t type)
{
	return type == LINK_VLAN ? "8021q" : link_type_name(type);
}

static const char *option_of(uint32_t type)
{
	switch (type) {
	case LINK_VLAN:
		return "CONFIG_VLAN_8021Q";
	case LINK_IPVLAN:
		return "CONFIG_IPVLAN";
	default:
		return type == LINK_VETH ? "CONFIG_VETH" : "CONFIG_MACVLAN";
	}
}

static void name_remedy(int fd, const struct planned_link *link, int r, struct error *err)
{
	const struct spec_link *spec = link->spec;
	const char *parent = spec->link ?: "the link";
	if (r == -EEXIST && spec->type == LINK_VETH && netlink_ifindex(fd, link->host_name) > 0)
		error_hint(err, "give lxc.net.%u.veth.pair another name, %s is in use", spec->index, link->host_name);
	else if (r == -EEXIST && spec->type == LINK_VLAN)
		error_hint(err, "check lxc.net.%u.vlan.id, somebody else may have VLAN %s of %s, or the name", spec->index,
			spec->vlan_id ?: "0", parent);
	else if (r == -EEXIST)
		error_hint(err, "give each interface of the container a name of its own");
	else if (r == -EOPNOTSUPP && spec->type == LINK_VETH && spec->link)
		error_hint(err, "check that %s is a bridge, and that the kernel has veth", parent);
	else if (r == -EOPNOTSUPP)
		error_hint(err, "load the kernel's module %s, or use a kernel with %s", module_of(spec->type),
			option_of(spec->type));
	else if (r == -ENETDOWN && spec->type == LINK_VLAN)
		error_hint(err, "bring %s up first", parent);
	else if ((r == -EINVAL || r == -EBUSY) && spec->type == LINK_VETH)
		error_hint(err, "check that %s is a bridge, and the mtu", parent);
	else if (r == -EINVAL || r == -EBUSY)
		error_hint(err, "check that %s can carry %s %s of this mode", parent,
			spec->type == LINK_IPVLAN ? "an" : "a", link_type_name(spec->type));
	else if (r == -ERANGE || r == -EADDRNOTAVAIL)
		error_hint(err, "check lxc.net.%u.%s", spec->index, r == -ERANGE ? "mtu" : "hwaddr");
}

static bool may_be_on_ovs(const struct planned_link *link)
{
	return link->spec->type == LINK_VETH && link->spec->link && !spec_link_is_router(link->spec) && !link->is_on_ovs;
}

static int send_link_once(int fd, const struct planned_link *link, pid_t init_pid)
{
	struct netlink_batch batch = { 0 };
	if (link->spec->type == LINK_VETH)
		add_veth(&batch, link, init_pid);
	else
		add_upper(&batch, link, init_pid);
	return netlink_send(fd, &batch, NULL);
}

/* That the kernel makes nobody its port is how a bridge of Open vSwitch is told, at no cost for others. */
static int send_link(int fd, struct planned_link *link, pid_t init_pid)
{
	int r = send_link_once(fd, link, init_pid);
	if (r != -EOPNOTSUPP || !may_be_on_ovs(link) || !ovs_is_bridge(fd, link->spec->link))
		return r;
	link->is_on_ovs = true;
	return send_link_once(fd, link, init_pid);
}

/* A VLAN is there once; a macvlan of mode passthru, as the kernel says it, alone: drivers/net/macvlan.c. */
static bool is_parent_taken(const struct planned_link *link, int r)
{
	return (link->spec->type == LINK_VLAN && r == -EEXIST) || (link->spec->type == LINK_MACVLAN && r == -EINVAL);
}

/* What the last run left for the kernel to take down has the name, the VLAN or the parent for a moment longer. */
static int send_link_again(int fd, struct planned_link *link, pid_t init_pid, int r)
{
	if (link->spec->type == LINK_VETH && r == -EEXIST && link->spec->veth_pair && remove_dead_pair(fd, link->host_name) == 0)
		return send_link(fd, link, init_pid);
	for (int wait = 0; is_parent_taken(link, r) && wait < PARENT_WAITS; wait++) {
		struct timespec pause = { .tv_nsec = PARENT_WAIT_MS * 1000000L };
		(void)nanosleep(&pause, NULL); /* a signal makes it shorter */
		r = send_link(fd, link, init_pid);
	}
	return r;
}

/* What a pair gets once it is there. */
int finish_veth(int fd, const struct network *network, const struct planned_link *link, struct error *err)
{
	const struct spec_link *spec = link->spec;
	int r = 0;
	if (link->is_on_ovs)
		r = ovs_add_port(network, link, err);
	else if (spec->type == LINK_VETH && (spec->vlan_id || spec->vlan_tagged.count))
		r = bridge_vlan_set(fd, network->spec, link, err);
	r = r ?: rate_create(fd, network, link, err);
	if (r == 0 && spec->security)
		r = secure_create(fd, network, link, err);
	return r ?: host_create(fd, network, link, err);
}

static int make_one(int fd, const struct network *network, struct planned_link *link, pid_t init_pid, struct error *err)
{
	const struct spec_link *spec = link->spec;
	if (spec->type == LINK_EMPTY)
		return 0;
	if (spec->type == LINK_PHYS)
		return phys_lend(fd, network, link, init_pid, err);
	if (link->is_by_helper)
		return helper_create(network, link, init_pid, err);
	if (spec->type == LINK_VENET)
		return venet_create(fd, network, link, init_pid, err) ?: rate_create(fd, network, link, err);
	int r = send_link(fd, link, init_pid);
	if (r < 0)
		r = send_link_again(fd, link, init_pid, r);
	if (r < 0) {
		r = spec_error(err, r, network->spec, &spec->origin, "make %s interface %s%s%s", link_type_name(spec->type),
			link->inside_name, spec->link ? " on " : "", spec->link ?: "");
		name_remedy(fd, link, r, err);
		return r;
	}
	return finish_veth(fd, network, link, err);
}
/* Keeps the namespace alive until its links are undone, should init end before the start does. */
static int hold_namespace(struct network *network, pid_t init_pid, struct error *err)
{
	auto_free char *path = NULL;
	int r = text_format(&path, "/proc/%d/ns/net", (int)init_pid);
	if (r < 0)
		return error_set(err, r, "hold the container's network");
	network->netns_fd = open(path, O_RDONLY | O_CLOEXEC);
	return network->netns_fd < 0 ? error_set(err, errno, "open %s", path) : 0;
}

/* Devices go first: in a namespace that has only lo they keep their numbers, by which they are found again. */
int network_create(struct network *network, pid_t init_pid, struct error *err)
{
	auto_close int fd = netlink_open();
	if (fd < 0)
		return error_set(err, fd, "open a netlink socket");
	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < network->count; i++) {
			struct planned_link *link = &network->links[i];
			if ((link->spec->type == LINK_PHYS) != (turn == 0))
				continue;
			int r = link->journal_kind && network->netns_fd < 0 ? hold_namespace(network, init_pid, err) : 0;
			r = r ?: make_one(fd, network, link, init_pid, err);
			if (r < 0)
				return r;
			link->is_made = true;
		}
	}
	return run_up_scripts(network, err);
}
