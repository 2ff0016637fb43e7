/* A host side with a fixed name (lxc.net.N.veth.pair) that the last run left for the kernel to take down. */
#include "network/internal.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <string.h>
#include <time.h>

#define PAIR_WAITS   30
#define PAIR_WAIT_MS 10

struct pair {
	int index;
	bool is_veth;
	bool has_number; /* the kernel has a number for the other end's namespace */
	int32_t number;
};

static void take_pair(const struct nlmsghdr *message, void *data)
{
	struct pair *pair = data;
	const struct ifinfomsg *header = NLMSG_DATA(message);
	const struct rtattr *number = netlink_find(message, sizeof(*header), IFLA_LINK_NETNSID);
	pair->index = header->ifi_index;
	if (number) {
		memcpy(&pair->number, RTA_DATA(number), sizeof(pair->number));
		pair->has_number = true;
	}
	pair->is_veth = netlink_link_has_kind(message, "veth");
}

/*
 * The number of a namespace is -1 once the kernel has begun to take it down, and -ENOENT is the answer to a question
 * about it from the moment that nobody holds it: net/core/net_namespace.c, peernet2id_alloc, get_net_ns_by_id.
 */
static bool is_dead(int fd, const struct pair *pair)
{
	struct netlink_batch batch = { 0 };
	struct rtgenmsg header = { .rtgen_family = AF_UNSPEC };
	if (!pair->has_number) /* the other end is here */
		return false;
	if (pair->number < 0)
		return true;
	netlink_message(&batch, RTM_GETNSID, 0, &header, sizeof(header));
	netlink_u32(&batch, NETNSA_NSID, (uint32_t)pair->number);
	return netlink_send(fd, &batch, NULL) == -ENOENT;
}

int remove_dead_pair(int fd, const char *name)
{
	for (int wait = 0; wait < PAIR_WAITS; wait++) {
		struct pair pair = { 0 };
		int r = netlink_get_link(fd, name, take_pair, &pair);
		if (r < 0)
			return r == -ENODEV ? 0 : r;
		if (!pair.is_veth || !pair.has_number)
			return -EEXIST;
		if (is_dead(fd, &pair)) {
			struct netlink_batch batch = { 0 };
			struct ifinfomsg header = { .ifi_index = pair.index };
			netlink_message(&batch, RTM_DELLINK, 0, &header, sizeof(header));
			r = netlink_send(fd, &batch, NULL);
			return r == -ENODEV ? 0 : r;
		}
		/* a process of the last run may still be on its way out; another container's stays as it is */
		struct timespec pause = { .tv_nsec = PAIR_WAIT_MS * 1000000L };
		(void)nanosleep(&pause, NULL); /* a signal makes it shorter */
	}
	return -EEXIST;
}
