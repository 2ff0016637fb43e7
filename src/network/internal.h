#pragma once
#include "kernel/netlink.h"
#include "network/network.h"
#include "spec/spec.h"

#include <net/if.h>

/* Shared by the files of this folder; not for others. */

struct filter_address;

/* One interface of the container. */
struct planned_link {
	const struct spec_link *spec;
	char host_name[IFNAMSIZ];   /* veth: host side; phys: the device; else the parent */
	char inside_name[IFNAMSIZ];
	char gateway4[16], gateway6[46]; /* "auto" is replaced by the address; "" none, "dev" */
	int parent_index;	     /* bridge or parent, 0: none */
	uint32_t mtu;		     /* 0: as the kernel makes it */
	const char *journal_kind;    /* of what the end of the namespace does not undo, or not soon enough; NULL: none */
	char *journal_text;	     /* what network_undo needs; owned */
	bool has_hwaddr;
	unsigned char hwaddr[6];     /* of the inner end, where it is configured or a filter has to know it */
	int uplinks[2];		     /* venet, IPv4 and IPv6: on which device the host answers for the addresses; 0: none */
	uint16_t default_vlan;	     /* of the bridge, for a port with VLANs of its own; 0: none */
	bool is_by_helper;	     /* the user may not make it, lxc-user-nic does */
	bool is_on_ovs;		     /* the bridge is one of Open vSwitch */
	bool is_made;
};

struct network {
	const struct spec *spec;
	VECTOR(const struct spec_link *) wanted; /* what there is to make; borrowed */
	VECTOR(struct spec_link *) matched;	 /* those of wanted that stand for a "NAME+"; owned, and the name in link */
	struct planned_link *links;
	size_t count;
	int netns_fd; /* the container's, while one of its links has a journal_kind; else -1 */
	network_journal journal;
	void *journal_data;
};

/* The scripts of all links that are up now, in their order. */
int run_up_scripts(const struct network *network, struct error *err);

const char *link_type_name(uint32_t type);

