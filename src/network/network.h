#pragma once
#include "base/error.h"
#include "base/vector.h"

#include <stdint.h>
#include <sys/types.h>

struct spec;
struct network;

/* How the journal learns what is about to be made: "LINK NAME" or "PHYS NAME INDEX MTU HWADDR". 0 or -errno. */
typedef int (*network_journal)(void *data, const char *kind, const char *argument);

/*
 * Looks at bridges, parents and devices, chooses names. *ret_network is NULL when there is nothing to make (no
 * interface but empty or none). Before the clone; network_configure_inside uses the copy that the clone gave init.
 */
int network_prepare(const struct spec *spec, network_journal journal, void *data, struct network **ret_network,
	struct error *err);

/* Makes the links with their inner ends in the network namespace of init_pid; runs the scripts "up". */
int network_create(struct network *network, pid_t init_pid, struct error *err);

/* In init: names, addresses, routes; lo is up. network may be NULL: only lo. */
int network_configure_inside(const struct spec *spec, struct network *network, struct error *err);

/*
 * Before the release: runs the scripts "down". netns_fd: of the container, or -1 after a start that failed; then
 * devices that were lent come back here, out of the namespace that network_create holds.
 */
void network_down(const struct spec *spec, struct network *network, int netns_fd);
void network_free(struct network *network);

/*
 * Undoes one journal entry. A veth ends with the container's namespace, so only devices that were lent are taken
 * back: under their own name, out of netns_fd, or out of what the kernel made of them when that namespace died.
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
/* Bytes that a host interface has received and sent. -ENODEV. */
int network_link_stats(const char *name, uint64_t *ret_rx, uint64_t *ret_tx);
