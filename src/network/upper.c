/* Links on top of a parent on the host: macvlan, ipvlan, vlan. */
#include "base/cleanup.h"
#include "base/text.h"
#include "network/internal.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPPERS_MAX 64 /* deleted for one entry of the journal; there is one, unless the kernel goes mad */

static uint32_t macvlan_mode(const char *mode)
{
	if (!mode || strcmp(mode, "private") == 0)
		return MACVLAN_MODE_PRIVATE;
	if (strcmp(mode, "vepa") == 0)
		return MACVLAN_MODE_VEPA;
	return strcmp(mode, "bridge") == 0 ? MACVLAN_MODE_BRIDGE : MACVLAN_MODE_PASSTHRU;
}

static uint16_t ipvlan_mode(const char *mode)
{
	if (!mode || strcmp(mode, "l3") == 0)
		return IPVLAN_MODE_L3;
	return strcmp(mode, "l3s") == 0 ? IPVLAN_MODE_L3S : IPVLAN_MODE_L2;
}

/* 0 is bridge. */
static uint16_t ipvlan_flags(const char *isolation)
{
	if (!isolation || strcmp(isolation, "bridge") == 0)
		return 0;
	return strcmp(isolation, "private") == 0 ? IPVLAN_F_PRIVATE : IPVLAN_F_VEPA;
}

static void put_kind(struct netlink_batch *batch, const struct spec_link *link)
{
	switch (link->type) {
	case LINK_MACVLAN:
		netlink_u32(batch, IFLA_MACVLAN_MODE, macvlan_mode(link->macvlan_mode));
		break;
	case LINK_IPVLAN:
		netlink_u16(batch, IFLA_IPVLAN_MODE, ipvlan_mode(link->ipvlan_mode));
		netlink_u16(batch, IFLA_IPVLAN_FLAGS, ipvlan_flags(link->ipvlan_isolation));
		break;
	default:
		netlink_u16(batch, IFLA_VLAN_ID, (uint16_t)strtoul(link->vlan_id ?: "0", NULL, 10)); /* a number: the parser */
		break;
	}
}

void add_upper(struct netlink_batch *batch, const struct planned_link *link, pid_t init_pid)
{
	struct ifinfomsg header = { .ifi_flags = link->spec->up ? IFF_UP : 0, .ifi_change = IFF_UP };
	netlink_message(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	put_common(batch, link, init_pid);
	netlink_u32(batch, IFLA_LINK, (uint32_t)link->parent_index);
	size_t info = netlink_begin(batch, IFLA_LINKINFO, NULL, 0);
	netlink_text(batch, IFLA_INFO_KIND, link_type_name(link->spec->type));
	size_t data = netlink_begin(batch, IFLA_INFO_DATA, NULL, 0);
	put_kind(batch, link->spec);
	netlink_end(batch, data);
	netlink_end(batch, info);
}

int upper_describe(const struct planned_link *link, char **ret_text)
{
	return text_format(ret_text, "%d %s", link->parent_index, link_type_name(link->spec->type));
}

struct search {
	int parent_index, index;
	const char *kind;
};

/* The parent is in another namespace: the container can not have made it. */
static void visit(const struct nlmsghdr *message, void *data)
{
	struct search *search = data;
	const struct ifinfomsg *header = NLMSG_DATA(message);
	const struct rtattr *parent = netlink_find(message, sizeof(*header), IFLA_LINK);
	if (parent && *(const int *)RTA_DATA(parent) == search->parent_index &&
		netlink_find(message, sizeof(*header), IFLA_LINK_NETNSID) && netlink_link_has_kind(message, search->kind))
		search->index = header->ifi_index;
}

int upper_undo(const char *argument, int netns_fd, struct error *err)
{
	char kind[16];
	struct search search = { .kind = kind };
	if (sscanf(argument, "%d %15s", &search.parent_index, kind) != 2)
		return error_set(err, EINVAL, "read the journal");
	auto_close int fd = netns_fd >= 0 ? netlink_open_in(netns_fd) : -1;
	if (fd < 0)
		return 0; /* the namespace is gone, and what was in it */
	for (int i = 0; i < UPPERS_MAX; i++) {
		struct netlink_batch batch = { 0 };
		search.index = 0;
		int r = netlink_dump(fd, RTM_GETLINK, AF_PACKET, visit, &search);
		if (r == 0 && search.index == 0)
			return 0;
		struct ifinfomsg header = { .ifi_index = search.index };
		netlink_message(&batch, RTM_DELLINK, 0, &header, sizeof(header));
		r = r ?: netlink_send(fd, &batch, NULL);
		netlink_clear(&batch);
		if (r < 0)
			return error_set(err, r, "remove the %s interface of the container", kind);
	}
	return 0;
}
