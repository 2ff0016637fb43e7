/* What the configuration's interfaces are on this host: bridges, names, gateways. Nothing is made. */
#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"
#include "network/internal.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *link_type_name(uint32_t type)
{
	static const char *const names[] = { "none", "none", "empty", "veth", "macvlan", "phys", "vlan", "ipvlan", "venet" };
	return type < sizeof(names) / sizeof(*names) ? names[type] : "none";
}

int link_error(struct error *err, int errnum, const struct spec *spec, const struct spec_link *link, const char *key,
	const char *fmt, ...)
{
	char what[sizeof(err->what)];
	va_list arguments;
	va_start(arguments, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, arguments);
	va_end(arguments);
	int r = spec_error(err, errnum, spec, &link->origin, "%s", what);
	char *end = err ? strrchr(err->key, '.') : NULL;
	if (end && strcmp(end, ".type") == 0)
		(void)snprintf(end + 1, sizeof(err->key) - (size_t)(end + 1 - err->key), "%s", key);
	return r;
}

static const char *parent_name(const struct spec_link *link)
{
	return link->type == LINK_VETH && !spec_link_is_router(link) ? "bridge" : "device";
}

static int parent_fault(const struct spec *spec, const struct spec_link *link, int r, struct error *err)
{
	if (r != -ENODEV)
		return link_error(err, r, spec, link, "link", "%s %s", parent_name(link), link->link);
	r = link_error(err, 0, spec, link, "link", "%s %s does not exist", parent_name(link), link->link);
	if (err)
		err->kind = ERROR_NOT_FOUND;
	error_hint(err, link->type == LINK_VETH && !spec_link_is_router(link) ? "create the bridge, or name another one" :
										"name a device that the host has");
	return r;
}

struct gateway {
	int index;
	bool is_found, is_link_local;
	char *buffer;
	size_t size;
};

static void take_gateway(const struct nlmsghdr *message, void *data)
{
	struct gateway *gateway = data;
	const struct ifaddrmsg *header = NLMSG_DATA(message);
	const struct rtattr *address = netlink_find(message, sizeof(*header), IFA_LOCAL) ?:
					       netlink_find(message, sizeof(*header), IFA_ADDRESS);
	bool is_link_local = header->ifa_family == AF_INET6 && header->ifa_scope == RT_SCOPE_LINK;
	if ((int)header->ifa_index != gateway->index || !address || (header->ifa_flags & IFA_F_TENTATIVE && is_link_local))
		return;
	if (gateway->is_found && (is_link_local || !gateway->is_link_local))
		return;
	gateway->is_found = inet_ntop(header->ifa_family, RTA_DATA(address), gateway->buffer, (socklen_t)gateway->size);
	gateway->is_link_local = is_link_local;
}

/* The first address that the parent has of this family: its containers' way out. A link-local one if need be. */
static int find_gateway(int fd, int parent_index, int family, char *buffer, size_t size)
{
	struct gateway gateway = { .index = parent_index, .buffer = buffer, .size = size };
	int r = netlink_dump(fd, RTM_GETADDR, family, take_gateway, &gateway);
	return r < 0 ? r : gateway.is_found ? 0 : -EADDRNOTAVAIL;
}

static int plan_gateway(int fd, const struct spec *spec, struct planned_link *plan, bool is_6, struct error *err)
{
	const struct spec_link *link = plan->spec;
	char *buffer = is_6 ? plan->gateway6 : plan->gateway4;
	size_t size = is_6 ? sizeof(plan->gateway6) : sizeof(plan->gateway4);
	const char *gateway = is_6 ? link->ipv6_gateway : link->ipv4_gateway;
	*buffer = '\0';
	if (!gateway) {
		if (link->type == LINK_VENET && (is_6 ? link->ipv6.count : link->ipv4.count))
			(void)snprintf(buffer, size, "dev");
		return 0;
	}
	if (strcmp(gateway, "auto") != 0) {
		(void)snprintf(buffer, size, "%s", gateway);
		return 0;
	}
	const char *family = is_6 ? "IPv6" : "IPv4";
	if (!link->link)
		return spec_error(err, EINVAL, spec, &link->origin, "gateway auto: the interface has no link");
	int r = find_gateway(fd, plan->parent_index, is_6 ? AF_INET6 : AF_INET, buffer, size);
	if (r == -EADDRNOTAVAIL) {
		(void)spec_error(err, 0, spec, &link->origin, "gateway auto: %s has no %s address", link->link, family);
		error_hint(err, "give %s an address, or write the gateway's", link->link);
	} else if (r < 0) {
		r = spec_error(err, r, spec, &link->origin, "gateway auto: look for the %s address of %s", family, link->link);
	}
	return r;
}

static int choose_name(const struct spec_link *link, char *name)
{
	if (link->veth_pair) {
		(void)snprintf(name, IFNAMSIZ, "%s", link->veth_pair);
		return 0;
	}
	const char *kind = link_type_name(link->type);
	(void)snprintf(name, IFNAMSIZ, "%sXXXXXX", kind);
	return random_letters(name + strlen(kind), 6);
}

