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
	bool is_made;
};

struct network {
	const struct spec *spec;
	struct planned_link *links;
	size_t count;
};

/* Runs the script of a link; direction "up" or "down". */
int run_script(const struct spec *spec, const struct planned_link *link, const char *direction, struct error *err);

const char *link_type_name(uint32_t type);

/* Lends a device: moves it into init's namespace. */
int phys_lend(int fd, const struct network *network, const struct planned_link *link, pid_t init_pid, struct error *err);
