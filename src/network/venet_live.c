/* venets, and veths with a filter, of running containers: the filter made again, addresses that come and go. */
#include "base/cleanup.h"
#include "kernel/nftables.h"
#include "network/announce.h"
#include "network/filter.h"
#include "network/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>

int filter_collect(const struct spec_link *link, const unsigned char hwaddr[6], struct filter_address **ret_addresses)
{
	size_t count = 0;
	struct filter_address *addresses = calloc(link->ipv4.count + link->ipv6.count + 1, sizeof(*addresses));
	if (!addresses)
		return -ENOMEM;
	vector_for_each (address, &link->ipv4) {
		addresses[count].family = AF_INET;
		(void)inet_pton(AF_INET, address->address, addresses[count++].binary); /* checked by the parser */
	}
	vector_for_each (address, &link->ipv6) {
		addresses[count].family = AF_INET6;
		(void)inet_pton(AF_INET6, address->address, addresses[count++].binary); /* the same */
	}
	if (link->type != LINK_VENET && link->ipv6.count) { /* the link-local one that the kernel makes of the hardware address: RFC 4291 */
		const unsigned char local[16] = { 0xfe, 0x80, [8] = hwaddr[0] ^ 2, hwaddr[1], hwaddr[2], 0xff, 0xfe,
			hwaddr[3], hwaddr[4], hwaddr[5] };
		addresses[count].family = AF_INET6;
		memcpy(addresses[count++].binary, local, sizeof(local));
	}
	*ret_addresses = addresses;
	return (int)count;
}

/* What the journal says of a filter (venet.c, describe). */
static int parse_filter(const struct spec *spec, const char *argument, struct filter_device *ret,
	const struct spec_link **ret_link)
{
	char hwaddr[18];
	uint32_t number;
	*ret = (struct filter_device){ 0 };
	if (sscanf(argument, "%d %15s %u %17s", &ret->index, ret->name, &number, hwaddr) != 4 ||
		!parse_hwaddr(hwaddr, ret->hwaddr))
		return -EINVAL;
	vector_for_each (link, &spec->network.links) {
		if (link->index != number)
			continue;
		ret->is_port = link->type != LINK_VENET;
		ret->allows_peers = link->venet_peers;
		*ret_link = link;
		return 0;
	}
	return -EINVAL;
}

/* ---- making it again ---- */

/* The routes to a venet say which addresses it has, those that came later, too. */
struct routed {
	int index;
	struct filter_address *addresses;
	size_t count;
	bool is_broken;
};

static void take_route(const struct nlmsghdr *message, void *data)
{
	struct routed *routed = data;
	const struct rtmsg *header = NLMSG_DATA(message);
	const struct rtattr *device = netlink_find(message, sizeof(*header), RTA_OIF);
	const struct rtattr *target = netlink_find(message, sizeof(*header), RTA_DST);
	uint32_t size = header->rtm_family == AF_INET ? 4 : 16;
	if (!device || !target || header->rtm_dst_len != size * 8 || RTA_PAYLOAD(target) != size ||
		header->rtm_table != RT_TABLE_MAIN || *(const int *)RTA_DATA(device) != routed->index)
		return;
	struct filter_address *grown = realloc(routed->addresses, (routed->count + 1) * sizeof(*grown));
	routed->is_broken |= !grown;
	if (!grown)
		return;
	routed->addresses = grown;
	grown[routed->count] = (struct filter_address){ .family = header->rtm_family };
	memcpy(grown[routed->count++].binary, RTA_DATA(target), size);
}

static int collect_routes(int index, struct filter_address **ret_addresses)
{
	struct routed routed = { .index = index };
	auto_close int fd = netlink_open();
	int r = fd < 0 ? fd : netlink_dump(fd, RTM_GETROUTE, AF_INET, take_route, &routed);
	r = r ?: netlink_dump(fd, RTM_GETROUTE, AF_INET6, take_route, &routed);
	r = r ?: routed.is_broken ? -ENOMEM : 0;
	if (r < 0) {
		free(routed.addresses);
		return r;
	}
	*ret_addresses = routed.addresses;
	return (int)routed.count;
}

