/* Wireless devices change their namespace with the radio that they belong to: nl80211, net/wireless/core.c. */
#include "base/cleanup.h"
#include "network/internal.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/nl80211.h>
#include <string.h>

static void take_wiphy(const struct nlmsghdr *message, void *data)
{
	const struct rtattr *wiphy = netlink_find(message, GENL_HDRLEN, NL80211_ATTR_WIPHY);
	if (wiphy)
		*(int *)data = *(const int *)RTA_DATA(wiphy);
}

static int find_wiphy(int fd, uint16_t family, int index)
{
	struct netlink_batch batch = { 0 };
	struct genlmsghdr header = { .cmd = NL80211_CMD_GET_INTERFACE };
	int wiphy = -ENODEV;
	netlink_message(&batch, family, 0, &header, sizeof(header));
	netlink_u32(&batch, NL80211_ATTR_IFINDEX, (uint32_t)index);
	int r = netlink_ask(fd, &batch, take_wiphy, &wiphy);
	return r < 0 ? r : wiphy;
}

static int send_wiphy(int fd, uint16_t family, int wiphy, int target_netns)
{
	struct netlink_batch batch = { 0 };
	struct genlmsghdr header = { .cmd = NL80211_CMD_SET_WIPHY_NETNS };
	netlink_message(&batch, family, 0, &header, sizeof(header));
	netlink_u32(&batch, NL80211_ATTR_WIPHY, (uint32_t)wiphy);
	netlink_u32(&batch, NL80211_ATTR_NETNS_FD, (uint32_t)target_netns);
	return netlink_send(fd, &batch, NULL);
}

struct search {
	int wiphy, old_index;
	int index; /* 0: none */
};

static void visit(const struct nlmsghdr *message, void *data)
{
	struct search *search = data;
	const struct rtattr *index = netlink_find(message, GENL_HDRLEN, NL80211_ATTR_IFINDEX);
	int wiphy = -1;
	take_wiphy(message, &wiphy);
	if (!index || wiphy != search->wiphy || search->index == search->old_index)
		return;
	search->index = *(const int *)RTA_DATA(index);
}

/* The device may have another number where it is now. */
static int rename_there(int netns_fd, uint16_t family, struct search *search, const char *name)
{
	struct genlmsghdr question = { .cmd = NL80211_CMD_GET_INTERFACE };
	struct netlink_batch batch = { 0 };
	auto_close int generic = netlink_open_generic_in(netns_fd);
	auto_close int fd = netlink_open_in(netns_fd);
	int r = generic < 0 ? generic : fd < 0 ? fd : 0;
	r = r ?: netlink_dump_with(generic, family, &question, sizeof(question), visit, search);
	if (r < 0 || search->index == 0)
		return r ?: -ENXIO;
	struct ifinfomsg header = { .ifi_index = search->index, .ifi_change = IFF_UP };
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	netlink_text(&batch, IFLA_IFNAME, name);
	return netlink_send(fd, &batch, NULL);
}

int wireless_move(int source_netns, int target_netns, int index, const char *name)
{
	auto_close int fd = netlink_open_generic_in(source_netns);
	int family = fd < 0 ? fd : netlink_generic_family(fd, NL80211_GENL_NAME);
	int wiphy = family < 0 ? family : find_wiphy(fd, (uint16_t)family, index);
	if (wiphy < 0)
		return -ENODEV;
	struct search search = { .wiphy = wiphy, .old_index = index };
	int r = send_wiphy(fd, (uint16_t)family, wiphy, target_netns);
	return r < 0 || !name ? r : rename_there(target_netns, (uint16_t)family, &search, name);
}
