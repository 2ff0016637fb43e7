/* In init: the interfaces get their names, addresses and routes; everything in two round trips. */
#include "base/cleanup.h"
#include "base/text.h"
#include "network/internal.h"

#include <arpa/inet.h>
#include <string.h>

static void set_up(struct netlink_batch *batch, int index)
{
	struct ifinfomsg header = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	netlink_message(batch, RTM_NEWLINK, 0, &header, sizeof(header));
}

static uint32_t network_mask(uint32_t prefix)
{
	return prefix == 0 ? 0 : htonl(UINT32_MAX << (32 - prefix));
}

static void add_address4(struct netlink_batch *batch, int index, const struct spec_address *address)
{
	struct ifaddrmsg header = { .ifa_family = AF_INET, .ifa_prefixlen = (unsigned char)address->prefix,
		.ifa_index = (uint32_t)index };
	struct in_addr local, broadcast;
	(void)inet_pton(AF_INET, address->address, &local); /* checked by the parser */
	if (!address->broadcast || inet_pton(AF_INET, address->broadcast, &broadcast) != 1)
		broadcast.s_addr = local.s_addr | ~network_mask(address->prefix);
	netlink_message(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	netlink_attribute(batch, IFA_LOCAL, &local, sizeof(local));
	netlink_attribute(batch, IFA_ADDRESS, &local, sizeof(local));
	if (address->prefix < 31)
		netlink_attribute(batch, IFA_BROADCAST, &broadcast, sizeof(broadcast));
}

static void add_address6(struct netlink_batch *batch, int index, const struct spec_address *address)
{
	struct ifaddrmsg header = { .ifa_family = AF_INET6, .ifa_prefixlen = (unsigned char)address->prefix,
		.ifa_index = (uint32_t)index };
	struct in6_addr local;
	(void)inet_pton(AF_INET6, address->address, &local); /* checked by the parser */
	netlink_message(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	netlink_attribute(batch, IFA_LOCAL, &local, sizeof(local));
	netlink_attribute(batch, IFA_ADDRESS, &local, sizeof(local));
}

/* size 4 or 16; gateway NULL: the device alone; destination NULL: default. */
static void add_route(struct netlink_batch *batch, int index, int family, const void *destination, uint32_t prefix,
	const void *gateway)
{
	size_t size = family == AF_INET ? 4 : 16;
	struct rtmsg header = { .rtm_family = (unsigned char)family, .rtm_dst_len = (unsigned char)prefix,
		.rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNICAST,
		.rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK };
	netlink_message(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	if (destination)
		netlink_attribute(batch, RTA_DST, destination, size);
	if (gateway)
		netlink_attribute(batch, RTA_GATEWAY, gateway, size);
	netlink_u32(batch, RTA_OIF, (uint32_t)index);
}

static bool is_on_link(int family, const void *gateway, const struct spec_link *link)
{
	const unsigned char *wanted = gateway;
	const struct spec_address *items = family == AF_INET ? link->ipv4.items : link->ipv6.items;
	size_t count = family == AF_INET ? link->ipv4.count : link->ipv6.count;
	if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)gateway))
		return true;
	for (size_t i = 0; i < count; i++) {
		unsigned char own[16];
		uint32_t bits = items[i].prefix, bytes = bits / 8;
		if (inet_pton(family, items[i].address, own) != 1 || memcmp(own, wanted, bytes) != 0)
			continue;
		if (bits % 8 == 0 || ((own[bytes] ^ wanted[bytes]) & (0xff << (8 - bits % 8)) & 0xff) == 0)
			return true;
	}
	return false;
}

static void add_gateway(struct netlink_batch *batch, int index, int family, const char *gateway,
	const struct spec_link *link)
{
	unsigned char binary[16];
	if (!*gateway)
		return;
	if (strcmp(gateway, "dev") == 0) {
		add_route(batch, index, family, NULL, 0, NULL);
		return;
	}
	(void)inet_pton(family, gateway, binary); /* checked by the parser */
	if (!is_on_link(family, binary, link)) /* reached through the device, whatever the addresses say */
		add_route(batch, index, family, binary, family == AF_INET ? 32 : 128, NULL);
	add_route(batch, index, family, NULL, 0, binary);
}

/* A lent device keeps its name on the way in and has no hardware address or MTU of the configuration yet. */
static int rename_phys(int fd, const struct planned_link *link)
{
	struct netlink_batch batch = { 0 };
	unsigned char address[6];
	int index = netlink_ifindex(fd, link->host_name);
	if (index < 0)
		return index;
	struct ifinfomsg header = { .ifi_index = index };
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	if (strcmp(link->inside_name, link->host_name) != 0)
		netlink_text(&batch, IFLA_IFNAME, link->inside_name);
	if (link->mtu)
		netlink_u32(&batch, IFLA_MTU, link->mtu);
	if (link->spec->hwaddr && sscanf(link->spec->hwaddr, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &address[0], &address[1],
					  &address[2], &address[3], &address[4], &address[5]) == 6)
		netlink_attribute(&batch, IFLA_ADDRESS, address, sizeof(address));
	if (link->spec->up) {
		header = (struct ifinfomsg){ .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
		netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	}
	return netlink_send(fd, &batch, NULL);
}

static int configure(int fd, const struct spec *spec, const struct planned_link *link, struct netlink_batch *batch,
	struct error *err)
{
	int r = link->spec->type == LINK_PHYS ? rename_phys(fd, link) : 0;
	int index = r < 0 ? r : netlink_ifindex(fd, link->inside_name);
	if (index < 0)
		return spec_error(err, index, spec, &link->spec->origin, "set up interface %s", link->inside_name);
	if (link->spec->up && link->spec->type == LINK_VETH)
		set_up(batch, index);
	vector_for_each (address, &link->spec->ipv4)
		add_address4(batch, index, address);
	vector_for_each (address, &link->spec->ipv6)
		add_address6(batch, index, address);
	add_gateway(batch, index, AF_INET, link->gateway4, link->spec);
	add_gateway(batch, index, AF_INET6, link->gateway6, link->spec);
	return 0;
}

int network_configure_inside(const struct spec *spec, struct network *network, struct error *err)
{
	struct netlink_batch batch = { 0 };
	auto_close int fd = netlink_open();
	if (fd < 0)
		return error_set(err, fd, "open a netlink socket");
	set_up(&batch, 1); /* lo */
	int r = 0;
	for (size_t i = 0; r == 0 && network && i < network->count; i++) {
		const struct planned_link *link = &network->links[i];
		uint32_t failed;
		r = configure(fd, spec, link, &batch, err);
		if (r < 0)
			break;
		r = netlink_send(fd, &batch, &failed);
		if (r < 0) {
			r = spec_error(err, r, spec, &link->spec->origin, "give interface %s its addresses and routes",
				link->inside_name);
			if (r == -ENETUNREACH || r == -ENETDOWN)
				error_hint(err, "set lxc.net.%u.flags = up", link->spec->index);
		}
	}
	if (r == 0 && batch.count > 0) {
		r = netlink_send(fd, &batch, NULL);
		if (r < 0)
			r = error_set(err, r, "bring the loopback interface up");
	}
	netlink_clear(&batch);
	return r;
}
