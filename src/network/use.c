/* What the interfaces of a container carried, and their addresses. */
#include "base/cleanup.h"
#include "base/text.h"
#include "network/internal.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/net_namespace.h>
#include <string.h>

/* An interface as the kernel describes it. */
struct view {
	int index;
	int other;	     /* of its other end or its parent; 0: none */
	int32_t other_netns; /* the number of the namespace which that is in; -1: its own */
	char name[16], kind[16];
	struct rtnl_link_stats64 stats;
};

struct view_list {
	struct view *items;
	size_t count, capacity;
	bool is_broken;
};

/* The container's root chooses names; an order for the terminal of who reads them becomes question marks. */
static void copy_text(char *buffer, size_t size, const struct rtattr *text)
{
	const char *from = text ? RTA_DATA(text) : "";
	size_t length = text ? strnlen(from, RTA_PAYLOAD(text)) : 0;
	length = length < size ? length : size - 1;
	for (size_t i = 0; i < length; i++)
		buffer[i] = from[i] > ' ' && from[i] < 0x7f ? from[i] : '?';
	buffer[length] = '\0';
}

static void read_view(const struct nlmsghdr *message, struct view *view)
{
	const struct ifinfomsg *header = NLMSG_DATA(message);
	const struct rtattr *stats = netlink_find(message, sizeof(*header), IFLA_STATS64);
	const struct rtattr *other = netlink_find(message, sizeof(*header), IFLA_LINK);
	const struct rtattr *netns = netlink_find(message, sizeof(*header), IFLA_LINK_NETNSID);
	const struct rtattr *info = netlink_find(message, sizeof(*header), IFLA_LINKINFO);
	*view = (struct view){ .index = header->ifi_index, .other_netns = -1 };
	copy_text(view->name, sizeof(view->name), netlink_find(message, sizeof(*header), IFLA_IFNAME));
	copy_text(view->kind, sizeof(view->kind), netlink_find_inside(info, IFLA_INFO_KIND));
	if (other)
		memcpy(&view->other, RTA_DATA(other), sizeof(view->other));
	if (netns)
		memcpy(&view->other_netns, RTA_DATA(netns), sizeof(view->other_netns));
	size_t size = stats ? RTA_PAYLOAD(stats) : 0; /* the kernel's struct may be longer or shorter than ours */
	if (size)
		memcpy(&view->stats, RTA_DATA(stats), size < sizeof(view->stats) ? size : sizeof(view->stats));
}

static void add_view(const struct nlmsghdr *message, void *data)
{
	struct view_list *list = data;
	const struct ifinfomsg *header = NLMSG_DATA(message);
	struct view *view = header->ifi_flags & IFF_LOOPBACK ? NULL : vector_add(list);
	if (view)
		read_view(message, view);
	else
		list->is_broken |= !(header->ifi_flags & IFF_LOOPBACK);
}

static void take_view(const struct nlmsghdr *message, void *data)
{
	read_view(message, data);
}

static void take_netns(const struct nlmsghdr *message, void *data)
{
	const struct rtattr *number = netlink_find(message, sizeof(struct rtgenmsg), NETNSA_NSID);
	if (number)
		memcpy(data, RTA_DATA(number), sizeof(int32_t));
}

/* The number that the namespace of socket fd has for netns_fd, or -1. */
static int32_t number_of_netns(int fd, int netns_fd)
{
	struct netlink_batch batch = { 0 };
	struct rtgenmsg header = { .rtgen_family = AF_UNSPEC };
	int32_t number = -1;
	netlink_message(&batch, RTM_GETNSID, 0, &header, sizeof(header));
	netlink_u32(&batch, NETNSA_FD, (uint32_t)netns_fd);
	(void)netlink_ask(fd, &batch, take_netns, &number); /* then it has none */
	return number;
}

/* The other end of a veth, if that is in the namespace of socket fd; number is the veth's namespace there. */
static bool find_pair(int fd, int32_t number, const struct view *view, struct view *ret_pair)
{
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = view->other };
	if (number < 0 || view->other <= 0 || strcmp(view->kind, "veth") != 0)
		return false;
	netlink_message(&batch, RTM_GETLINK, 0, &header, sizeof(header));
	return netlink_ask(fd, &batch, take_view, ret_pair) == 0 && strcmp(ret_pair->kind, "veth") == 0 &&
	       ret_pair->other == view->index && ret_pair->other_netns == number;
}

