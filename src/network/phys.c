/* Devices that are lent to a container and must come back, whatever happens to it. */
#include "base/cleanup.h"
#include "base/text.h"
#include "network/internal.h"

#include <fcntl.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ORPHAN_WAITS   50
#define ORPHAN_WAIT_MS 20

struct names {
	char name[IFNAMSIZ];
	struct string_list altnames;
	int failed;
};

static void take_names(const struct nlmsghdr *message, void *data)
{
	struct names *names = data;
	const struct rtattr *name = netlink_find(message, sizeof(struct ifinfomsg), IFLA_IFNAME);
	if (name)
		(void)snprintf(names->name, sizeof(names->name), "%s", (const char *)RTA_DATA(name));
	names->failed = altnames_take(message, &names->altnames);
}

static int append_word(char **text, const char *word)
{
	char *longer;
	int r = text_format(&longer, "%s %s", *text, word);
	if (r < 0)
		return r;
	free(*text);
	*text = longer;
	return 0;
}

int phys_describe(int fd, struct planned_link *link, char **ret_text)
{
	unsigned char address[6];
	char mtu[16] = "-", hwaddr[18] = "-";
	struct names names = { 0 };
	int r = netlink_get_link_at(fd, link->parent_index, take_names, &names) ?: names.failed;
	if (r == 0 && *names.name)
		memcpy(link->host_name, names.name, sizeof(link->host_name));
	if (r == 0 && link->mtu)
		r = netlink_mtu(fd, link->host_name);
	if (r > 0)
		(void)snprintf(mtu, sizeof(mtu), "%d", r);
	if (link->spec->hwaddr && netlink_hwaddr(fd, link->host_name, address) == 0)
		(void)snprintf(hwaddr, sizeof(hwaddr), "%02x:%02x:%02x:%02x:%02x:%02x", address[0], address[1], address[2],
			address[3], address[4], address[5]);
	if (r >= 0)
		r = text_format(ret_text, "%s %d %s %s", link->host_name, link->parent_index, mtu, hwaddr);
	for (size_t i = 0; r == 0 && i < names.altnames.count; i++)
		r = append_word(ret_text, names.altnames.items[i]);
	string_list_clear(&names.altnames);
	return r;
}

/* The name that the device gets must not be one of its others. What is taken here comes back with the device. */
static void free_name(int fd, const struct planned_link *link)
{
	struct string_list one = { .items = (char *[]){ (char *)link->inside_name }, .count = 1 };
	size_t length = strlen(link->inside_name);
	for (const char *at = link->journal_text; at && (at = strchr(at, ' ')); at++)
		if (strcspn(at + 1, " ") == length && memcmp(at + 1, link->inside_name, length) == 0)
			altnames_change(fd, link->parent_index, RTM_DELLINKPROP, &one);
}

/* A wireless device is not moved by rtnetlink: -EINVAL. -ENODEV: it is none. */
static int lend_wireless(const struct network *network, const struct planned_link *link)
{
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = link->parent_index, .ifi_flags = link->spec->up ? IFF_UP : 0,
		.ifi_change = IFF_UP };
	int r = wireless_move(-1, network->netns_fd, link->parent_index, NULL);
	if (r < 0)
		return r;
	auto_close int fd = netlink_open_in(network->netns_fd);
	if (fd < 0)
		return fd;
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header)); /* same number: network_create */
	put_inside(&batch, link);
	return netlink_send(fd, &batch, NULL);
}

/*
 * One message: the kernel moves the device first, which takes it down, and then gives it what it shall have there.
 * The name too, because the one that it has may be taken there.
 */
int phys_lend(int fd, const struct network *network, const struct planned_link *link, pid_t init_pid, struct error *err)
{
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = link->parent_index, .ifi_flags = link->spec->up ? IFF_UP : 0,
		.ifi_change = IFF_UP };
	free_name(fd, link);
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	put_common(&batch, link, init_pid);
	int r = netlink_send(fd, &batch, NULL);
	if (r == -EINVAL) {
		int wireless = lend_wireless(network, link);
		r = wireless == -ENODEV ? r : wireless;
	}
	if (r >= 0)
		return 0;
	r = spec_error(err, r, network->spec, &link->spec->origin, "move device %s into the container", link->host_name);
	if (r == -EINVAL && (link->mtu || link->spec->hwaddr))
		error_hint(err, "check the mtu and hwaddr that the device is to have");
	return r;
}

