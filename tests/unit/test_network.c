/* The messages that make interfaces and routes, and broken lines of a journal. Nothing is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "network/entry.h"
#include "network/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>

/* The attribute of this type among those in data. */
static const struct rtattr *find_in(const struct rtattr *outer, uint16_t type)
{
	int left = (int)RTA_PAYLOAD(outer);
	for (const struct rtattr *one = RTA_DATA(outer); RTA_OK(one, left); one = RTA_NEXT(one, left))
		if (one->rta_type == type)
			return one;
	return NULL;
}

/* Ends the message as netlink_send would do. */
static const struct nlmsghdr *only_message(struct netlink_batch *batch)
{
	struct nlmsghdr *message = (void *)batch->data;
	assert_int_equal(batch->count, 1);
	assert_false(batch->is_broken);
	message->nlmsg_len = (uint32_t)batch->length;
	return message;
}

static uint16_t value16(const struct rtattr *data, uint16_t type)
{
	uint16_t value;
	const struct rtattr *attribute = find_in(data, type);
	assert_non_null(attribute);
	assert_int_equal(RTA_PAYLOAD(attribute), sizeof(value));
	memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}

/* Makes the message for an interface of this spec, and returns its part that depends on the kind. */
static const struct rtattr *make_upper(struct netlink_batch *batch, const struct spec_link *spec, const char *kind)
{
	struct planned_link link = { .spec = spec, .inside_name = "eth0", .parent_index = 7 };
	add_upper(batch, &link, 1);
	const struct nlmsghdr *message = only_message(batch);
	const struct rtattr *parent = netlink_find(message, sizeof(struct ifinfomsg), IFLA_LINK);
	const struct rtattr *info = netlink_find(message, sizeof(struct ifinfomsg), IFLA_LINKINFO);
	assert_non_null(parent);
	assert_int_equal(*(const int *)RTA_DATA(parent), 7);
	assert_non_null(info);
	assert_true(netlink_link_has_kind(message, kind));
	assert_false(netlink_link_has_kind(message, "veth"));
	const struct rtattr *data = find_in(info, IFLA_INFO_DATA);
	assert_non_null(data);
	return data;
}

static void test_vlan_has_its_number(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };
	char id[] = "4094";
	struct spec_link spec = { .type = LINK_VLAN, .vlan_id = id };

	const struct rtattr *data = make_upper(&batch, &spec, "vlan");

	assert_int_equal(value16(data, IFLA_VLAN_ID), 4094);
	netlink_clear(&batch);
	spec.vlan_id = NULL;
	data = make_upper(&batch, &spec, "vlan");
	assert_int_equal(value16(data, IFLA_VLAN_ID), 0); /* as in LXC */
	netlink_clear(&batch);
}

static void test_ipvlan_has_mode_and_isolation(void **state)
{
	static const struct {
		const char *mode, *isolation;
		uint16_t mode_value, flags;
	} cases[] = {
		{ NULL, NULL, IPVLAN_MODE_L3, 0 },
		{ "l3", "bridge", IPVLAN_MODE_L3, 0 },
		{ "l3s", "private", IPVLAN_MODE_L3S, IPVLAN_F_PRIVATE },
		{ "l2", "vepa", IPVLAN_MODE_L2, IPVLAN_F_VEPA },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct netlink_batch batch = { 0 };
		struct spec_link spec = { .type = LINK_IPVLAN, .ipvlan_mode = (char *)cases[i].mode,
			.ipvlan_isolation = (char *)cases[i].isolation };

		const struct rtattr *data = make_upper(&batch, &spec, "ipvlan");

		assert_int_equal(value16(data, IFLA_IPVLAN_MODE), cases[i].mode_value);
		assert_int_equal(value16(data, IFLA_IPVLAN_FLAGS), cases[i].flags);
		netlink_clear(&batch);
	}
}

static void test_route_to_a_device_has_scope_link(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };
	struct in_addr address = { htonl(0xc0000200) };

	put_route(&batch, RTM_NEWROUTE, 7, AF_INET, &address, 24, NULL);

	const struct nlmsghdr *message = only_message(&batch);
	const struct rtmsg *header = NLMSG_DATA(message);
	const struct rtattr *destination = netlink_find(message, sizeof(*header), RTA_DST);
	assert_true(message->nlmsg_flags & NLM_F_EXCL);
	assert_int_equal(header->rtm_dst_len, 24);
	assert_int_equal(header->rtm_scope, RT_SCOPE_LINK);
	assert_non_null(destination);
	assert_int_equal(RTA_PAYLOAD(destination), sizeof(address));
	assert_memory_equal(RTA_DATA(destination), &address, sizeof(address));
	assert_null(netlink_find(message, sizeof(*header), RTA_GATEWAY));
	assert_int_equal(*(const int *)RTA_DATA(netlink_find(message, sizeof(*header), RTA_OIF)), 7);
	netlink_clear(&batch);
}