int network_open_filter_events(const struct spec *spec)
{
	vector_for_each (link, &spec->network.links)
		if (link->type == LINK_VENET || link->security)
			return nft_open_events();
	return -ENOENT;
}

int network_restore_filter(const struct spec *spec, const char *argument, struct error *err)
{
	struct filter_device device;
	const struct spec_link *link;
	auto_free struct filter_address *addresses = NULL;
	char name[IFNAMSIZ];
	size_t taken;
	int r = parse_filter(spec, argument, &device, &link);
	if (r < 0)
		return error_set(err, r, "read the journal");
	if (!if_indextoname((unsigned)device.index, name) || filter_is_there(&device))
		return 0;
	int count = device.is_port ? filter_collect(link, device.hwaddr, &addresses) : collect_routes(device.index, &addresses);
	r = count < 0 ? count : filter_create(&device, addresses, (size_t)count, &taken);
	return r < 0 ? error_set(err, r, "make the filter of interface %s again", device.name) : 1;
}

/* ---- addresses ---- */

struct change {
	int fd, inside_fd; /* rtnetlink sockets, on the host and in the container */
	struct filter_device device;
	int uplink, inside_index;
	struct filter_address address;
	const char *text;
	struct network network; /* its journal */
};

static void take_peer(const struct nlmsghdr *message, void *data)
{
	const struct rtattr *peer = netlink_find(message, sizeof(struct ifinfomsg), IFLA_LINK);
	if (peer)
		memcpy(data, RTA_DATA(peer), sizeof(int));
}

static int prepare(const struct spec *spec, const char *filter, int netns_fd, const char *text, struct change *change,
	struct error *err)
{
	const struct spec_link *link;
	char canonical[INET6_ADDRSTRLEN];
	int r = parse_filter(spec, filter, &change->device, &link);
	if (r < 0 || change->device.is_port)
		return error_set(err, EINVAL, "the container has no venet interface");
	change->address.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(change->address.family, text, change->address.binary) != 1 ||
		!inet_ntop(change->address.family, change->address.binary, canonical, sizeof(canonical)))
		return error_set(err, EINVAL, "%s is no address", text);
	change->text = text;
	change->fd = netlink_open();
	change->inside_fd = netlink_open_in(netns_fd);
	r = change->fd < 0 ? change->fd : change->inside_fd < 0 ? change->inside_fd : 0;
	r = r ?: netlink_get_link(change->fd, change->device.name, take_peer, &change->inside_index);
	if (r < 0)
		return error_set(err, r, "find interface %s", change->device.name);
	change->uplink = link->link ? netlink_ifindex(change->fd, link->link) : venet_find_uplink(change->fd, change->address.family);
	return 0;
}

static void clear(struct change *change)
{
	close_fd(&change->fd);
	close_fd(&change->inside_fd);
}

static int send_host_route(const struct change *change, uint16_t type)
{
	struct netlink_batch batch = { 0 };
	put_route(&batch, type, change->device.index, change->address.family, change->address.binary,
		change->address.family == AF_INET ? 32 : 128, NULL);
	return netlink_send(change->fd, &batch, NULL);
}

static int send_inside(const struct change *change, uint16_t type)
{
	struct netlink_batch batch = { 0 };
	bool is_4 = change->address.family == AF_INET;
	struct ifaddrmsg header = { .ifa_family = (unsigned char)change->address.family,
		.ifa_prefixlen = is_4 ? 32 : 128, .ifa_flags = is_4 ? 0 : IFA_F_NODAD, .ifa_index = (uint32_t)change->inside_index };
	netlink_message(&batch, type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0, &header, sizeof(header));
	netlink_attribute(&batch, IFA_LOCAL, change->address.binary, is_4 ? 4 : 16);
	netlink_attribute(&batch, IFA_ADDRESS, change->address.binary, is_4 ? 4 : 16);
	int r = netlink_send(change->inside_fd, &batch, NULL);
	if (r < 0 || type != RTM_NEWADDR)
		return r;
	put_route(&batch, RTM_NEWROUTE, change->inside_index, change->address.family, NULL, 0, NULL);
	r = netlink_send(change->inside_fd, &batch, NULL);
	return r == -EEXIST ? 0 : r; /* with the second address of a family it is there */
}

