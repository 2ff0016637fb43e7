/*
 * venet: a routed interface on which a container can use its own addresses and no others. A pair whose ends have the same
 * hardware address and no ARP: each end thinks that its neighbour is itself, so no frame is needed to find one.
 */
#include "base/cleanup.h"
#include "kernel/link_guard.h"
#include "network/announce.h"
#include "network/filter.h"
#include "network/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/veth.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Addresses that are nobody's (RFC 7600; below all that are given out), to ask the kernel for its default routes. */
static const unsigned char nowhere4[4] = { 192, 0, 0, 8 };
static const unsigned char nowhere6[16] = { 0x20, 0x00, [15] = 1 };

/* ---- before the clone ---- */

static void take_device(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *header = NLMSG_DATA(message);
	const struct rtattr *device = netlink_find(message, sizeof(*header), RTA_OIF);
	if (device && header->rtm_type == RTN_UNICAST)
		memcpy(data, RTA_DATA(device), sizeof(int));
}

/* The device of the host's default route; 0: there is none. */
int venet_find_uplink(int fd, int family)
{
	struct netlink_batch batch = { 0 };
	struct rtmsg header = { .rtm_family = (unsigned char)family, .rtm_dst_len = family == AF_INET ? 32 : 128 };
	int index = 0;
	netlink_message(&batch, RTM_GETROUTE, 0, &header, sizeof(header));
	netlink_attribute(&batch, RTA_DST, family == AF_INET ? nowhere4 : nowhere6, family == AF_INET ? 4 : 16);
	(void)netlink_ask(fd, &batch, take_device, &index); /* no route: none */
	return index;
}

static int check_uplink(const struct spec *spec, const struct planned_link *link, int family, struct error *err)
{
	char device[IFNAMSIZ];
	int index = link->uplinks[family == AF_INET6];
	if (index <= 0 || !if_indextoname((unsigned)index, device))
		return 0;
	const struct sysctl_wish forward = { "type", "venet", family == AF_INET ? "ipv4" : "ipv6",
		family == AF_INET ? device : "all", "forwarding" };
	const struct sysctl_wish answer = { "type", "venet", "ipv6", device, "proxy_ndp" };
	int r = sysctl_check(spec, link->spec, &forward, err);
	return r == 0 && family == AF_INET6 ? sysctl_check(spec, link->spec, &answer, err) : r;
}

/* With the bit of local administration, without that of groups. */
static int choose_hwaddr(struct planned_link *link)
{
	if (link->has_hwaddr)
		return 0;
	if (getrandom(link->hwaddr, sizeof(link->hwaddr), 0) != sizeof(link->hwaddr))
		return -EIO;
	link->hwaddr[0] = (unsigned char)((link->hwaddr[0] & ~1) | 2);
	link->has_hwaddr = true;
	return 0;
}

int venet_prepare(int fd, const struct spec *spec, struct planned_link *link, struct error *err)
{
	const struct spec_link *wanted = link->spec;
	int r = choose_hwaddr(link), named = 0;
	if (r < 0)
		return error_set(err, r, "choose a hardware address");
	if (wanted->type != LINK_VENET)
		return 0;
	if (wanted->link && (named = netlink_ifindex(fd, wanted->link)) < 0)
		return 0; /* plan_parent says so */
	if (wanted->ipv4.count) {
		link->uplinks[0] = wanted->link ? named : venet_find_uplink(fd, AF_INET);
		r = check_uplink(spec, link, AF_INET, err);
	}
	if (r == 0 && wanted->ipv6.count) {
		link->uplinks[1] = wanted->link ? named : venet_find_uplink(fd, AF_INET6);
		r = check_uplink(spec, link, AF_INET6, err);
	}
	return r;
}

/* ---- the pair ---- */

static int send_pair(int fd, const struct planned_link *link, pid_t init_pid)
{
	struct netlink_batch batch = { 0 };
	struct ifinfomsg end = { .ifi_flags = IFF_NOARP, .ifi_change = IFF_NOARP };
	netlink_message(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &end, sizeof(end));
	netlink_text(&batch, IFLA_IFNAME, link->host_name);
	netlink_attribute(&batch, IFLA_ADDRESS, link->hwaddr, sizeof(link->hwaddr));
	if (link->mtu)
		netlink_u32(&batch, IFLA_MTU, link->mtu);
	size_t info = netlink_begin(&batch, IFLA_LINKINFO, NULL, 0);
	netlink_text(&batch, IFLA_INFO_KIND, "veth");
	size_t data = netlink_begin(&batch, IFLA_INFO_DATA, NULL, 0);
	size_t inner = netlink_begin(&batch, VETH_INFO_PEER, &end, sizeof(end));
	put_common(&batch, link, init_pid);
	netlink_end(&batch, inner);
	netlink_end(&batch, data);
	netlink_end(&batch, info);
	return netlink_send(fd, &batch, NULL);
}

