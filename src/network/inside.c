/* In init: the interfaces get their addresses and routes; one round trip for each. */
#include "base/cleanup.h"
#include "base/text.h"
#include "network/internal.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <string.h>
#include <unistd.h>

static void set_up(struct netlink_batch *batch, int index)
{
	struct ifinfomsg header = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	netlink_message(batch, RTM_NEWLINK, 0, &header, sizeof(header));
}

/* No address of the kernel's own: nobody could be reached by it. Without IPv6 the kernel does not know the word. */
static void set_up_venet(struct netlink_batch *batch, int index)
{
	struct ifinfomsg header = { .ifi_index = index };
	if (access("/proc/sys/net/ipv6", F_OK) == 0) {
		netlink_message(batch, RTM_NEWLINK, 0, &header, sizeof(header));
		put_no_addresses(batch);
	}
	set_up(batch, index);
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
	/* without the search for duplicates, or a service that binds it at once would fail */
	struct ifaddrmsg header = { .ifa_family = AF_INET6, .ifa_prefixlen = (unsigned char)address->prefix,
		.ifa_flags = IFA_F_NODAD, .ifa_index = (uint32_t)index };
	struct in6_addr local;
	(void)inet_pton(AF_INET6, address->address, &local); /* checked by the parser */
	netlink_message(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	netlink_attribute(batch, IFA_LOCAL, &local, sizeof(local));
	netlink_attribute(batch, IFA_ADDRESS, &local, sizeof(local));
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
		put_route(batch, RTM_NEWROUTE, index, family, NULL, 0, NULL);
		return;
	}
	(void)inet_pton(family, gateway, binary); /* checked by the parser */
	if (!is_on_link(family, binary, link)) /* reached through the device, whatever the addresses say */
		put_route(batch, RTM_NEWROUTE, index, family, binary, family == AF_INET ? 32 : 128, NULL);
	put_route(batch, RTM_NEWROUTE, index, family, NULL, 0, binary);
}

/* Says which address or route of the interface it was: number counts the messages in the order of configure. */
static int refused(const struct spec *spec, const struct planned_link *link, int r, uint32_t number, struct error *err)
{
	const struct spec_link *wanted = link->spec;
	if (number < wanted->ipv4.count + wanted->ipv6.count) {
		const struct spec_address *address = number < wanted->ipv4.count ?
							     &wanted->ipv4.items[number] :
							     &wanted->ipv6.items[number - wanted->ipv4.count];
		r = spec_error(err, r, spec, &wanted->origin, "give interface %s the address %s/%u", link->inside_name,
			address->address, address->prefix);
		if (r == -EACCES || r == -EOPNOTSUPP)
			error_hint(err, "IPv6 is off in this kernel, leave the address out");
		else if (r == -EADDRINUSE)
			error_hint(err, "take another address, a second container on %s has this one", wanted->link);
		return r;
	}
	bool has_both = *link->gateway4 && *link->gateway6 && strcmp(link->gateway4, link->gateway6) != 0;
	r = spec_error(err, r, spec, &wanted->origin, "give interface %s the gateway %s%s%s", link->inside_name,
		link->gateway4, has_both ? " or " : "", has_both || !*link->gateway4 ? link->gateway6 : "");
	if (!wanted->up && (r == -ENETUNREACH || r == -ENETDOWN))
		error_hint(err, "add lxc.net.%u.flags = up", wanted->index);
	else if (r == -EEXIST)
		error_hint(err, "another interface has the default route, take lxc.net.*.gateway out of one of them");
	return r;
}

/* What the helper does not take: hardware address and MTU. */
static void put_wishes(struct netlink_batch *batch, int index, const struct planned_link *link)
{
	struct ifinfomsg header = { .ifi_index = index };
	unsigned char address[6];
	bool has_address = link->spec->hwaddr && parse_hwaddr(link->spec->hwaddr, address);
	if (!has_address && !link->spec->mtu)
		return;
	netlink_message(batch, RTM_NEWLINK, 0, &header, sizeof(header));
	if (has_address)
		netlink_attribute(batch, IFLA_ADDRESS, address, sizeof(address));
	if (link->spec->mtu)
		netlink_u32(batch, IFLA_MTU, link->mtu);
}

/* All of an interface in one batch. */
static int configure(int fd, const struct spec *spec, const struct planned_link *link, struct netlink_batch *batch,
	struct error *err)
{
	uint32_t failed = 0;
	int index = netlink_ifindex(fd, link->inside_name);
	if (index < 0)
		return spec_error(err, index, spec, &link->spec->origin, "set up interface %s", link->inside_name);
	if (link->is_by_helper)
		put_wishes(batch, index, link);
	if (link->spec->type == LINK_VENET)
		set_up_venet(batch, index);
	else if (link->spec->up && link->spec->type == LINK_VETH)
		set_up(batch, index);
	uint32_t first = batch->count;
	vector_for_each (address, &link->spec->ipv4) {
		struct spec_address single = *address;
		single.prefix = link->spec->type == LINK_VENET ? 32 : address->prefix;
		add_address4(batch, index, &single);
	}
	vector_for_each (address, &link->spec->ipv6) {
		struct spec_address single = *address;
		single.prefix = link->spec->type == LINK_VENET ? 128 : address->prefix;
		add_address6(batch, index, &single);
	}
	add_gateway(batch, index, AF_INET, link->gateway4, link->spec);
	add_gateway(batch, index, AF_INET6, link->gateway6, link->spec);
	int r = netlink_send(fd, batch, &failed);
	if (r < 0 && failed <= first)
		return spec_error(err, r, spec, &link->spec->origin, "bring interface %s up", link->inside_name);
	return r < 0 ? refused(spec, link, r, failed - first - 1, err) : 0;
}

int network_configure_inside(const struct spec *spec, struct network *network, struct error *err)
{
	struct netlink_batch batch = { 0 };
	auto_close int fd = netlink_open();
	if (fd < 0)
		return error_set(err, fd, "open a netlink socket");
	set_up(&batch, 1); /* lo, in the first batch that there is */
	int r = 0;
	for (size_t i = 0; r == 0 && network && i < network->count; i++)
		if (network->links[i].spec->type != LINK_EMPTY)
			r = configure(fd, spec, &network->links[i], &batch, err);
	if (r == 0 && batch.count > 0) {
		r = netlink_send(fd, &batch, NULL);
		if (r < 0)
			r = error_set(err, r, "bring the loopback interface up");
	}
	netlink_clear(&batch);
	return r;
}
