#pragma once
#include "base/error.h"
#include "base/vector.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct spec;
struct spec_link;
struct network;

/*
 * How the journal learns what is about to be made. 0 or -errno.
 *   LINK NAME, PHYS NAME INDEX MTU HWADDR ALTNAME..., UPPER PARENT KIND, NIC NAME BRIDGE, OVS NAME BRIDGE,
 *   ROUTE INDEX ADDRESS/PREFIX..., PROXY INDEX ADDRESS/PREFIX..., DHCP LEASE-FILE, FILTER INDEX NAME N HWADDR
 */
typedef int (*network_journal)(void *data, const char *kind, const char *argument);

/*
 * Looks at bridges, parents and devices, chooses names. *ret_network is NULL when there is nothing to make (no
 * interface but empty or none). Before the clone; network_configure_inside uses the copy that the clone gave init.
 * journal is called until network_start_dhcp returns.
 */
int network_prepare(const struct spec *spec, network_journal journal, void *data, struct network **ret_network,
	struct error *err);

/* Makes the links with their inner ends in the network namespace of init_pid, their routes; runs the scripts "up". */
int network_create(struct network *network, pid_t init_pid, struct error *err);

/*
 * Links that criu makes when it restores a container, each pair with the host's name that was chosen here. place: number
 * among those with a side on the host, from 0.
 */
const char *network_host_name(const struct network *network, unsigned place);
int network_rename_inside(struct network *network, unsigned place, const char *name);
bool network_can_adopt(const struct spec_link *link);
/*
 * In the empty network namespace in which criu will make count pairs whose inner ends have these numbers: the kernel gives
 * the outer ends none of them. 0 or -errno.
 */
int network_avoid_indexes(const int *indexes, size_t count);
/* As network_create, of pairs that are there: bridge, up, filter, routes. maker_pid: in its network are the host's ends. */
int network_adopt(struct network *network, pid_t init_pid, pid_t maker_pid, struct error *err);

/* In init: names, addresses, routes; lo is up. network may be NULL: only lo. */
int network_configure_inside(const struct spec *spec, struct network *network, struct error *err);

/*
 * Veths in router mode: the host answers for the gateways. After network_configure_inside: while a veth's other end is
 * down, the kernel drops proxy entries (net/core/neighbour.c, neigh_carrier_down; from 5.16 on not the permanent ones).
 */
int network_proxy_gateways(const struct network *network, struct error *err);

/* Does an interface get its IPv4 address by DHCP from outside? */
bool network_wants_dhcp(const struct spec *spec);
/*
 * Starts a DHCP client for each of these, once init has executed its program. A client lives as long as init, whatever becomes
 * of the supervisor, and writes its lease to run_path/dhcp.N. init_ticks: start time of init.
 */
int network_start_dhcp(const struct network *network, pid_t init_pid, uint64_t init_ticks, const char *run_path, struct error *err);

/*
 * Before the release: runs the scripts "down". netns_fd: of the container, or -1 after a start that failed; then
 * devices that were lent come back here, out of the namespace that network_create holds.
 */
void network_down(const struct spec *spec, struct network *network, int netns_fd);
void network_free(struct network *network);

/*
 * Undoes one journal entry. A veth ends with the container's namespace. Devices that were lent are taken back: under
 * their own name, out of netns_fd, or out of what the kernel made of them when that namespace died. What stands on a
 * parent is removed from netns_fd at once, because the kernel lets no second one have its VLAN or address. Routes and
 * proxies are removed by the number of their device.
 */
int network_undo(const char *kind, const char *argument, int netns_fd, struct error *err);

/* ---- running containers; netns_fd is the container's network namespace ---- */

int network_attach_interface(int netns_fd, const char *host_name, const char *inside_name, struct error *err);
int network_detach_interface(int netns_fd, const char *inside_name, const char *host_name, struct error *err);
/* Names of all interfaces, lo among them. */
int network_interfaces(int netns_fd, struct string_list *ret_names, struct error *err);
/*
 * Addresses without prefix. interface NULL: all but lo; family "inet", "inet6" or NULL; scope is the
 * sin6_scope_id of IPv6 addresses: 0, or an interface's index for its link-local ones.
 */
int network_addresses(int netns_fd, const char *interface, const char *family, int scope,
	struct string_list *ret_addresses, struct error *err);

/* ---- how much it may send and receive, and what it did ---- */

/* Bits per second as the container sees it: egress is what it sends. 0: no limit. */
struct link_rate {
	bool sets_egress, sets_ingress; /* network_set_rate leaves the other one as it is */
	uint64_t egress_bits, ingress_bits;
	uint64_t burst_bytes; /* 0: chosen by the rate */
};
/* Limits the pair of the veth host_name of this namespace; what it was limited to before is replaced without a gap. */
int network_set_rate(const char *host_name, const struct link_rate *rate, struct error *err);

/* An interface of a container. All as the container sees it: tx is what it sent. */
struct link_use {
	char name[16];	    /* inside */
	char host_name[16]; /* of its other end; "": it has none */
	char kind[16];	    /* "veth", "macvlan", ...; "phys": a device without a kind */
	uint64_t tx_bytes, tx_packets, tx_dropped, rx_bytes, rx_packets, rx_dropped;
	uint64_t egress_bits, ingress_bits; /* the limits in force, 0: none */
	struct string_list addresses;	    /* ADDRESS/PREFIX */
	int index, host_index;		    /* 0: no host side */
};
struct link_use_list {
	struct link_use *items;
	size_t count, capacity;
};
struct lent_list {
	int *items;
	size_t count, capacity;
};
/*
 * The interfaces that lead out of the container of netns_fd: those with an end, a parent or hardware on the host, not
 * what was made inside. Their host sides are found by what the kernel says of their ends, so that no name given inside
 * misleads. Counters are the host side's where there is one.
 *
 * lent: numbers of devices that were lent, as the journal has them (PHYS); they have them inside too.
 * totals_only: neither addresses, limits nor what queues drop.
 */
int network_use(int netns_fd, const struct lent_list *lent, bool totals_only, struct link_use_list *ret_list, struct error *err);
void link_use_list_clear(struct link_use_list *list);

/*
 * The filter of venets and of veths with security. An fd that can be read when rules of the host's firewall were deleted,
 * whose ever; -ENOENT: no interface has a filter.
 */
int network_open_filter_events(const struct spec *spec);
/* Makes a filter again if it is away; argument: of its FILTER line. 1: made, 0: it is there, or -errno. */
int network_restore_filter(const struct spec *spec, const char *argument, struct error *err);
/*
 * Gives a venet (filter: the argument of its FILTER line) an address while the container runs, or takes it away.
 * -EADDRINUSE, -EADDRNOTAVAIL: the container does not have it. ret_proxy: argument of the PROXY line that has had its time.
 */
int network_add_address(const struct spec *spec, const char *filter, int netns_fd, network_journal journal, void *data,
	const char *address, struct error *err);
int network_remove_address(const struct spec *spec, const char *filter, int netns_fd, const char *address,
	char *ret_proxy, size_t size, struct error *err);
/* Bytes that a host interface has received and sent. -ENODEV. */
int network_link_stats(const char *name, uint64_t *ret_rx, uint64_t *ret_tx);
