/* The way back: what each word of the journal asks for. */
#include "network/internal.h"

#include <string.h>

static const struct {
	const char *kind;
	int (*run)(const char *argument, int netns_fd, struct error *err);
} undos[] = {
	{ "PHYS", phys_undo },
	{ "UPPER", upper_undo },
	{ "ROUTE", route_undo },
	{ "PROXY", proxy_undo },
	{ "NIC", helper_undo },
	{ "OVS", ovs_undo },
	{ "DHCP", dhcp_undo },
	{ "FILTER", filter_undo },
};

int network_undo(const char *kind, const char *argument, int netns_fd, struct error *err)
{
	for (size_t i = 0; i < sizeof(undos) / sizeof(*undos); i++)
		if (strcmp(kind, undos[i].kind) == 0)
			return undos[i].run(argument, netns_fd, err);
	return 0; /* a veth */
}