static int plan_parent(int fd, const struct spec *spec, struct planned_link *plan, struct error *err)
{
	const struct spec_link *link = plan->spec;
	uint32_t number;
	if (link->link) {
		plan->parent_index = netlink_ifindex(fd, link->link);
		if (plan->parent_index < 0)
			return parent_fault(spec, link, plan->parent_index, err);
	}
	if (link->mtu && text_to_u32(link->mtu, &number) == 0) {
		plan->mtu = number;
	} else if (link->type == LINK_VETH && link->link) {
		int mtu = netlink_mtu(fd, link->link);
		plan->mtu = mtu > 0 && mtu != 1500 ? (uint32_t)mtu : 0;
	}
	return 0;
}

static int plan_link(int fd, const struct spec *spec, struct planned_link *plan, struct error *err)
{
	const struct spec_link *link = plan->spec;
	if (link->type == LINK_EMPTY)
		return 0;
	plan->has_hwaddr = link->hwaddr && parse_hwaddr(link->hwaddr, plan->hwaddr);
	if (link->type == LINK_VENET || link->security) {
		int chosen = venet_prepare(fd, spec, plan, err);
		if (chosen < 0)
			return chosen;
	}
	int r = plan_parent(fd, spec, plan, err);
	r = r ?: plan_gateway(fd, spec, plan, false, err);
	r = r ?: plan_gateway(fd, spec, plan, true, err);
	r = r ?: proxy_check(spec, link, err);
	if (r == 0 && link->type == LINK_VETH && (link->vlan_id || link->vlan_tagged.count))
		r = bridge_vlan_check(fd, spec, plan, err);
	if (r < 0)
		return r;
	if (link->type == LINK_VETH || link->type == LINK_VENET)
		r = choose_name(link, plan->host_name);
	else
		(void)snprintf(plan->host_name, IFNAMSIZ, "%s", link->link ?: "");
	if (link->name || link->type == LINK_PHYS)
		(void)snprintf(plan->inside_name, IFNAMSIZ, "%s", link->name ?: link->link);
	return r < 0 ? error_set(err, r, "choose a name for an interface") : 0;
}

static bool is_taken(const struct network *network, const char *name)
{
	for (size_t i = 0; i < network->count; i++)
		if (strcmp(network->links[i].inside_name, name) == 0)
			return true;
	return false;
}

/* Interfaces without a name get the first free ethN, as the kernel would choose; venet venetN. */
static void choose_inside_names(struct network *network)
{
	char name[IFNAMSIZ];
	unsigned numbers[2] = { 0 };
	for (size_t i = 0; i < network->count; i++) {
		struct planned_link *plan = &network->links[i];
		if (*plan->inside_name || plan->spec->type == LINK_EMPTY)
			continue;
		bool is_venet = plan->spec->type == LINK_VENET;
		do
			(void)snprintf(name, sizeof(name), "%s%u", is_venet ? "venet" : "eth", numbers[is_venet]++);
		while (is_taken(network, name));
		memcpy(plan->inside_name, name, sizeof(name));
	}
}

static int write_journal(int fd, const struct network *network, struct planned_link *plan)
{
	int r = 0;
	switch (plan->spec->type) {
	case LINK_VETH:
		plan->is_by_helper = geteuid() != 0;
		if (plan->is_by_helper)
			return 0;
		return network->journal(network->journal_data, "LINK", plan->host_name);
	case LINK_VENET:
		return network->journal(network->journal_data, "LINK", plan->host_name);
	case LINK_PHYS:
		plan->journal_kind = "PHYS";
		r = phys_describe(fd, plan, &plan->journal_text);
		break;
	case LINK_MACVLAN: /* of mode passthru there is one on a parent */
	case LINK_VLAN:
	case LINK_IPVLAN:
		plan->journal_kind = "UPPER";
		r = upper_describe(plan, &plan->journal_text);
		break;
	default:
		return 0;
	}
	return r ?: network->journal(network->journal_data, plan->journal_kind, plan->journal_text);
}

static bool has_work(const struct spec *spec)
{
	vector_for_each (link, &spec->network.links)
		if (is_planned(link))
			return true;
	return false;
}

int network_prepare(const struct spec *spec, network_journal journal, void *data, struct network **ret_network,
	struct error *err)
{
	*ret_network = NULL;
	if (!(spec_new_namespaces(spec) & 1U << NAMESPACE_NET) || !has_work(spec))
		return 0;
	auto_close int fd = netlink_open();
	struct network *network = calloc(1, sizeof(*network));
	if (fd < 0 || !network) {
		free(network);
		return error_set(err, fd < 0 ? fd : ENOMEM, "prepare the network");
	}
	*network = (struct network){ .spec = spec, .netns_fd = -1, .journal = journal, .journal_data = data };
	*ret_network = network;
	int r = match_links(fd, network, err);
	if (r < 0)
		return r;
	network->links = calloc(network->wanted.count, sizeof(*network->links));
	if (!network->links)
		return error_set(err, ENOMEM, "prepare the network");
	for (size_t i = 0; i < network->wanted.count; i++) {
		struct planned_link *plan = &network->links[network->count++];
		plan->spec = network->wanted.items[i];
		r = plan_link(fd, spec, plan, err);
		if (r < 0)
			return r;
		r = write_journal(fd, network, plan);
		if (r < 0)
			return error_set(err, r, "write the journal");
	}
	choose_inside_names(network);
	return 0;
}

void network_free(struct network *network)
{
	if (!network)
		return;
	close_fd(&network->netns_fd);
	for (size_t i = 0; i < network->count; i++)
		free(network->links[i].journal_text);
	free(network->links);
	match_clear(network);
	free(network);
}
