/* What the configuration's interfaces are on this host: bridges, names, gateways. Nothing is made. */
#include "base/cleanup.h"
#include "base/text.h"
#include "network/internal.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <string.h>
#include <sys/random.h>

const char *link_type_name(uint32_t type)
{
	static const char *const names[] = { "none", "none", "empty", "veth", "macvlan", "phys", "vlan", "ipvlan" };
	return type < sizeof(names) / sizeof(*names) ? names[type] : "none";
}

static int parent_fault(const struct spec *spec, const struct spec_link *link, int r, struct error *err)
{
	r = spec_error(err, r, spec, &link->origin, "lxc.net.%u.link: interface %s", link->index, link->link);
	if (r == -ENODEV && err) {
		err->kind = ERROR_NOT_FOUND;
		error_hint(err, link->type == LINK_VETH ? "create the bridge, or name another one" :
							  "name a device that the host has");
	}
	return r;
}

/* The first address that the parent has of this family: its containers' way out. */
static int find_gateway(const struct spec_link *link, int family, char *buffer, size_t size)
{
	struct ifaddrs *list;
	int r = -EADDRNOTAVAIL;
	if (getifaddrs(&list) < 0)
		return -errno;
	for (struct ifaddrs *item = list; item && r < 0; item = item->ifa_next) {
		if (!item->ifa_addr || item->ifa_addr->sa_family != family || strcmp(item->ifa_name, link->link) != 0)
			continue;
		const struct sockaddr_in6 *address6 = (const void *)item->ifa_addr;
		const void *binary = family == AF_INET ? (const void *)&((const struct sockaddr_in *)item->ifa_addr)->sin_addr :
							 (const void *)&address6->sin6_addr;
		if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address6->sin6_addr))
			continue;
		if (inet_ntop(family, binary, buffer, (socklen_t)size))
			r = 0;
	}
	freeifaddrs(list);
	return r;
}

static int plan_gateway(const struct spec *spec, const struct spec_link *link, bool is_6, char *buffer, size_t size,
	struct error *err)
{
	const char *gateway = is_6 ? link->ipv6_gateway : link->ipv4_gateway;
	*buffer = '\0';
	if (!gateway)
		return 0;
	if (strcmp(gateway, "auto") != 0) {
		(void)snprintf(buffer, size, "%s", gateway);
		return 0;
	}
	int r = link->link ? find_gateway(link, is_6 ? AF_INET6 : AF_INET, buffer, size) : -EINVAL;
	if (r < 0) {
		r = spec_error(err, r, spec, &link->origin, "gateway auto: address of %s", link->link ?: "no link");
		error_hint(err, "give the bridge an address, or write the gateway's");
	}
	return r;
}

static int choose_name(const struct spec_link *link, char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	unsigned char random[6];
	if (link->veth_pair) {
		(void)snprintf(name, IFNAMSIZ, "%s", link->veth_pair);
		return 0;
	}
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	(void)snprintf(name, IFNAMSIZ, "vethXXXXXX");
	for (int i = 0; i < 6; i++)
		name[4 + i] = letters[random[i] % (sizeof(letters) - 1)];
	return 0;
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

static int plan_link(int fd, const struct spec *spec, struct planned_link *plan, size_t number, struct error *err)
{
	const struct spec_link *link = plan->spec;
	int r = plan_parent(fd, spec, plan, err);
	r = r ?: plan_gateway(spec, link, false, plan->gateway4, sizeof(plan->gateway4), err);
	r = r ?: plan_gateway(spec, link, true, plan->gateway6, sizeof(plan->gateway6), err);
	if (r < 0)
		return r;
	if (link->type == LINK_VETH)
		r = choose_name(link, plan->host_name);
	else
		(void)snprintf(plan->host_name, IFNAMSIZ, "%s", link->link);
	if (link->name)
		(void)snprintf(plan->inside_name, IFNAMSIZ, "%s", link->name);
	else if (link->type == LINK_PHYS)
		(void)snprintf(plan->inside_name, IFNAMSIZ, "%s", link->link);
	else
		(void)snprintf(plan->inside_name, IFNAMSIZ, "eth%zu", number);
	return r < 0 ? error_set(err, r, "choose a name for an interface") : 0;
}

static int write_journal(const struct planned_link *plan, network_journal journal, void *data)
{
	char text[64];
	if (plan->spec->type == LINK_PHYS) {
		(void)snprintf(text, sizeof(text), "%s %d", plan->host_name, plan->parent_index);
		return journal(data, "PHYS", text);
	}
	return plan->spec->type == LINK_VETH ? journal(data, "LINK", plan->host_name) : 0;
}

static bool is_made(const struct spec_link *link)
{
	return link->type == LINK_VETH || link->type == LINK_MACVLAN || link->type == LINK_PHYS;
}

int network_prepare(const struct spec *spec, network_journal journal, void *data, struct network **ret_network,
	struct error *err)
{
	size_t count = 0;
	*ret_network = NULL;
	vector_for_each (link, &spec->network.links)
		count += is_made(link);
	if (count == 0 || !(spec_new_namespaces(spec) & 1U << NAMESPACE_NET))
		return 0;
	auto_close int fd = netlink_open();
	struct network *network = calloc(1, sizeof(*network));
	if (fd < 0 || !network || !(network->links = calloc(count, sizeof(*network->links)))) {
		free(network);
		return error_set(err, fd < 0 ? fd : ENOMEM, "prepare the network");
	}
	network->spec = spec;
	*ret_network = network;
	vector_for_each (link, &spec->network.links) {
		if (!is_made(link))
			continue;
		struct planned_link *plan = &network->links[network->count++];
		plan->spec = link;
		int r = plan_link(fd, spec, plan, network->count - 1, err);
		if (r < 0)
			return r;
		r = write_journal(plan, journal, data);
		if (r < 0)
			return error_set(err, r, "write the journal");
	}
	return 0;
}

void network_free(struct network *network)
{
	if (!network)
		return;
	free(network->links);
	free(network);
}
