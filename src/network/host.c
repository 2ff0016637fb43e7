/* What a container's link has on the host besides itself: routes, and neighbours that the host answers for. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "network/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <string.h>

#define LO_INDEX 1 /* net/core/dev.c: the first of each namespace */

static size_t address_size(int family)
{
	return family == AF_INET ? 4 : 16;
}

void put_route(struct netlink_batch *batch, uint16_t type, int index, int family, const void *destination,
	uint32_t prefix, const void *gateway)
{
	size_t size = address_size(family);
	struct rtmsg header = { .rtm_family = (unsigned char)family, .rtm_dst_len = (unsigned char)prefix,
		.rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNICAST,
		.rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK };
	netlink_message(batch, type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, &header, sizeof(header));
	if (destination)
		netlink_attribute(batch, RTA_DST, destination, size);
	if (gateway)
		netlink_attribute(batch, RTA_GATEWAY, gateway, size);
	netlink_u32(batch, RTA_OIF, (uint32_t)index);
}

/* A route to, or a proxy entry for, an address of the container. */
struct entry {
	bool is_proxy;
	int index; /* the device's */
	int family;
	unsigned char address[16];
	uint32_t prefix;
	bool is_found; /* by is_there */
};

/* text: ADDRESS or ADDRESS/PREFIX; the bits behind the prefix become 0. -EINVAL. */
static int parse_destination(const char *text, struct entry *entry)
{
	char address[INET6_ADDRSTRLEN];
	size_t length = strcspn(text, "/");
	entry->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	entry->prefix = (uint32_t)address_size(entry->family) * 8;
	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	if (inet_pton(entry->family, address, entry->address) != 1)
		return -EINVAL;
	uint32_t bits = entry->prefix;
	if (text[length] && (text_to_u32(text + length + 1, &entry->prefix) < 0 || entry->prefix > bits))
		return -EINVAL;
	for (uint32_t bit = entry->prefix; bit < bits; bit++)
		entry->address[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
	return 0;
}

static void print_entry(const struct entry *entry, char *buffer, size_t size)
{
	char address[INET6_ADDRSTRLEN] = "";
	(void)inet_ntop(entry->family, entry->address, address, sizeof(address));
	(void)snprintf(buffer, size, "%d %s/%u", entry->index, address, entry->prefix);
}

/* Permanent: lives on when the device loses its carrier. */
static void put_proxy(struct netlink_batch *batch, uint16_t type, const struct entry *entry)
{
	struct ndmsg header = { .ndm_family = (unsigned char)entry->family, .ndm_ifindex = entry->index,
		.ndm_state = NUD_PERMANENT, .ndm_flags = NTF_PROXY };
	netlink_message(batch, type, type == RTM_NEWNEIGH ? NLM_F_CREATE : 0, &header, sizeof(header));
	netlink_attribute(batch, NDA_DST, entry->address, address_size(entry->family));
}

static int send_entry(int fd, const struct entry *entry, bool is_new)
{
	struct netlink_batch batch = { 0 };
	if (entry->is_proxy)
		put_proxy(&batch, is_new ? RTM_NEWNEIGH : RTM_DELNEIGH, entry);
	else
		put_route(&batch, is_new ? RTM_NEWROUTE : RTM_DELROUTE, entry->index, entry->family, entry->address,
			entry->prefix, NULL);
	return netlink_send(fd, &batch, NULL);
}

/* ---- what is there already is not ours: it does as well, and stays ---- */

static void visit_proxy(const struct nlmsghdr *message, void *data)
{
	struct entry *entry = data;
	const struct ndmsg *header = NLMSG_DATA(message);
	entry->is_found = header->ndm_flags & NTF_PROXY;
}

static void visit_route(const struct nlmsghdr *message, void *data)
{
	struct entry *entry = data;
	const struct rtmsg *header = NLMSG_DATA(message);
	const struct rtattr *device = netlink_find(message, sizeof(*header), RTA_OIF);
	if (header->rtm_dst_len == entry->prefix && header->rtm_table == RT_TABLE_MAIN && device &&
		*(const int *)RTA_DATA(device) == entry->index)
		entry->is_found = true;
}

static bool is_there(int fd, struct entry *entry)
{
	struct netlink_batch batch = { 0 };
	entry->is_found = false;
	if (entry->is_proxy) { /* one question: a list of all grows with the containers */
		struct ndmsg header = { .ndm_family = (unsigned char)entry->family, .ndm_ifindex = entry->index,
			.ndm_flags = NTF_PROXY };
		netlink_message(&batch, RTM_GETNEIGH, 0, &header, sizeof(header));
		netlink_attribute(&batch, NDA_DST, entry->address, address_size(entry->family));
		(void)netlink_ask(fd, &batch, visit_proxy, entry); /* no entry: no */
	} else {
		struct rtmsg header = { .rtm_family = (unsigned char)entry->family, .rtm_flags = RTM_F_FIB_MATCH,
			.rtm_dst_len = (unsigned char)(address_size(entry->family) * 8) };
		netlink_message(&batch, RTM_GETROUTE, 0, &header, sizeof(header));
		netlink_attribute(&batch, RTA_DST, entry->address, address_size(entry->family));
		(void)netlink_ask(fd, &batch, visit_route, entry); /* no route: no */
	}
	return entry->is_found;
}

/* ---- making ---- */

static int make_entry(int fd, const struct network *network, struct entry *entry)
{
	char text[80];
	if (is_there(fd, entry))
		return 0;
	print_entry(entry, text, sizeof(text));
	return network->journal(network->journal_data, entry->is_proxy ? "PROXY" : "ROUTE", text) ?:
	       send_entry(fd, entry, true);
}

/* key: where the user wrote the destination. */
static int make_route(int fd, const struct network *network, const struct planned_link *link, int index,
	const char *destination, const char *key, struct error *err)
{
	struct entry entry = { .index = index };
	int r = parse_destination(destination, &entry) ?: make_entry(fd, network, &entry);
	if (r >= 0)
		return 0;
	r = link_error(err, r, network->spec, link->spec, key, "route %s to %s on the host", destination,
		index == LO_INDEX ? "lo" : link->host_name);
	if (r == -EEXIST)
		error_hint(err, "remove the route that the host has to %s", destination);
	else if (r == -EACCES || r == -EOPNOTSUPP)
		error_hint(err, "IPv6 is off on the host, leave the address out");
	return r;
}

static int make_routes(int fd, const struct network *network, const struct planned_link *link,
	const struct string_list *routes, const char *key, int index, struct error *err)
{
	for (size_t i = 0; i < routes->count; i++) {
		int r = make_route(fd, network, link, index, routes->items[i], key, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int host_add_proxy(int fd, const struct network *network, int index, const char *address)
{
	struct entry entry = { .is_proxy = true, .index = index };
	return parse_destination(address, &entry) ?: make_entry(fd, network, &entry);
}

int host_remove_proxy(int fd, int index, const char *address)
{
	struct entry entry = { .is_proxy = true, .index = index };
	return parse_destination(address, &entry) ?: send_entry(fd, &entry, false);
}

void host_print_proxy(int index, const char *address, char *buffer, size_t size)
{
	struct entry entry = { .index = index };
	*buffer = '\0';
	if (parse_destination(address, &entry) == 0)
		print_entry(&entry, buffer, size);
}

static int make_proxy(int fd, const struct network *network, const struct planned_link *link, const char *address,
	struct error *err)
{
	int r = host_add_proxy(fd, network, link->parent_index, address);
	return r < 0 ? link_error(err, r, network->spec, link->spec, "l2proxy", "answer for %s on %s", address,
			       link->spec->link) :
		       0;
}

/*
 * The container's own addresses. ipvlan l3s takes their packets from the parent's stack before it routes; the route
 * to lo only says that they are not on the parent's side, or the kernel would not answer for them.
 */
static int make_for_address(int fd, const struct network *network, const struct planned_link *link, int index,
	const struct spec_address *address, const char *key, struct error *err)
{
	bool is_ipvlan = link->spec->type == LINK_IPVLAN;
	int r = 0;
	if (is_ipvlan || spec_link_is_router(link->spec))
		r = make_route(fd, network, link, is_ipvlan ? LO_INDEX : index, address->address, key, err);
	if (r == 0 && link->spec->l2proxy)
		r = make_proxy(fd, network, link, address->address, err);
	return r;
}

/* A route to a port of a bridge carries nothing, since the answers come in at the bridge; LXC makes it, so it is made. */
int host_create(int fd, const struct network *network, const struct planned_link *link, struct error *err)
{
	const struct spec_link *spec = link->spec;
	bool is_router = spec_link_is_router(spec);
	int index = 0, r = 0;
	if (!spec->l2proxy && !is_router && spec->ipv4_routes.count == 0 && spec->ipv6_routes.count == 0)
		return 0;
	if (spec->type == LINK_VETH && (index = netlink_ifindex(fd, link->host_name)) < 0)
		return spec_error(err, index, network->spec, &spec->origin, "find interface %s", link->host_name);
	r = make_routes(fd, network, link, &spec->ipv4_routes, "veth.ipv4.route", index, err);
	r = r ?: make_routes(fd, network, link, &spec->ipv6_routes, "veth.ipv6.route", index, err);
	if (!spec->l2proxy && !is_router)
		return r;
	for (size_t i = 0; r == 0 && i < spec->ipv4.count; i++)
		r = make_for_address(fd, network, link, index, &spec->ipv4.items[i], "ipv4.address", err);
	for (size_t i = 0; r == 0 && i < spec->ipv6.count; i++)
		r = make_for_address(fd, network, link, index, &spec->ipv6.items[i], "ipv6.address", err);
	return r;
}

static bool is_address(const char *gateway)
{
	return *gateway && strcmp(gateway, "dev") != 0;
}

/* The device is our own; without the entry the host would answer for nobody. */
static void allow_ndp_proxy(const char *device)
{
	auto_free char *path = NULL;
	if (text_format(&path, "/proc/sys/net/ipv6/conf/%s/proxy_ndp", device) == 0)
		(void)file_write_text(AT_FDCWD, path, "1"); /* read-only /proc/sys: net.ipv6.conf.all.proxy_ndp does it */
}

static int proxy_gateway(int fd, const struct network *network, const struct planned_link *link, const char *gateway,
	const char *key, struct error *err)
{
	struct entry entry = { .is_proxy = true };
	if (!is_address(gateway))
		return 0;
	entry.index = netlink_ifindex(fd, link->host_name);
	int r = entry.index < 0 ? entry.index : parse_destination(gateway, &entry) ?: send_entry(fd, &entry, true);
	return r < 0 ? link_error(err, r, network->spec, link->spec, key, "answer for %s on %s", gateway,
			       link->host_name) :
		       0;
}

int network_proxy_gateways(const struct network *network, struct error *err)
{
	auto_close int fd = netlink_open();
	if (fd < 0)
		return error_set(err, fd, "open a netlink socket");
	for (size_t i = 0; i < network->count; i++) {
		const struct planned_link *link = &network->links[i];
		if (!spec_link_is_router(link->spec))
			continue;
		if (is_address(link->gateway6))
			allow_ndp_proxy(link->host_name);
		int r = proxy_gateway(fd, network, link, link->gateway4, "ipv4.gateway", err);
		r = r ?: proxy_gateway(fd, network, link, link->gateway6, "ipv6.gateway", err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- sysctls that are the administrator's ---- */

int sysctl_check(const struct spec *spec, const struct spec_link *link, const struct sysctl_wish *wish, struct error *err)
{
	auto_free char *path = NULL, *text = NULL;
	size_t length;
	int r = text_format(&path, "/proc/sys/net/%s/conf/%s/%s", wish->family, wish->device, wish->name);
	r = r ?: file_read(AT_FDCWD, path, 16, &text, &length);
	if (r < 0)
		return link_error(err, r, spec, link, wish->key, "read %s", path ?: wish->name);
	if (*text != '0')
		return 0;
	(void)link_error(err, 0, spec, link, wish->key, "%s needs net.%s.conf.%s.%s = 1", wish->value, wish->family,
		wish->device, wish->name);
	return error_hint(err, "run: sysctl -w net/%s/conf/%s/%s=1", wish->family, wish->device, wish->name);
}

static int check_sysctl(const struct spec *spec, const struct spec_link *link, const char *family, const char *name,
	struct error *err)
{
	const struct sysctl_wish wish = { "l2proxy", "1", family, link->link, name };
	return sysctl_check(spec, link, &wish, err);
}

int proxy_check(const struct spec *spec, const struct spec_link *link, struct error *err)
{
	int r = 0;
	if (!link->l2proxy)
		return 0;
	if (link->ipv4.count)
		r = check_sysctl(spec, link, "ipv4", "forwarding", err);
	if (r == 0 && link->ipv6.count)
		r = check_sysctl(spec, link, "ipv6", "proxy_ndp", err) ?: check_sysctl(spec, link, "ipv6", "forwarding", err);
	return r;
}

/* ---- the way back ---- */

static int undo(const char *argument, bool is_proxy, struct error *err)
{
	struct entry entry = { .is_proxy = is_proxy };
	char destination[64];
	if (sscanf(argument, "%d %63s", &entry.index, destination) != 2 || parse_destination(destination, &entry) < 0)
		return error_set(err, EINVAL, "read the journal");
	auto_close int fd = netlink_open();
	int r = fd < 0 ? fd : send_entry(fd, &entry, false);
	if (r >= 0 || r == -ENOENT || r == -ESRCH || r == -ENODEV) /* never made, or gone with its device */
		return 0;
	return error_set(err, r, "remove the %s for %s from the host", is_proxy ? "proxy entry" : "route", destination);
}

int route_undo(const char *argument, int netns_fd, struct error *err)
{
	(void)netns_fd;
	return undo(argument, false, err);
}

int proxy_undo(const char *argument, int netns_fd, struct error *err)
{
	(void)netns_fd;
	return undo(argument, true, err);
}