static int keep_line(void *data, const char *kind, const char *argument)
{
	auto_free char *line = NULL;
	return text_format(&line, "%s %s", kind, argument) ?: string_list_add(data, line);
}

static void test_routes_are_in_the_journal_by_the_line(void **state)
{
	struct string_list lines = { 0 };
	struct network network = { .journal = keep_line, .journal_data = &lines };
	struct entry_list list = { 0 };
	const struct entry *failed;
	char text[32];
	(void)state;
	assert_int_equal(entry_list_add(&list, false, 7, "10.0.0.9/24", "a"), 0);
	assert_int_equal(entry_list_add(&list, false, 7, "10.0.0.1/24", "b"), 0); /* the same network */
	assert_int_equal(entry_list_add(&list, false, 7, "fd00::1", "c"), 0);
	assert_int_equal(entry_list_add(&list, true, 8, "fd00::1", "d"), 0);
	assert_int_equal(entry_list_add(&list, true, 8, "fd00::1/200", "e"), -EINVAL);
	assert_int_equal(list.count, 3);
	for (int i = 0; i < 300; i++) {
		(void)snprintf(text, sizeof(text), "10.1.%d.%d", i / 256, i % 256);
		assert_int_equal(entry_list_add(&list, true, 8, text, "f"), 0);
	}

	assert_int_equal(entry_list_make(-1, &network, &list, &failed), -EBADF);

	assert_null(failed);
	assert_string_equal(lines.items[0], "ROUTE 7 10.0.0.0/24 fd00::1/128");
	assert_true(text_starts(lines.items[1], "PROXY 8 fd00::1/128 10.1.0.0/32 10.1.0.1/32 "));
	assert_int_equal(lines.count, 3);
	for (size_t i = 0; i < lines.count; i++)
		assert_true(strlen(lines.items[i]) < 4000);
	assert_true(text_starts(lines.items[2], "PROXY 8 10.1."));
	assert_true(text_ends(lines.items[2], " 10.1.1.43/32"));
	entry_list_clear(&list);
	string_list_clear(&lines);
}

static void test_altnames_of_a_message(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = 7 };
	struct string_list names = { 0 };
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	size_t list = netlink_begin(&batch, IFLA_PROP_LIST | NLA_F_NESTED, NULL, 0);
	netlink_text(&batch, IFLA_ALT_IFNAME, "a-name-longer-than-sixteen-characters");
	netlink_text(&batch, IFLA_ALT_IFNAME, "with a blank"); /* does not fit into a line of words */
	netlink_text(&batch, IFLA_ALT_IFNAME, "nic9");
	netlink_end(&batch, list);

	assert_int_equal(altnames_take(only_message(&batch), &names), 0);

	assert_int_equal(names.count, 2);
	assert_string_equal(names.items[0], "a-name-longer-than-sixteen-characters");
	assert_string_equal(names.items[1], "nic9");
	string_list_clear(&names);
	netlink_clear(&batch);
}

static void test_broken_line_of_a_journal_is_refused(void **state)
{
	static const char *const bad[][2] = { { "ROUTE", "" }, { "ROUTE", "3" }, { "ROUTE", "x 10.0.0.1/32" },
		{ "ROUTE", "3 10.0.0.1/33" }, { "PROXY", "3 10.0.0" }, { "PROXY", "3 fd00::1/129" }, { "UPPER", "3" },
		{ "PHYS", "eth0" },
		{ "PHYS", "a-name-that-is-too-long 3" }, { "ROUTE", "3 10.0.0.1/32 x" }, { "OVS", "veth0" } };
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error err;
		assert_int_equal(network_undo(bad[i][0], bad[i][1], -1, &err), -EINVAL);
		assert_string_equal(err.what, "read the journal");
	}
	assert_int_equal(network_undo("UPPER", "3 vlan", -1, NULL), 0); /* gone with its namespace */
	assert_int_equal(network_undo("LINK", "veth0", -1, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vlan_has_its_number),
		cmocka_unit_test(test_ipvlan_has_mode_and_isolation),
		cmocka_unit_test(test_route_to_a_device_has_scope_link),
		cmocka_unit_test(test_routes_are_in_the_journal_by_the_line),
		cmocka_unit_test(test_altnames_of_a_message),
		cmocka_unit_test(test_broken_line_of_a_journal_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