void put_no_addresses(struct netlink_batch *batch)
{
	unsigned char mode = IN6_ADDR_GEN_MODE_NONE;
	size_t families = netlink_begin(batch, IFLA_AF_SPEC, NULL, 0);
	size_t ipv6 = netlink_begin(batch, AF_INET6, NULL, 0);
	netlink_attribute(batch, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof(mode));
	netlink_end(batch, ipv6);
	netlink_end(batch, families);
}

/*
 * The host end's sysctls net.ipv4.conf.DEVICE, in the one message that has them all. rp_filter looks up a route for each
 * packet's source: it is there for the time that rules are lost and no guard keeps the interface closed.
 */
static void put_settings(struct netlink_batch *batch, bool is_guarded)
{
	const struct {
		uint16_t number;
		uint32_t value;
	} settings[] = {
		{ IPV4_DEVCONF_FORWARDING, 1 }, { IPV4_DEVCONF_RP_FILTER, !is_guarded }, { IPV4_DEVCONF_ACCEPT_REDIRECTS, 0 },
		{ IPV4_DEVCONF_SEND_REDIRECTS, 0 }, { IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE, 0 }, { IPV4_DEVCONF_PROXY_ARP, 0 },
		{ IPV4_DEVCONF_BC_FORWARDING, 0 },
	};
	size_t families = netlink_begin(batch, IFLA_AF_SPEC, NULL, 0);
	size_t ipv4 = netlink_begin(batch, AF_INET, NULL, 0);
	size_t values = netlink_begin(batch, IFLA_INET_CONF, NULL, 0);
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		netlink_u32(batch, settings[i].number, settings[i].value);
	netlink_end(batch, values);
	netlink_end(batch, ipv4);
	netlink_end(batch, families);
}

static void put_up(struct netlink_batch *batch, int index)
{
	struct ifinfomsg header = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	netlink_message(batch, RTM_NEWLINK, 0, &header, sizeof(header));
}

/* ---- the filter ---- */

static const char *address_text(const struct spec_link *link, size_t number)
{
	if (number < link->ipv4.count)
		return link->ipv4.items[number].address;
	number -= link->ipv4.count;
	return number < link->ipv6.count ? link->ipv6.items[number].address : "";
}

static int filter_fault(const struct network *network, const struct spec_link *link, int r, size_t taken, struct error *err)
{
	if (r == -EEXIST) {
		(void)link_error(err, EADDRINUSE, network->spec, link, "ipv4.address", "address %s", address_text(link, taken));
		(void)error_hint(err, "another container has it, take another address");
		return -EADDRINUSE;
	}
	r = spec_error(err, r, network->spec, &link->origin, "make the filter of the interface");
	if (r == -EOPNOTSUPP || r == -EPROTONOSUPPORT)
		error_hint(err, "load the kernel's module nf_tables, or use a kernel with CONFIG_NF_TABLES_NETDEV");
	return r;
}

/* 1: guarded; 0: in a user namespace, where programs for the kernel can not be loaded, the filter has to do alone. */
static int add_guard(int fd, const struct network *network, const struct spec_link *link, int index, bool is_port,
	struct error *err)
{
	int r = link_guard_attach(fd, index, is_port);
	if (r == 0 || r == -EPERM)
		return r == 0;
	r = spec_error(err, r, network->spec, &link->origin, "guard the interface against the loss of its filter");
	error_hint(err, "load the kernel's modules sch_ingress and cls_bpf, or use a kernel with them");
	return r;
}

/* What the journal keeps: enough to make the filter again. */
static void describe(const struct filter_device *device, uint32_t number, char *buffer, size_t size)
{
	const unsigned char *h = device->hwaddr;
	(void)snprintf(buffer, size, "%d %s %u %02x:%02x:%02x:%02x:%02x:%02x", device->index, device->name, number, h[0], h[1],
		h[2], h[3], h[4], h[5]);
}

/* 1: guarded, too. */
static int add_filter(int fd, const struct network *network, const struct planned_link *link, int index, struct error *err)
{
	const struct spec_link *spec = link->spec;
	auto_free struct filter_address *addresses = NULL;
	struct filter_device device = { .index = index, .is_port = spec->type != LINK_VENET, .allows_peers = spec->venet_peers };
	char text[80];
	size_t taken = 0;
	(void)snprintf(device.name, sizeof(device.name), "%s", link->host_name);
	memcpy(device.hwaddr, link->hwaddr, sizeof(device.hwaddr));
	describe(&device, spec->index, text, sizeof(text));
	int count = filter_collect(spec, device.hwaddr, &addresses);
	int r = count < 0 ? count : network->journal(network->journal_data, "FILTER", text);
	if (r < 0)
		return error_set(err, r, "write the journal");
	r = filter_create(&device, addresses, (size_t)count, &taken);
	if (r < 0)
		return filter_fault(network, spec, r, taken, err);
	return add_guard(fd, network, spec, index, device.is_port, err);
}