/* What the journal says of a device. */
struct lent {
	char name[IFNAMSIZ];
	int index;
	int mtu; /* 0: was not changed */
	bool has_address;
	unsigned char address[6];
	struct string_list altnames;
};

/* The list in it is the caller's to clear, whatever the result. */
static int parse_lent(const char *argument, struct lent *lent)
{
	struct string_list words = { 0 };
	*lent = (struct lent){ 0 };
	int r = text_split(argument, " ", &words);
	if (r == 0 && (words.count < 2 || strlen(words.items[0]) >= sizeof(lent->name) ||
			      text_to_i32(words.items[1], &lent->index) < 0))
		r = -EINVAL;
	if (r == 0)
		memcpy(lent->name, words.items[0], strlen(words.items[0]) + 1);
	if (r == 0 && words.count > 2)
		(void)text_to_i32(words.items[2], &lent->mtu); /* stays 0 for "-" */
	if (r == 0 && words.count > 3)
		lent->has_address = parse_hwaddr(words.items[3], lent->address);
	for (size_t i = 4; r == 0 && i < words.count; i++)
		r = string_list_add(&lent->altnames, words.items[i]);
	string_list_clear(&words);
	return r;
}

/* What was changed on loan is put right; failing that a device with another MTU is better than none. */
static void restore_settings(int fd, const struct lent *lent)
{
	bool is_changed = lent->mtu > 0 || lent->has_address || lent->altnames.count > 0;
	int index = is_changed ? netlink_ifindex(fd, lent->name) : 0;
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = index };
	if (index <= 0)
		return;
	if (lent->mtu > 0) {
		netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
		netlink_u32(&batch, IFLA_MTU, (uint32_t)lent->mtu);
	}
	if (lent->has_address) {
		netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
		netlink_attribute(&batch, IFLA_ADDRESS, lent->address, sizeof(lent->address));
	}
	(void)netlink_send(fd, &batch, NULL); /* see above */
	altnames_change(fd, index, RTM_NEWLINKPROP, &lent->altnames);
}

/*
 * Moves a device from source_netns (-1: the own), where fd is, to target_netns, down, and renames it. name NULL: it
 * keeps its own. The name goes with the move: before it, it could be taken here, and after it the old one could be taken
 * there.
 */
static int move(int fd, int index, const char *name, int source_netns, int target_netns)
{
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = index, .ifi_change = IFF_UP };
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	netlink_u32(&batch, IFLA_NET_NS_FD, (uint32_t)target_netns);
	if (name)
		netlink_text(&batch, IFLA_IFNAME, name);
	int r = netlink_send(fd, &batch, NULL);
	int wireless = r == -EINVAL ? wireless_move(source_netns, target_netns, index, name) : -ENODEV;
	return wireless == -ENODEV ? r : wireless;
}

/* A device is searched by number: it keeps it, since phys_lend came first into an empty namespace. */
struct search {
	bool is_found, is_virtual;
	struct string_list altnames;
};

static void visit(const struct nlmsghdr *message, void *data)
{
	struct search *search = data;
	const struct ifinfomsg *header = NLMSG_DATA(message);
	if (header->ifi_type == ARPHRD_LOOPBACK)
		return;
	search->is_found = true;
	search->is_virtual = netlink_find(message, sizeof(*header), IFLA_LINKINFO) && !netlink_link_has_kind(message, "wlan");
	(void)altnames_take(message, &search->altnames); /* no memory: some stay */
}

/* search must be empty; its list is the caller's to clear. */
static int find_device(int fd, int index, struct search *search)
{
	int r = netlink_get_link_at(fd, index, visit, search);
	return r < 0 ? r : search->is_found ? 0 : -ENODEV;
}

/* The container may have given it other names, and one that is in use where the device goes would keep it from going. */
static void drop_altnames(int fd, int index, struct search *search)
{
	altnames_change(fd, index, RTM_DELLINKPROP, &search->altnames);
	string_list_clear(&search->altnames);
}

