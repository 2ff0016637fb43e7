/* Devices that are lent to a container and must come back, whatever happens to it. */
#include "base/cleanup.h"
#include "base/text.h"
#include "network/internal.h"

#include <fcntl.h>
#include <string.h>

static void set_flags(struct netlink_batch *batch, int index, bool up)
{
	struct ifinfomsg header = { .ifi_index = index, .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP };
	netlink_message(batch, RTM_NEWLINK, 0, &header, sizeof(header));
}

static void rename_link(struct netlink_batch *batch, int index, const char *name)
{
	struct ifinfomsg header = { .ifi_index = index };
	netlink_message(batch, RTM_NEWLINK, 0, &header, sizeof(header));
	netlink_text(batch, IFLA_IFNAME, name);
}

int phys_lend(int fd, const struct network *network, const struct planned_link *link, pid_t init_pid, struct error *err)
{
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = link->parent_index };
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	netlink_u32(&batch, IFLA_NET_NS_PID, (uint32_t)init_pid);
	int r = netlink_send(fd, &batch, NULL);
	return r < 0 ? spec_error(err, r, network->spec, &link->spec->origin, "move device %s into the container",
			       link->host_name) :
		       0;
}

/* Looks for a device by number, then by the name it had. */
struct search {
	int index;
	const char *name;
	int found;
	char found_name[IFNAMSIZ];
};

static void visit(const struct nlmsghdr *message, void *data)
{
	struct search *search = data;
	const struct ifinfomsg *header = NLMSG_DATA(message);
	const struct rtattr *name = netlink_find(message, sizeof(*header), IFLA_IFNAME);
	if (!name || header->ifi_type == 772 /* ARPHRD_LOOPBACK */)
		return;
	bool is_it = header->ifi_index == search->index;
	if (is_it || (search->found == 0 && strcmp(RTA_DATA(name), search->name) == 0)) {
		search->found = header->ifi_index;
		(void)snprintf(search->found_name, IFNAMSIZ, "%s", (const char *)RTA_DATA(name));
	}
}

/* Down (a name changes only so), back under its own name. */
static int take_back(int fd, const char *name, const struct search *search)
{
	struct netlink_batch batch = { 0 };
	auto_close int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return -errno;
	struct ifinfomsg header = { .ifi_index = search->found };
	set_flags(&batch, search->found, false);
	if (strcmp(search->found_name, name) != 0)
		rename_link(&batch, search->found, name);
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	netlink_u32(&batch, IFLA_NET_NS_FD, (uint32_t)own);
	return netlink_send(fd, &batch, NULL);
}

/* The namespace is dead already: the kernel gave the device to the first one, under the name it had inside. */
static int rename_orphan(const char *name, int index)
{
	struct netlink_batch batch = { 0 };
	auto_close int fd = netlink_open();
	struct search search = { .index = index, .name = name };
	if (fd < 0)
		return fd;
	if (netlink_ifindex(fd, name) > 0)
		return 0;
	int r = netlink_dump(fd, RTM_GETLINK, AF_PACKET, visit, &search);
	if (r < 0 || search.found == 0)
		return r < 0 ? r : -ENODEV;
	set_flags(&batch, search.found, false);
	rename_link(&batch, search.found, name);
	return netlink_send(fd, &batch, NULL);
}

int network_undo(const char *kind, const char *argument, int netns_fd, struct error *err)
{
	char name[IFNAMSIZ] = "";
	struct search search = { .name = name };
	if (strcmp(kind, "PHYS") != 0)
		return 0;
	if (sscanf(argument, "%15s %d", name, &search.index) != 2)
		return error_set(err, EINVAL, "read the journal");
	auto_close int own_fd = netlink_open();
	if (own_fd >= 0 && netlink_ifindex(own_fd, name) > 0)
		return 0; /* never left */
	auto_close int fd = netns_fd >= 0 ? netlink_open_in(netns_fd) : -1;
	int r = fd >= 0 ? netlink_dump(fd, RTM_GETLINK, AF_PACKET, visit, &search) : 0;
	if (r == 0 && search.found)
		r = take_back(fd, name, &search);
	else if (r == 0)
		r = rename_orphan(name, search.index);
	return r < 0 ? error_set(err, r, "take device %s back from the container", name) : 0;
}

/* ---- by hand: lxc-device add and del ---- */

static int move(int fd, const char *name, const char *new_name, int target_netns, struct error *err)
{
	struct netlink_batch batch = { 0 };
	int index = netlink_ifindex(fd, name);
	if (index < 0)
		return error_set(err, index, "interface %s", name);
	struct ifinfomsg header = { .ifi_index = index };
	set_flags(&batch, index, false);
	if (new_name && strcmp(new_name, name) != 0)
		rename_link(&batch, index, new_name);
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	netlink_u32(&batch, IFLA_NET_NS_FD, (uint32_t)target_netns);
	int r = netlink_send(fd, &batch, NULL);
	return r < 0 ? error_set(err, r, "move interface %s", name) : 0;
}

int network_attach_interface(int netns_fd, const char *host_name, const char *inside_name, struct error *err)
{
	auto_close int fd = netlink_open();
	return fd < 0 ? error_set(err, fd, "open a netlink socket") : move(fd, host_name, inside_name, netns_fd, err);
}

int network_detach_interface(int netns_fd, const char *inside_name, const char *host_name, struct error *err)
{
	auto_close int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	auto_close int fd = netlink_open_in(netns_fd);
	if (own < 0 || fd < 0)
		return error_set(err, fd < 0 ? fd : errno, "enter the container's network");
	return move(fd, inside_name, host_name, own, err);
}