/* spec_error at KEY of the link (lxc.net.N.KEY); the line is that of its type. */
int link_error(struct error *err, int errnum, const struct spec *spec, const struct spec_link *link, const char *key,
	const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Is there something to do for it? Of an empty one only the scripts are run. */
bool is_planned(const struct spec_link *link);
/*
 * Fills wanted with the links of the spec for which there is something to do. "NAME+" of type phys becomes one for each
 * device whose name begins so: the first has what the configuration says, the others keep what they are.
 */
int match_links(int fd, struct network *network, struct error *err);
void match_clear(struct network *network);

bool parse_hwaddr(const char *text, unsigned char ret_address[6]);
/* Name, MTU and hardware address that a link has inside; put_common: its namespace too, when it is made or moved. */
void put_inside(struct netlink_batch *batch, const struct planned_link *link);
void put_common(struct netlink_batch *batch, const struct planned_link *link, pid_t init_pid);

/*
 * What the journal keeps of a device that is to be lent: "NAME INDEX MTU HWADDR [ALTNAME...]", "-" for what stays as it
 * is. Sets host_name to the device's name, where the user wrote one of its other names.
 */
int phys_describe(int fd, struct planned_link *link, char **ret_text);

/* IFLA_AF_SPEC of a venet: no link-local address by itself. */
void put_no_addresses(struct netlink_batch *batch);
/* Lends a device: moves it into init's namespace. */
int phys_lend(int fd, const struct network *network, const struct planned_link *link, pid_t init_pid, struct error *err);

/*
 * Makes way for a new pair: deletes the veth of this name if its other end is in a namespace that has ended.
 * 0: the name is free; -EEXIST: somebody else's, it stays.
 */
int remove_dead_pair(int fd, const char *name);

/* ---- macvlan, ipvlan, vlan: links on top of a parent ---- */

/* The message that makes it, in init's namespace. */
void add_upper(struct netlink_batch *batch, const struct planned_link *link, pid_t init_pid);
/* What the journal keeps of it: "PARENT KIND". */
int upper_describe(const struct planned_link *link, char **ret_text);
int upper_undo(const char *argument, int netns_fd, struct error *err);

/* ---- the other names of a device (altnames, Linux 5.5) ---- */

/* Adds those that the RTM_NEWLINK message has to the list; but none that a line of the journal can not hold. 0, -ENOMEM. */
int altnames_take(const struct nlmsghdr *message, struct string_list *ret_names);
/* type RTM_NEWLINKPROP or RTM_DELLINKPROP; a name that is there already, or gone, is as good. */
void altnames_change(int fd, int index, uint16_t type, const struct string_list *names);

/* ---- bridges of Open vSwitch ---- */

/* Is the device the local port of such a bridge? */
bool ovs_is_bridge(int fd, const char *name);
/* The port that the host's end of a new veth is, with its VLANs; it is in the journal first. */
int ovs_add_port(const struct network *network, const struct planned_link *link, struct error *err);
int ovs_undo(const char *argument, int netns_fd, struct error *err);

/* ---- veths of an ordinary user ---- */

/* Runs a program. answer: its line of standard output, or of standard error when it fails (-EPERM). 0 or -errno. */
int helper_run(char *const *argv, char *answer, size_t size);

/* Has it made and fills host_name; its journal entry is written here. */
int helper_create(const struct network *network, struct planned_link *link, pid_t init_pid, struct error *err);
int helper_undo(const char *argument, int netns_fd, struct error *err);

/* ---- DHCP ---- */

/* Ends the client that holds this file, and removes it. */
int dhcp_undo(const char *argument, int netns_fd, struct error *err);

/* ---- venet, and the filter of a veth ---- */

/* Finds the uplinks, looks at their sysctls, chooses a hardware address. */
int venet_prepare(int fd, const struct spec *spec, struct planned_link *link, struct error *err);
/* The pair, its filter before it is up, routes and proxies on the host. */
int venet_create(int fd, const struct network *network, struct planned_link *link, pid_t init_pid, struct error *err);
int venet_find_uplink(int fd, int family);
/* The filter of a veth that was made down. */
int secure_create(int fd, const struct network *network, const struct planned_link *link, struct error *err);
/* The addresses of the configuration as the filter has them; a port's link-local one, too. Their number, or -errno. */
int filter_collect(const struct spec_link *link, const unsigned char hwaddr[6], struct filter_address **ret_addresses);
int filter_undo(const char *argument, int netns_fd, struct error *err);

/* ---- VLANs of a bridge port ---- */

/* Looks whether the bridge can have them, and what it gives to a port by itself. */
int bridge_vlan_check(int fd, const struct spec *spec, struct planned_link *link, struct error *err);
int bridge_vlan_set(int fd, const struct spec *spec, const struct planned_link *link, struct error *err);

/* ---- the host's routes and neighbour proxies ---- */

/*
 * One message for a route. destination: 4 or 16 bytes, NULL: default; gateway NULL: the device alone.
 * type RTM_NEWROUTE or RTM_DELROUTE.
 */
void put_route(struct netlink_batch *batch, uint16_t type, int index, int family, const void *destination,
	uint32_t prefix, const void *gateway);

/* A sysctl of the administrator's that has to be on: net.FAMILY.conf.DEVICE.NAME, because of VALUE at lxc.net.N.KEY. */
struct sysctl_wish {
	const char *key, *value, *family, *device, *name;
};
int sysctl_check(const struct spec *spec, const struct spec_link *link, const struct sysctl_wish *wish, struct error *err);
/* Are the sysctls set that l2proxy depends on? */
int proxy_check(const struct spec *spec, const struct spec_link *link, struct error *err);
/* The host answers for address (as text) on the device of this number; in the journal first, unless it does already. */
int host_add_proxy(int fd, const struct network *network, int index, const char *address);
int host_remove_proxy(int fd, int index, const char *address); /* -ENOENT */
/* What the journal has of it. */
void host_print_proxy(int index, const char *address, char *buffer, size_t size);
/* The routes and proxies that a link has on the host; each goes into the journal first. */
int host_create(int fd, const struct network *network, const struct planned_link *link, struct error *err);
int route_undo(const char *argument, int netns_fd, struct error *err);
int proxy_undo(const char *argument, int netns_fd, struct error *err);

/*
 * Moves the radio (wiphy) that a wireless device belongs to, which is how such a device changes its namespace, out of
 * source_netns (-1: the own) into target_netns, and gives the device its name there (NULL: what the kernel chooses).
 * -ENODEV: it has none, or the kernel has no wireless devices.
 */
int wireless_move(int source_netns, int target_netns, int index, const char *name);

/* ---- rates ---- */

/* Limits what a link of the container sends and receives, as its rate keys say. Ends with the link: no journal. */
int rate_create(int fd, const struct network *network, const struct planned_link *link, struct error *err);
/* Adds the limits in force, and what they dropped, to the entries that have a host side.. */
int rate_read(int fd, struct link_use_list *list);

/* OVS port or VLANs, rate, filter, routes: of a veth that make_one or adopt has made. */
int finish_veth(int fd, const struct network *network, const struct planned_link *link, struct error *err);
/* Filter, routes, proxies: of a venet's pair, host side index. */
int venet_finish(int fd, const struct network *network, const struct planned_link *link, int index, struct error *err);

int phys_undo(const char *argument, int netns_fd, struct error *err);