static int take_back(int netns_fd, const struct lent *lent, struct error *err)
{
	struct search search = { 0 };
	auto_close int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return error_set(err, errno, "open the own network namespace");
	auto_close int fd = netlink_open_in(netns_fd);
	int r = fd < 0 ? fd : find_device(fd, lent->index, &search);
	drop_altnames(fd, lent->index, &search);
	if (r == -ENODEV)
		return r;
	r = r ?: move(fd, lent->index, lent->name, netns_fd, own);
	if (r == -EEXIST && move(fd, lent->index, "dev%d", netns_fd, own) == 0)
		return error_set(err, r, "device %s came back with another name, its own is in use", lent->name);
	return r < 0 ? error_set(err, r, "take device %s back from the container", lent->name) : 0;
}

/*
 * The namespace is dead: the kernel gives hardware to the first namespace, under the name that it had inside or as
 * devN, and does away with virtual devices. So a virtual one that has the number here is another one.
 */
static int rename_orphan(int fd, const struct lent *lent)
{
	struct netlink_batch batch = { 0 };
	struct search search = { 0 };
	struct ifinfomsg header = { .ifi_index = lent->index, .ifi_change = IFF_UP };
	int r = find_device(fd, lent->index, &search);
	for (int wait = 0; r == -ENODEV && wait < ORPHAN_WAITS; wait++) { /* the kernel does it some time after the end */
		struct timespec pause = { .tv_nsec = ORPHAN_WAIT_MS * 1000000L };
		(void)nanosleep(&pause, NULL); /* a signal makes it shorter */
		r = find_device(fd, lent->index, &search);
	}
	if (r < 0 || search.is_virtual) {
		string_list_clear(&search.altnames);
		return r < 0 ? r : -ENODEV;
	}
	drop_altnames(fd, lent->index, &search);
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header)); /* a name changes only while it is down */
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	netlink_text(&batch, IFLA_IFNAME, lent->name);
	return netlink_send(fd, &batch, NULL);
}

static int bring_back(const struct lent *lent, int netns_fd, struct error *err)
{
	auto_close int fd = netlink_open();
	if (fd < 0)
		return error_set(err, fd, "open a netlink socket");
	int r = netns_fd >= 0 ? take_back(netns_fd, lent, err) : -ENODEV;
	if (r < 0 && r != -ENODEV)
		return r;
	bool is_here = r == -ENODEV && netlink_ifindex(fd, lent->name) > 0; /* never left, or is back */
	if (r == -ENODEV && !is_here) {
		r = rename_orphan(fd, lent);
		if (r < 0)
			return error_set(err, r, "take device %s back from the container", lent->name);
	}
	if (!is_here || netlink_ifindex(fd, lent->name) == lent->index)
		restore_settings(fd, lent);
	return 0;
}

int phys_undo(const char *argument, int netns_fd, struct error *err)
{
	struct lent lent;
	int r = parse_lent(argument, &lent);
	r = r < 0 ? error_set(err, EINVAL, "read the journal") : bring_back(&lent, netns_fd, err);
	string_list_clear(&lent.altnames);
	return r;
}

/* ---- by hand: lxc-device add and del ---- */

static int move_by_name(int fd, const char *name, const char *new_name, int source_netns, int target_netns,
	struct error *err)
{
	int index = netlink_ifindex(fd, name);
	if (index < 0)
		return error_set(err, index, "interface %s", name);
	int r = move(fd, index, new_name, source_netns, target_netns);
	return r < 0 ? error_set(err, r, "move interface %s%s%s", name, new_name ? " to " : "", new_name ?: "") : 0;
}

int network_attach_interface(int netns_fd, const char *host_name, const char *inside_name, struct error *err)
{
	auto_close int fd = netlink_open();
	if (fd < 0)
		return error_set(err, fd, "open a netlink socket");
	return move_by_name(fd, host_name, inside_name, -1, netns_fd, err);
}

int network_detach_interface(int netns_fd, const char *inside_name, const char *host_name, struct error *err)
{
	auto_close int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return error_set(err, errno, "open the own network namespace");
	auto_close int fd = netlink_open_in(netns_fd);
	if (fd < 0)
		return error_set(err, fd, "enter the container's network");
	return move_by_name(fd, inside_name, host_name, netns_fd, own, err);
}
