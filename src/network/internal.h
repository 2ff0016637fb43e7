#pragma once
#include "kernel/netlink.h"
#include "network/network.h"
#include "spec/spec.h"

#include <net/if.h>

/* Shared by the files of this folder; not for others. */

/* One interface of the container. */
struct planned_link {
	const struct spec_link *spec;
	char host_name[IFNAMSIZ];   /* veth: host side; phys: the device; else the parent */
	char inside_name[IFNAMSIZ];
	char gateway4[16], gateway6[46]; /* "auto" is replaced by the address; "" none, "dev" */
	int parent_index;	     /* bridge or parent, 0: none */
	uint32_t mtu;		     /* 0: as the kernel makes it */
	char journal_text[64];	     /* phys: what network_undo needs */
	bool is_made;
};

struct network {
	const struct spec *spec;
	struct planned_link *links;
	size_t count;
	int netns_fd; /* the container's, while it has lent devices; else -1 */
};

/* Runs the script of a link; direction "up" or "down". */
int run_script(const struct spec *spec, const struct planned_link *link, const char *direction, struct error *err);

const char *link_type_name(uint32_t type);

bool parse_hwaddr(const char *text, unsigned char ret_address[6]);
/* Name, namespace, MTU and hardware address that a link has inside, for the message that makes or moves it. */
void put_common(struct netlink_batch *batch, const struct planned_link *link, pid_t init_pid);

/* What the journal keeps of a device that is to be lent: "NAME INDEX MTU HWADDR", "-" for what stays as it is. */
int phys_describe(int fd, const struct planned_link *link, char *buffer, size_t size);
/* Lends a device: moves it into init's namespace. */
int phys_lend(int fd, const struct network *network, const struct planned_link *link, pid_t init_pid, struct error *err);

/*
 * Makes way for a new pair: deletes the veth of this name if its other end is in a namespace that has ended.
 * 0: the name is free; -EEXIST: somebody else's, it stays.
 */
int remove_dead_pair(int fd, const char *name);