int secure_create(int fd, const struct network *network, const struct planned_link *link, struct error *err)
{
	struct netlink_batch batch = { 0 };
	int index = netlink_ifindex(fd, link->host_name);
	int r = index < 0 ? spec_error(err, index, network->spec, &link->spec->origin, "find interface %s", link->host_name) :
			    add_filter(fd, network, link, index, err);
	if (r < 0)
		return r;
	put_up(&batch, index);
	r = netlink_send(fd, &batch, NULL);
	return r < 0 ? spec_error(err, r, network->spec, &link->spec->origin, "bring interface %s up", link->host_name) : 0;
}

/* ---- on the host ---- */

/* They would go with the device, but that may be after the next start. */
static int note_routes(const struct network *network, const struct planned_link *link, int index, struct error *err)
{
	const struct spec_link *spec = link->spec;
	char text[80];
	int r = 0;
	for (size_t i = 0; r == 0 && i < spec->ipv4.count + spec->ipv6.count; i++) {
		(void)snprintf(text, sizeof(text), "%d %s", index, address_text(spec, i));
		r = network->journal(network->journal_data, "ROUTE", text);
	}
	return r < 0 ? error_set(err, r, "write the journal") : 0;
}

/* Settings, up, a route for each address: one round trip. */
static int set_up_host(int fd, const struct network *network, const struct planned_link *link, int index, bool is_guarded,
	struct error *err)
{
	const struct spec_link *spec = link->spec;
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = index };
	unsigned char binary[16];
	uint32_t failed = 0;
	if (access("/proc/sys/net/ipv6", F_OK) == 0) {
		netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
		put_no_addresses(&batch);
	}
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	put_settings(&batch, is_guarded);
	put_up(&batch, index);
	uint32_t first = batch.count;
	vector_for_each (address, &spec->ipv4) {
		(void)inet_pton(AF_INET, address->address, binary); /* checked by the parser */
		put_route(&batch, RTM_NEWROUTE, index, AF_INET, binary, 32, NULL);
	}
	vector_for_each (address, &spec->ipv6) {
		(void)inet_pton(AF_INET6, address->address, binary); /* the same */
		put_route(&batch, RTM_NEWROUTE, index, AF_INET6, binary, 128, NULL);
	}
	int r = netlink_send(fd, &batch, &failed);
	if (r >= 0)
		return 0;
	if (failed <= first)
		return spec_error(err, r, network->spec, &spec->origin, "set up interface %s", link->host_name);
	const char *text = address_text(spec, failed - first - 1);
	r = link_error(err, r, network->spec, spec, strchr(text, ':') ? "ipv6.address" : "ipv4.address",
		"route %s on the host to the container", text);
	if (r == -EEXIST)
		error_hint(err, "remove the route that the host has to %s", text);
	return r;
}

static int add_proxies(int fd, const struct network *network, const struct planned_link *link, struct error *err)
{
	const struct spec_link *spec = link->spec;
	for (size_t i = 0; i < spec->ipv4.count + spec->ipv6.count; i++) {
		bool is_6 = i >= spec->ipv4.count;
		const char *text = address_text(spec, i);
		int r = link->uplinks[is_6] > 0 ? host_add_proxy(fd, network, link->uplinks[is_6], text) : 0;
		if (r < 0)
			return link_error(err, r, network->spec, spec, is_6 ? "ipv6.address" : "ipv4.address",
				"answer for %s on the host's link", text);
		if (link->uplinks[is_6] > 0)
			announce_address(link->uplinks[is_6], text);
	}
	return 0;
}

int venet_finish(int fd, const struct network *network, const struct planned_link *link, int index, struct error *err)
{
	int is_guarded = add_filter(fd, network, link, index, err);
	if (is_guarded < 0)
		return is_guarded;
	int r = note_routes(network, link, index, err);
	r = r ?: set_up_host(fd, network, link, index, is_guarded, err);
	return r ?: add_proxies(fd, network, link, err);
}

int venet_create(int fd, const struct network *network, struct planned_link *link, pid_t init_pid, struct error *err)
{
	const struct spec_link *spec = link->spec;
	int r = send_pair(fd, link, init_pid);
	if (r == -EEXIST && spec->veth_pair && remove_dead_pair(fd, link->host_name) == 0)
		r = send_pair(fd, link, init_pid);
	int index = r < 0 ? r : netlink_ifindex(fd, link->host_name);
	if (index < 0) {
		r = spec_error(err, index, network->spec, &spec->origin, "make venet interface %s", link->inside_name);
		if (r == -EEXIST)
			error_hint(err, "give lxc.net.%u.veth.pair or lxc.net.%u.name another name", spec->index, spec->index);
		return r;
	}
	return venet_finish(fd, network, link, index, err);
}