/* Was it lent, does it stand on a device outside, or is it hardware? What was made inside is none of that. */
static bool leads_out(const struct view *view, const struct lent_list *lent)
{
	vector_for_each (index, lent)
		if (*index == view->index)
			return true;
	bool is_upper = strcmp(view->kind, "macvlan") == 0 || strcmp(view->kind, "ipvlan") == 0 ||
			strcmp(view->kind, "vlan") == 0;
	return !*view->kind || (is_upper && view->other_netns >= 0);
}

/* pair: the host's side, or NULL. Drops are counted on the side where they happen. */
static void fill_use(struct link_use *use, const struct view *view, const struct view *pair)
{
	const struct rtnl_link_stats64 *own = &view->stats;
	*use = (struct link_use){ .index = view->index, .tx_bytes = own->tx_bytes, .tx_packets = own->tx_packets,
		.tx_dropped = own->tx_dropped, .rx_bytes = own->rx_bytes, .rx_packets = own->rx_packets,
		.rx_dropped = own->rx_dropped };
	memcpy(use->name, view->name, sizeof(use->name));
	memcpy(use->kind, *view->kind ? view->kind : "phys", *view->kind ? sizeof(use->kind) : sizeof("phys"));
	if (!pair)
		return;
	memcpy(use->host_name, pair->name, sizeof(use->host_name));
	use->host_index = pair->index;
	use->tx_bytes = pair->stats.rx_bytes;
	use->tx_packets = pair->stats.rx_packets;
	use->tx_dropped += pair->stats.rx_dropped;
	use->rx_bytes = pair->stats.tx_bytes;
	use->rx_packets = pair->stats.tx_packets;
	use->rx_dropped += pair->stats.tx_dropped;
}

static void take_address(const struct nlmsghdr *message, void *data)
{
	struct link_use_list *list = data;
	const struct ifaddrmsg *header = NLMSG_DATA(message);
	const struct rtattr *address = netlink_find(message, sizeof(*header), IFA_LOCAL) ?:
					       netlink_find(message, sizeof(*header), IFA_ADDRESS);
	char text[INET6_ADDRSTRLEN], whole[INET6_ADDRSTRLEN + 4];
	if (!address || !inet_ntop(header->ifa_family, RTA_DATA(address), text, sizeof(text)))
		return;
	(void)snprintf(whole, sizeof(whole), "%s/%u", text, header->ifa_prefixlen);
	vector_for_each (use, list)
		if (use->index == (int)header->ifa_index)
			(void)string_list_add(&use->addresses, whole); /* no memory: one address less */
}

/* The interfaces of views that lead out. */
static int choose(int host_fd, int netns_fd, const struct view_list *views, const struct lent_list *lent,
	struct link_use_list *list)
{
	int32_t number = number_of_netns(host_fd, netns_fd);
	vector_for_each (view, views) {
		struct view pair;
		bool has_pair = find_pair(host_fd, number, view, &pair);
		if (!has_pair && !leads_out(view, lent))
			continue;
		struct link_use *use = vector_add(list);
		if (!use)
			return -ENOMEM;
		fill_use(use, view, has_pair ? &pair : NULL);
	}
	return 0;
}

int network_use(int netns_fd, const struct lent_list *lent, bool totals_only, struct link_use_list *ret_list,
	struct error *err)
{
	struct view_list views = { 0 };
	struct link_use_list list = { 0 };
	auto_close int host_fd = netlink_open();
	auto_close int fd = host_fd < 0 ? host_fd : netlink_open_in(netns_fd);
	int r = fd < 0 ? fd : netlink_dump(fd, RTM_GETLINK, AF_UNSPEC, add_view, &views);
	r = r ?: views.is_broken ? -ENOMEM : choose(host_fd, netns_fd, &views, lent, &list);
	free(views.items);
	if (r == 0 && !totals_only)
		r = netlink_dump(fd, RTM_GETADDR, AF_UNSPEC, take_address, &list);
	if (r == 0 && !totals_only)
		r = rate_read(host_fd, &list);
	if (r < 0) {
		link_use_list_clear(&list);
		return error_set(err, r, "read what the interfaces of the container carried");
	}
	*ret_list = list;
	return 0;
}

void link_use_list_clear(struct link_use_list *list)
{
	vector_for_each (use, list)
		string_list_clear(&use->addresses);
	free(list->items);
	*list = (struct link_use_list){ 0 };
}
