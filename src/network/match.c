/* Which interfaces there are to make: "NAME+" stands for all devices of the host whose names begin with NAME. */
#include "base/cleanup.h"
#include "base/text.h"
#include "network/internal.h"

#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

bool is_planned(const struct spec_link *link)
{
	return link->type > LINK_EMPTY || (link->type == LINK_EMPTY && (link->script_up || link->script_down));
}

struct match {
	const char *pattern;
	struct string_list names;
	int failed;
};

static void visit(const struct nlmsghdr *message, void *data)
{
	struct match *match = data;
	const struct ifinfomsg *header = NLMSG_DATA(message);
	const struct rtattr *name = netlink_find(message, sizeof(*header), IFLA_IFNAME);
	if (name && header->ifi_type != ARPHRD_LOOPBACK &&
		strncmp(RTA_DATA(name), match->pattern, strlen(match->pattern) - 1) == 0 &&
		string_list_add(&match->names, RTA_DATA(name)) < 0)
		match->failed = -ENOMEM;
}

/* A device may have a name that ends so, too. */
static bool is_pattern(int fd, const struct spec_link *link)
{
	return link->type == LINK_PHYS && link->link && text_ends(link->link, "+") && netlink_ifindex(fd, link->link) < 0;
}

static int add_wanted(struct network *network, const struct spec_link *link)
{
	const struct spec_link **place = vector_add(&network->wanted);
	if (!place)
		return -ENOMEM;
	*place = link;
	return 0;
}

static int add_match(struct network *network, const struct spec_link *link, const char *name, bool is_first)
{
	struct spec_link **place = vector_add(&network->matched);
	if (!place || !(*place = malloc(sizeof(**place))))
		return -ENOMEM;
	const struct spec_link plain = { .index = link->index, .type = link->type, .up = link->up, .origin = link->origin };
	**place = is_first ? *link : plain;
	(*place)->link = strdup(name);
	return (*place)->link ? add_wanted(network, *place) : -ENOMEM;
}

static int add_matches(int fd, struct network *network, const struct spec_link *link, struct error *err)
{
	struct match match = { .pattern = link->link };
	int r = netlink_dump(fd, RTM_GETLINK, AF_PACKET, visit, &match) ?: match.failed;
	string_list_sort(&match.names);
	for (size_t i = 0; r == 0 && i < match.names.count; i++)
		r = add_match(network, link, match.names.items[i], i == 0);
	bool is_none = match.names.count == 0;
	string_list_clear(&match.names);
	if (r < 0)
		return link_error(err, r, network->spec, link, "link", "look for the devices %s", link->link);
	if (!is_none)
		return 0;
	r = link_error(err, 0, network->spec, link, "link", "the host has no device %s", link->link);
	if (err)
		err->kind = ERROR_NOT_FOUND;
	return r;
}

int match_links(int fd, struct network *network, struct error *err)
{
	vector_for_each (link, &network->spec->network.links) {
		int r = 0;
		if (is_pattern(fd, link))
			r = add_matches(fd, network, link, err);
		else if (is_planned(link) && add_wanted(network, link) < 0)
			r = error_set(err, ENOMEM, "gather the interfaces");
		if (r < 0)
			return r;
	}
	return 0;
}

void match_clear(struct network *network)
{
	vector_for_each (link, &network->matched) {
		if (*link)
			free((*link)->link);
		free(*link);
	}
	free(network->matched.items);
	free(network->wanted.items);
}