/* The steps of an address, in the order in which they are made. */
enum part { PART_FILTER, PART_ROUTE, PART_PROXY, PART_INSIDE, PARTS };

static int make_part(const struct change *change, enum part part)
{
	char text[80];
	int r;
	switch (part) {
	case PART_FILTER:
		return filter_add_address(&change->device, &change->address);
	case PART_ROUTE:
		(void)snprintf(text, sizeof(text), "%d %s", change->device.index, change->text);
		r = change->network.journal(change->network.journal_data, "ROUTE", text);
		return r ?: send_host_route(change, RTM_NEWROUTE);
	case PART_PROXY:
		return change->uplink > 0 ? host_add_proxy(change->fd, &change->network, change->uplink, change->text) : 0;
	default:
		return send_inside(change, RTM_NEWADDR);
	}
}

static int unmake_part(const struct change *change, enum part part)
{
	switch (part) {
	case PART_FILTER:
		return filter_remove_address(&change->device, &change->address);
	case PART_ROUTE:
		return send_host_route(change, RTM_DELROUTE);
	case PART_PROXY:
		return change->uplink > 0 ? host_remove_proxy(change->fd, change->uplink, change->text) : 0;
	default:
		return send_inside(change, RTM_DELADDR);
	}
}

int network_add_address(const struct spec *spec, const char *filter, int netns_fd, network_journal journal, void *data,
	const char *address, struct error *err)
{
	struct change change = { .fd = -1, .inside_fd = -1, .network = { .journal = journal, .journal_data = data } };
	int r = prepare(spec, filter, netns_fd, address, &change, err);
	if (r < 0) {
		clear(&change);
		return r;
	}
	int part = 0;
	for (; part < PARTS && (r = make_part(&change, (enum part)part)) >= 0; part++)
		;
	if (r == 0 && change.uplink > 0)
		announce_address(change.uplink, address);
	while (r < 0 && part-- > 0)
		(void)unmake_part(&change, (enum part)part); /* the first fault counts */
	clear(&change);
	if (r == -EEXIST) {
		(void)error_set(err, EADDRINUSE, "add address %s", address);
		error_hint(err, "take another address, a container has this one, or the host a route to it");
		return -EADDRINUSE;
	}
	return r < 0 ? error_set(err, r, "add address %s", address) : 0;
}

/* From the container's side on, each part whatever became of the others; not there is as well as taken away. */
int network_remove_address(const struct spec *spec, const char *filter, int netns_fd, const char *address,
	char *ret_proxy, size_t size, struct error *err)
{
	struct change change = { .fd = -1, .inside_fd = -1 };
	int first = 0, r = prepare(spec, filter, netns_fd, address, &change, err);
	if (r == 0) {
		bool is_own = filter_has_address(&change.device, &change.address);
		for (int part = PARTS; is_own && part-- > 0;) {
			int one = unmake_part(&change, (enum part)part);
			if (one < 0 && one != -ENOENT && one != -ESRCH && one != -EADDRNOTAVAIL && first == 0)
				first = one;
		}
		host_print_proxy(change.uplink, address, ret_proxy, size);
		r = !is_own ? error_set(err, EADDRNOTAVAIL, "remove address %s: the container", address) :
		    first < 0 ? error_set(err, first, "remove address %s", address) : 0;
	}
	clear(&change);
	return r;
}

/* ---- the way back ---- */

int filter_undo(const char *argument, int netns_fd, struct error *err)
{
	char name[IFNAMSIZ];
	int index;
	(void)netns_fd;
	if (sscanf(argument, "%d %15s", &index, name) != 2)
		return error_set(err, EINVAL, "read the journal");
	int r = filter_remove(index, name);
	return r < 0 ? error_set(err, r, "remove the filter of interface %s", name) : 0;
}
