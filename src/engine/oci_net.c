/* The addresses of interfaces that move into an OCI container. */
#include "engine/oci_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/netlink.h"
#include "spec/spec.h"

struct search {
	struct spec_link *link;
	unsigned index;
	int result;
};

static int add_address(struct spec_link *link, const struct ifaddrmsg *header, const struct rtattr *value)
{
	char text[INET6_ADDRSTRLEN];
	struct spec_address *address = header->ifa_family == AF_INET ? (struct spec_address *)vector_add(&link->ipv4) :
								     (struct spec_address *)vector_add(&link->ipv6);

	if (!address || !inet_ntop(header->ifa_family, RTA_DATA(value), text, sizeof(text)))
		return -ENOMEM;
	*address = (struct spec_address){ .address = strdup(text), .prefix = header->ifa_prefixlen };
	return address->address ? 0 : -ENOMEM;
}

static void visit(const struct nlmsghdr *message, void *data)
{
	struct search *search = data;
	const struct ifaddrmsg *header = NLMSG_DATA(message);
	bool is_known = header->ifa_family == AF_INET || header->ifa_family == AF_INET6;

	if (header->ifa_index != search->index || !is_known || !(header->ifa_flags & IFA_F_PERMANENT) ||
		header->ifa_scope != RT_SCOPE_UNIVERSE)
		return;
	const struct rtattr *value = netlink_find(message, sizeof(*header), IFA_LOCAL);
	value = value ?: netlink_find(message, sizeof(*header), IFA_ADDRESS);
	if (value && search->result == 0)
		search->result = add_address(search->link, header, value);
}

int oci_net_keep_addresses(struct spec *spec, struct error *err)
{
	auto_close int fd = netlink_open();

	if (fd < 0)
		return error_set(err, fd, "open a netlink socket");
	vector_for_each (link, &spec->network.links) {
		int index = netlink_ifindex(fd, link->link);
		if (index < 0)
			return spec_error(err, index, spec, &link->origin, "interface %s", link->link);
		struct search search = { .link = link, .index = (unsigned)index };
		int r = netlink_dump(fd, RTM_GETADDR, AF_UNSPEC, visit, &search);
		r = r < 0 ? r : search.result;
		if (r < 0)
			return spec_error(err, r, spec, &link->origin, "read the addresses of interface %s", link->link);
	}
	return 0;
}
