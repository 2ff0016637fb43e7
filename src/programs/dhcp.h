#pragma once
#include "network/dhcp_message.h"

#include <sys/types.h>

/* Shared by the files of wabe-dhcp. All functions: 0 or -errno. */

struct dhcp_sockets {
	int packet_fd;	/* to all, and what comes in */
	int udp_fd;	/* to a server, by the routes of the container; takes nothing in */
	int netlink_fd; /* of the container's network namespace */
	int index;	/* of the interface */
};

/* In the container's network namespace. Fills hwaddr; brings the interface up. On failure nothing stays open. */
int dhcp_sockets_open(const char *interface, struct dhcp_sockets *ret, unsigned char ret_hwaddr[6]);
int dhcp_send_to_all(const struct dhcp_sockets *sockets, const unsigned char *packet, size_t length);
int dhcp_send_to_server(const struct dhcp_sockets *sockets, struct in_addr server, const unsigned char *message, size_t length);
/* Takes one packet out. How many bytes, or -errno; -EAGAIN: there is none. */
ssize_t dhcp_receive(const struct dhcp_sockets *sockets, unsigned char *packet, size_t size, bool *ret_has_checksum);

/*
 * The interface gets what lease says, instead of what old said (address 0: nothing). lease NULL: it loses that.
 * metric 0: no routes.
 */
int dhcp_configure(const struct dhcp_sockets *sockets, const struct dhcp_lease *lease, const struct dhcp_lease *old,
	uint32_t metric);

/* Joins the namespaces of init's network. ret_is_root: in a user namespace, whose root dhcp_shed_rights is to become. */
int dhcp_join(pid_t init_pid, bool *ret_is_root);
/* What is left: CAP_NET_ADMIN over that namespace, and the system calls of the loop; no file can be opened. */
int dhcp_shed_rights(bool is_root);
