/* Pairs that criu has made while it restored a container: the host's side is ours, the inner one is as it was. */
#include "base/cleanup.h"
#include "kernel/namespace.h"
#include "network/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool network_can_adopt(const struct spec_link *link)
{
	return spec_link_has_host_side(link) || !is_planned(link) || link->type == LINK_EMPTY;
}

static struct planned_link *find(const struct network *network, unsigned place)
{
	unsigned number = 0;
	for (size_t i = 0; network && i < network->count; i++)
		if (spec_link_has_host_side(network->links[i].spec) && number++ == place)
			return &network->links[i];
	return NULL;
}

const char *network_host_name(const struct network *network, unsigned place)
{
	const struct planned_link *link = find(network, place);
	return link ? link->host_name : NULL;
}

int network_rename_inside(struct network *network, unsigned place, const char *name)
{
	struct planned_link *link = find(network, place);
	if (!link)
		return -ENODEV;
	return snprintf(link->inside_name, IFNAMSIZ, "%s", name) < IFNAMSIZ ? 0 : -ENAMETOOLONG;
}

/* Filters and a venet's other end go by the address that the interface has had inside. */
static int read_hwaddr(int inside_fd, struct planned_link *link)
{
	if (link->spec->type != LINK_VENET && !link->spec->security)
		return 0;
	link->has_hwaddr = true;
	return netlink_hwaddr(inside_fd, link->inside_name, link->hwaddr);
}

static int set_no_arp(int fd, const char *name, const unsigned char *hwaddr)
{
	struct netlink_batch batch = { 0 };
	int index = netlink_ifindex(fd, name);
	struct ifinfomsg header = { .ifi_index = index, .ifi_flags = IFF_NOARP, .ifi_change = IFF_NOARP };
	if (index < 0)
		return index;
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	if (hwaddr)
		netlink_attribute(&batch, IFLA_ADDRESS, hwaddr, 6);
	return netlink_send(fd, &batch, NULL);
}

static int adopt_venet(int fd, int inside_fd, const struct network *network, struct planned_link *link, struct error *err)
{
	int r = set_no_arp(inside_fd, link->inside_name, NULL);
	r = r ?: set_no_arp(fd, link->host_name, link->hwaddr);
	int index = r < 0 ? r : netlink_ifindex(fd, link->host_name);
	if (index < 0)
		return spec_error(err, index, network->spec, &link->spec->origin, "set up interface %s", link->host_name);
	r = venet_finish(fd, network, link, index, err);
	return r ?: rate_create(fd, network, link, err);
}

static int set_up_veth(int fd, const struct planned_link *link)
{
	struct netlink_batch batch = { 0 };
	int index = netlink_ifindex(fd, link->host_name);
	struct ifinfomsg header = { .ifi_index = index, .ifi_flags = link->spec->security ? 0 : IFF_UP, .ifi_change = IFF_UP };
	if (index < 0)
		return index;
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	if (link->parent_index && !spec_link_is_router(link->spec) && !link->is_on_ovs)
		netlink_u32(&batch, IFLA_MASTER, (uint32_t)link->parent_index);
	if (link->mtu)
		netlink_u32(&batch, IFLA_MTU, link->mtu);
	netlink_high_hwaddr(&batch);
	return netlink_send(fd, &batch, NULL);
}

static int adopt_veth(int fd, const struct network *network, struct planned_link *link, struct error *err)
{
	int r = set_up_veth(fd, link);
	if (r == -EOPNOTSUPP && link->spec->link && ovs_is_bridge(fd, link->spec->link)) {
		link->is_on_ovs = true;
		r = set_up_veth(fd, link);
	}
	if (r < 0)
		return spec_error(err, r, network->spec, &link->spec->origin, "set up interface %s%s%s", link->host_name,
			link->spec->link ? " on " : "", link->spec->link ?: "");
	return finish_veth(fd, network, link, err);
}

/* Brings the host's ends here, out of the namespace in which they were made. */
static int fetch_ends(const struct network *network, pid_t maker_pid)
{
	if (namespace_is_own(maker_pid, NAMESPACE_NET))
		return 0;
	auto_close int own_fd = namespace_open(0, NAMESPACE_NET);
	auto_close int netns_fd = namespace_open(maker_pid, NAMESPACE_NET);
	auto_close int fd = netns_fd < 0 ? netns_fd : netlink_open_in(netns_fd);
	if (own_fd < 0 || fd < 0)
		return own_fd < 0 ? own_fd : fd;
	for (size_t i = 0; i < network->count; i++) {
		struct netlink_batch batch = { 0 };
		struct ifinfomsg header = { 0 };
		if (!spec_link_has_host_side(network->links[i].spec))
			continue;
		header.ifi_index = netlink_ifindex(fd, network->links[i].host_name);
		if (header.ifi_index < 0)
			return header.ifi_index;
		netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
		netlink_u32(&batch, IFLA_NET_NS_FD, (uint32_t)own_fd);
		int r = netlink_send(fd, &batch, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The number after which the kernel goes on: that of a pair made for it. */
static int probe_index(int fd)
{
	static const char name[] = "wabe-probe";
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { 0 };
	netlink_message(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	netlink_text(&batch, IFLA_IFNAME, name);
	size_t info = netlink_begin(&batch, IFLA_LINKINFO, NULL, 0);
	netlink_text(&batch, IFLA_INFO_KIND, "veth");
	netlink_end(&batch, info);
	int r = netlink_send(fd, &batch, NULL);
	header.ifi_index = r < 0 ? r : netlink_ifindex(fd, name);
	if (header.ifi_index < 0)
		return header.ifi_index;
	netlink_message(&batch, RTM_DELLINK, 0, &header, sizeof(header));
	r = netlink_send(fd, &batch, NULL);
	return r < 0 ? r : header.ifi_index;
}

int network_avoid_indexes(const int *indexes, size_t count)
{
	auto_close int fd = count > 1 ? netlink_open() : -1; /* before the first there is none */
	if (count <= 1 || fd < 0)
		return count <= 1 ? 0 : fd;
	for (;;) {
		bool is_clear = true;
		int last = probe_index(fd);
		if (last < 0)
			return last;
		for (size_t i = 0; i < count; i++)
			is_clear = is_clear && (indexes[i] <= last || indexes[i] > last + 2 * (int)count);
		if (is_clear)
			return 0;
	}
}

int network_adopt(struct network *network, pid_t init_pid, pid_t maker_pid, struct error *err)
{
	auto_close int fd = netlink_open();
	auto_close int netns_fd = namespace_open(init_pid, NAMESPACE_NET);
	auto_close int inside_fd = netns_fd < 0 ? netns_fd : netlink_open_in(netns_fd);
	if (fd < 0 || inside_fd < 0)
		return error_set(err, fd < 0 ? fd : inside_fd, "open a netlink socket");
	int fetched = fetch_ends(network, maker_pid);
	if (fetched < 0)
		return error_set(err, fetched, "fetch the interfaces that criu has made");
	for (size_t i = 0; i < network->count; i++) {
		struct planned_link *link = &network->links[i];
		if (!spec_link_has_host_side(link->spec))
			continue;
		int r = read_hwaddr(inside_fd, link);
		if (r < 0)
			return spec_error(err, r, network->spec, &link->spec->origin, "look at interface %s inside",
				link->inside_name);
		r = link->spec->type == LINK_VENET ? adopt_venet(fd, inside_fd, network, link, err) :
						     adopt_veth(fd, network, link, err);
		if (r < 0)
			return r;
		link->is_made = true;
	}
	return run_up_scripts(network, err);
}
