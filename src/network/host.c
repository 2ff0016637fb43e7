/* What a container's link has on the host besides itself: routes, and neighbours that the host answers for. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "network/entry.h"
#include "network/internal.h"

#include <errno.h>
#include <fcntl.h>
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

static int refused(const struct network *network, const struct planned_link *link, const struct entry *entry, int r,
	struct error *err)
{
	if (!entry)
		return link_error(err, r, network->spec, link->spec, "type", "write the journal");
	if (entry->is_proxy)
		return link_error(err, r, network->spec, link->spec, entry->key, "answer for %s on %s", entry->text,
			link->spec->link ?: link->host_name);
	r = link_error(err, r, network->spec, link->spec, entry->key, "route %s to %s on the host", entry->text,
		entry->index == LO_INDEX ? "lo" : link->host_name);
	if (r == -EEXIST)
		error_hint(err, "remove the route that the host has to %s", entry->text);
	else if (r == -EACCES || r == -EOPNOTSUPP)
		error_hint(err, "IPv6 is off on the host, leave the address out");
	return r;
}

static int add_routes(struct entry_list *list, const struct string_list *routes, const char *key, int index)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < routes->count; i++)
		r = entry_list_add(list, false, index, routes->items[i], key);
	return r;
}

/*
 * The container's own addresses. ipvlan l3s takes their packets from the parent's stack before it routes; the route
 * to lo only says that they are not on the parent's side, or the kernel would not answer for them.
 */
static int add_own(struct entry_list *list, const struct planned_link *link, int index, bool is_6)
{
	const struct spec_link *spec = link->spec;
	const struct spec_address *items = is_6 ? spec->ipv6.items : spec->ipv4.items;
	size_t count = is_6 ? spec->ipv6.count : spec->ipv4.count;
	const char *key = is_6 ? "ipv6.address" : "ipv4.address";
	bool is_ipvlan = spec->type == LINK_IPVLAN;
	int r = 0;
	if (is_ipvlan || spec_link_is_router(spec))
		for (size_t i = 0; r == 0 && i < count; i++)
			r = entry_list_add(list, false, is_ipvlan ? LO_INDEX : index, items[i].address, key);
	if (spec->l2proxy)
		for (size_t i = 0; r == 0 && i < count; i++)
			r = entry_list_add(list, true, link->parent_index, items[i].address, "l2proxy");
	return r;
}

/* A route to a port of a bridge carries nothing, since the answers come in at the bridge; LXC makes it, so it is made. */
int host_create(int fd, const struct network *network, const struct planned_link *link, struct error *err)
{
	const struct spec_link *spec = link->spec;
	struct entry_list list = { 0 };
	const struct entry *failed = NULL;
	bool has_routes = spec->type == LINK_VETH && (spec->ipv4_routes.count || spec->ipv6_routes.count);
	bool has_own = spec->l2proxy || spec_link_is_router(spec);
	int index = 0, r = 0;
	if (!has_routes && !has_own)
		return 0;
	if (spec->type == LINK_VETH && (index = netlink_ifindex(fd, link->host_name)) < 0)
		return spec_error(err, index, network->spec, &spec->origin, "find interface %s", link->host_name);
	if (has_routes)
		r = add_routes(&list, &spec->ipv4_routes, "veth.ipv4.route", index) ?:
		    add_routes(&list, &spec->ipv6_routes, "veth.ipv6.route", index);
	if (has_own)
		r = r ?: add_own(&list, link, index, false) ?: add_own(&list, link, index, true);
	if (r < 0) {
		entry_list_clear(&list);
		return spec_error(err, r, network->spec, &spec->origin, "gather the routes of %s", link->host_name);
	}
	entry_list_drop_present(fd, &list);
	r = entry_list_make(fd, network, &list, &failed);
	if (r < 0)
		r = refused(network, link, failed, r, err);
	entry_list_clear(&list);
	return r;
}

/* ---- the gateways of veths in router mode ---- */

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

/* They end with their device, and are not in the journal. */
static int proxy_gateways(int fd, const struct network *network, const struct planned_link *link, struct error *err)
{
	struct entry_list list = { 0 };
	const struct entry *failed = NULL;
	bool has_4 = is_address(link->gateway4), has_6 = is_address(link->gateway6);
	if (!has_4 && !has_6)
		return 0;
	int index = netlink_ifindex(fd, link->host_name);
	if (has_6)
		allow_ndp_proxy(link->host_name);
	int r = index < 0 ? index : 0;
	if (r == 0 && has_4)
		r = entry_list_add(&list, true, index, link->gateway4, "ipv4.gateway");
	if (r == 0 && has_6)
		r = entry_list_add(&list, true, index, link->gateway6, "ipv6.gateway");
	r = r ?: entry_list_make(fd, NULL, &list, &failed);
	if (r < 0)
		r = link_error(err, r, network->spec, link->spec, failed ? failed->key : "ipv4.gateway",
			"answer for the gateway on %s", link->host_name);
	entry_list_clear(&list);
	return r;
}

int network_proxy_gateways(const struct network *network, struct error *err)
{
	auto_close int fd = netlink_open();
	if (fd < 0)
		return error_set(err, fd, "open a netlink socket");
	for (size_t i = 0; i < network->count; i++) {
		const struct planned_link *link = &network->links[i];
		int r = spec_link_is_router(link->spec) ? proxy_gateways(fd, network, link, err) : 0;
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

int route_undo(const char *argument, int netns_fd, struct error *err)
{
	(void)netns_fd;
	return entry_undo(argument, false, err);
}

int proxy_undo(const char *argument, int netns_fd, struct error *err)
{
	(void)netns_fd;
	return entry_undo(argument, true, err);
}
