/* The other names of a device. */
#include "base/cleanup.h"
#include "network/internal.h"

#include <linux/if_link.h>
#include <string.h>

#define ALL_MAX 3500 /* bytes of all names of a device: they stand in one line of the journal */

int altnames_take(const struct nlmsghdr *message, struct string_list *ret_names)
{
	const struct rtattr *outer = netlink_find(message, sizeof(struct ifinfomsg), IFLA_PROP_LIST);
	size_t total = 0;
	if (!outer)
		return 0;
	int left = (int)RTA_PAYLOAD(outer);
	for (const struct rtattr *at = RTA_DATA(outer); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		const char *name = RTA_DATA(at);
		size_t size = RTA_PAYLOAD(at);
		if (at->rta_type != IFLA_ALT_IFNAME || size == 0 || name[size - 1] || strpbrk(name, " \t\n"))
			continue;
		total += strlen(name) + 1;
		int r = total <= ALL_MAX ? string_list_add(ret_names, name) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* One message for each: the kernel stops a message at its first name that does not go. */
void altnames_change(int fd, int index, uint16_t type, const struct string_list *names)
{
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = index };
	for (size_t i = 0; i < names->count; i++) {
		netlink_message(&batch, type, type == RTM_NEWLINKPROP ? NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND : 0, &header,
			sizeof(header));
		size_t list = netlink_begin(&batch, IFLA_PROP_LIST | NLA_F_NESTED, NULL, 0);
		netlink_text(&batch, IFLA_ALT_IFNAME, names->items[i]);
		netlink_end(&batch, list);
	}
	(void)netlink_send(fd, &batch, NULL); /* the device serves without them */
}
