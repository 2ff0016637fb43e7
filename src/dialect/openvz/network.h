#pragma once
#include "dialect/openvz/ct.h"

/* IP_ADDRESS and NETIF. */

/* An address as it is written ("10.0.0.1", "10.0.0.1/24", "fd00::1/64", "::1") in its usual form. -EINVAL: it is none. */
int vz_parse_address(const char *text, char *ret, size_t size, bool *ret_is_ipv6, unsigned *ret_prefix);

struct vz_netif {
	char name[16], mac[18], host_name[16], host_mac[18], bridge[16], mac_filter[4];
};
struct vz_netifs {
	struct vz_netif *items;
	size_t count, capacity;
};
/* NETIF's value. Unknown words are left out. 0 or -EINVAL, -ENOMEM. */
int vz_netif_parse(const char *text, struct vz_netifs *ret);
/* Back, malloc'ed; NULL: no memory. */
char *vz_netif_text(const struct vz_netifs *list);

/* venet0 and the veths as links of spec. */
int vz_network(const struct vz_ct *ct, struct spec *spec);
