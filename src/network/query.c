/* What interfaces and addresses a running container has. */
#include "base/cleanup.h"
#include "network/internal.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <string.h>

struct query {
	struct string_list *result;
	const char *interface;
	int family, scope;
	int lo_index, wanted_index;
	int failed;
};

static void add_name(const struct nlmsghdr *message, void *data)
{
	struct query *query = data;
	const struct rtattr *name = netlink_find(message, sizeof(struct ifinfomsg), IFLA_IFNAME);
	if (name && string_list_add(query->result, RTA_DATA(name)) < 0)
		query->failed = -ENOMEM;
}

int network_interfaces(int netns_fd, struct string_list *ret_names, struct error *err)
{
	struct query query = { .result = ret_names };
	auto_close int fd = netlink_open_in(netns_fd);
	int r = fd < 0 ? fd : netlink_dump(fd, RTM_GETLINK, AF_PACKET, add_name, &query);
	r = r ?: query.failed;
	return r < 0 ? error_set(err, r, "list the interfaces of the container") : 0;
}

static void add_address(const struct nlmsghdr *message, void *data)
{
	struct query *query = data;
	const struct ifaddrmsg *header = NLMSG_DATA(message);
	char text[INET6_ADDRSTRLEN];
	if (query->wanted_index ? (int)header->ifa_index != query->wanted_index : (int)header->ifa_index == query->lo_index)
		return;
	if (query->family != AF_UNSPEC && header->ifa_family != query->family)
		return;
	const struct rtattr *address = netlink_find(message, sizeof(*header), IFA_LOCAL) ?:
					       netlink_find(message, sizeof(*header), IFA_ADDRESS);
	/* as sin6_scope_id: the interface for a link-local address, 0 for all others, ::1 too */
	if (address && header->ifa_family == AF_INET6 &&
		(IN6_IS_ADDR_LINKLOCAL((struct in6_addr *)RTA_DATA(address)) ? (int)header->ifa_index : 0) != query->scope)
		return;
	if (address && inet_ntop(header->ifa_family, RTA_DATA(address), text, sizeof(text)) &&
		string_list_add(query->result, text) < 0)
		query->failed = -ENOMEM;
}

int network_addresses(int netns_fd, const char *interface, const char *family, int scope,
	struct string_list *ret_addresses, struct error *err)
{
	struct query query = { .result = ret_addresses, .scope = scope, .lo_index = 1,
		.family = !family ? AF_UNSPEC : strcmp(family, "inet") == 0 ? AF_INET :
			  strcmp(family, "inet6") == 0 ? AF_INET6 : -1 };
	if (query.family < 0)
		return error_set(err, EINVAL, "address family %s", family);
	auto_close int fd = netlink_open_in(netns_fd);
	int r = fd < 0 ? fd : 0;
	if (r == 0 && interface)
		r = query.wanted_index = netlink_ifindex(fd, interface);
	if (r >= 0)
		r = netlink_dump(fd, RTM_GETADDR, query.family, add_address, &query);
	r = r ?: query.failed;
	return r < 0 ? error_set(err, r, "list the addresses of the container") : 0;
}

struct stats {
	struct rtnl_link_stats64 value;
	bool is_found;
};

static void take_stats(const struct nlmsghdr *message, void *data)
{
	struct stats *stats = data;
	const struct rtattr *value = netlink_find(message, sizeof(struct ifinfomsg), IFLA_STATS64);
	if (!value || RTA_PAYLOAD(value) < offsetof(struct rtnl_link_stats64, rx_errors))
		return;
	size_t size = RTA_PAYLOAD(value); /* the kernel's struct may be longer or shorter than ours */
	memcpy(&stats->value, RTA_DATA(value), size < sizeof(stats->value) ? size : sizeof(stats->value));
	stats->is_found = true;
}

int network_link_stats(const char *name, uint64_t *ret_rx, uint64_t *ret_tx)
{
	struct stats stats = { 0 };
	auto_close int fd = netlink_open();
	int r = fd < 0 ? fd : netlink_get_link(fd, name, take_stats, &stats);
	if (r < 0 || !stats.is_found)
		return r < 0 ? r : -ENODEV;
	*ret_rx = stats.value.rx_bytes;
	*ret_tx = stats.value.tx_bytes;
	return 0;
}
