#pragma once
#include "spec/spec.h"

#include <net/if.h>

/*
 * What may come in from a container: the netdev table "wabe", one for all containers. For each of their devices it has a
 * base chain at ingress that drops what no rule accepts; the rules are the same for all, what differs stands in sets. So
 * a device or an address more costs the same whatever there is already. docs/network.md says what the rules forbid.
 */

struct filter_device {
	char name[IFNAMSIZ];
	int index;
	bool is_port;	 /* a veth on a bridge (or its like), else venet */
	bool allows_peers; /* venet: traffic with others that allow it, too */
	unsigned char hwaddr[6]; /* is_port: of the inner end */
};

/* binary: 4 or 16 bytes. */
struct filter_address {
	int family;
	unsigned char binary[16];
};

/*
 * Before the device is up. 0, -EEXIST: another container has address number *ret_taken; -EOPNOTSUPP: no nf_tables in this
 * kernel; or another -errno.
 */
int filter_create(const struct filter_device *device, const struct filter_address *addresses, size_t count,
	size_t *ret_taken);
/* Does the device have its place in the table? */
bool filter_is_there(const struct filter_device *device);
int filter_add_address(const struct filter_device *device, const struct filter_address *address); /* -EEXIST as above */
int filter_remove_address(const struct filter_device *device, const struct filter_address *address); /* -ENOENT */
bool filter_has_address(const struct filter_device *device, const struct filter_address *address);
/* All of a device, which may be gone; with the last one the table. What is not there does not matter. */
int filter_remove(int index, const char *name);
