/*
 * Ports of bridges of Open vSwitch. What is a port of them is told by their database, which ovs-vsctl(8) talks to; it
 * is run for such bridges alone. A record of the database outlives the device, so it is in the journal.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "network/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX 1024

static void take_kind(const struct nlmsghdr *message, void *data)
{
	/* "tun": the switch's own packet path in user space */
	*(bool *)data = netlink_link_has_kind(message, "openvswitch") || netlink_link_has_kind(message, "tun");
}

bool ovs_is_bridge(int fd, const char *name)
{
	bool is_ovs = false;
	return netlink_get_link(fd, name, take_kind, &is_ovs) == 0 && is_ovs;
}

/* The port's columns: ovs-vswitchd.conf.db(5), table Port. Without any it carries all VLANs, and frames without one. */
static int add_vlans(const struct spec_link *link, struct string_list *words)
{
	const struct string_list *tagged = &link->vlan_tagged;
	bool has_untagged = link->vlan_id && strcmp(link->vlan_id, "none") != 0;
	auto_free char *tag = NULL;
	int r = 0;
	if (!link->vlan_id && tagged->count == 0)
		return 0;
	if (has_untagged)
		r = text_format(&tag, "tag=%s", link->vlan_id) ?: string_list_add(words, tag);
	r = r ?: string_list_add(words, !has_untagged ? "vlan_mode=trunk" : tagged->count ? "vlan_mode=native-untagged" :
											     "vlan_mode=access");
	auto_free char *trunks = NULL;
	r = r ?: text_format(&trunks, "trunks=%s", !link->vlan_id ? "0," : "");
	for (size_t i = 0; r == 0 && i < tagged->count; i++) {
		char *longer;
		r = text_format(&longer, "%s%s%s", trunks, i ? "," : "", tagged->items[i]);
		if (r < 0)
			break;
		free(trunks);
		trunks = longer;
	}
	if (r == 0 && tagged->count > 0)
		r = string_list_add(words, trunks);
	else if (r == 0 && !has_untagged)
		r = string_list_add(words, "trunks=4095"); /* "none" and no other: a VLAN that nobody can be in */
	return r;
}

/* One transaction; a record that an earlier end of the machine left under this name makes way. */
static int fill_arguments(const struct planned_link *link, struct string_list *words)
{
	const char *const fixed[] = { "ovs-vsctl", "--timeout=10", "--", "--if-exists", "del-port", link->host_name, "--",
		"add-port", link->spec->link, link->host_name };
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(fixed) / sizeof(*fixed); i++)
		r = string_list_add(words, fixed[i]);
	r = r ?: add_vlans(link->spec, words);
	return r ?: vector_add(words) ? 0 : -ENOMEM;
}

int ovs_add_port(const struct network *network, const struct planned_link *link, struct error *err)
{
	struct string_list words = { 0 };
	char answer[ANSWER_MAX] = "", entry[2 * IFNAMSIZ + 2];
	(void)snprintf(entry, sizeof(entry), "%s %s", link->host_name, link->spec->link);
	int r = network->journal(network->journal_data, "OVS", entry);
	r = r ?: fill_arguments(link, &words);
	r = r ?: helper_run(words.items, answer, sizeof(answer));
	string_list_clear(&words);
	if (r == 0)
		return 0;
	if (r == -EPERM)
		return link_error(err, 0, network->spec, link->spec, "link", "make %s a port of %s: %s", link->host_name,
			link->spec->link, answer);
	r = link_error(err, r, network->spec, link->spec, "link", "run ovs-vsctl to make %s a port of %s", link->host_name,
		link->spec->link);
	return error_hint(err, "install Open vSwitch, %s looks like one of its bridges", link->spec->link) ?: r;
}

int ovs_undo(const char *argument, int netns_fd, struct error *err)
{
	char port[IFNAMSIZ], bridge[IFNAMSIZ], answer[ANSWER_MAX] = "";
	(void)netns_fd;
	if (sscanf(argument, "%15s %15s", port, bridge) != 2)
		return error_set(err, EINVAL, "read the journal");
	char *argv[] = { (char *)"ovs-vsctl", (char *)"--timeout=10", (char *)"--if-exists", (char *)"del-port", bridge, port, NULL };
	int r = helper_run(argv, answer, sizeof(answer));
	return r < 0 ? error_set(err, r == -EPERM ? 0 : r, "remove port %s from bridge %s: %s", port, bridge, answer) : 0;
}
