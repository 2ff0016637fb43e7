/* Messages for rtnetlink, byte by byte, and the kernel's answers to them (asked of the own namespace, nothing is changed). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

static void test_batch_has_messages_one_after_another(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = 7 };

	netlink_message(&batch, RTM_NEWLINK, NLM_F_CREATE, &header, sizeof(header));
	netlink_text(&batch, IFLA_IFNAME, "abc");
	netlink_u32(&batch, IFLA_MTU, 1400);
	netlink_message(&batch, RTM_DELLINK, 0, &header, sizeof(header));

	const struct nlmsghdr *first = (const void *)batch.data;
	assert_int_equal(batch.count, 2);
	assert_int_equal(first->nlmsg_len, 16 + sizeof(header) + 8 + 8);
	assert_int_equal(first->nlmsg_type, RTM_NEWLINK);
	assert_int_equal(first->nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE);
	assert_int_equal(first->nlmsg_seq, 1);
	const struct nlmsghdr *second = (const void *)(batch.data + first->nlmsg_len);
	assert_int_equal(second->nlmsg_type, RTM_DELLINK);
	assert_int_equal(second->nlmsg_seq, 2);
	assert_int_equal(batch.length, first->nlmsg_len + 16 + sizeof(header));
	netlink_clear(&batch);
}

static void test_attribute_is_padded_and_found(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { 0 };

	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	netlink_text(&batch, IFLA_IFNAME, "lan7");
	netlink_u32(&batch, IFLA_MTU, 9000);
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));

	const struct nlmsghdr *message = (const void *)batch.data;
	const struct rtattr *name = netlink_find(message, sizeof(header), IFLA_IFNAME);
	const struct rtattr *mtu = netlink_find(message, sizeof(header), IFLA_MTU);
	assert_non_null(name);
	assert_int_equal(name->rta_len, 4 + 5);
	assert_string_equal(RTA_DATA(name), "lan7");
	assert_non_null(mtu);
	assert_int_equal((const char *)mtu - (const char *)name, 12);
	assert_null(netlink_find(message, sizeof(header), IFLA_MASTER));
	netlink_clear(&batch);
}

static void test_nested_attributes_end_where_they_end(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { 0 };
	uint32_t bytes = 0x01020304;

	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	size_t outer = netlink_begin(&batch, IFLA_LINKINFO, NULL, 0);
	netlink_text(&batch, IFLA_INFO_KIND, "veth");
	size_t inner = netlink_begin(&batch, IFLA_INFO_DATA, &bytes, sizeof(bytes));
	netlink_u32(&batch, 9, 1);
	netlink_end(&batch, inner);
	netlink_end(&batch, outer);
	netlink_u32(&batch, IFLA_MTU, 1);

	const struct rtattr *info = (const void *)(batch.data + outer);
	const struct rtattr *data = (const void *)(batch.data + inner);
	assert_int_equal(data->rta_len, 4 + 4 + 8);
	assert_memory_equal(RTA_DATA(data), &bytes, sizeof(bytes));
	assert_int_equal(info->rta_len, 4 + 12 + data->rta_len);
	netlink_clear(&batch);
}

static void test_batch_grows(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { 0 };
	size_t length = 0;

	for (int i = 0; i < 1000; i++) {
		header.ifi_index = i;
		netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
		netlink_u32(&batch, IFLA_MTU, (uint32_t)i);
	}
	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));

	assert_false(batch.is_broken);
	for (int i = 0; i < 1000; i++) {
		const struct nlmsghdr *message = (const void *)(batch.data + length);
		assert_int_equal(message->nlmsg_seq, i + 1);
		assert_int_equal(((const struct ifinfomsg *)NLMSG_DATA(message))->ifi_index, i);
		length += message->nlmsg_len;
	}
	netlink_clear(&batch);
}

static void test_empty_batch_is_sent(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };

	assert_int_equal(netlink_send(-1, &batch, NULL), 0);
}

static void test_refused_message_is_named(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };
	struct rtgenmsg none = { 0 };
	uint32_t failed = 0;
	int fd = netlink_open();

	assert_true(fd >= 0);
	netlink_message(&batch, NLMSG_NOOP, 0, &none, sizeof(none));
	netlink_message(&batch, RTM_MAX + 1, 0, &none, sizeof(none)); /* no such request */
	netlink_message(&batch, NLMSG_NOOP, 0, &none, sizeof(none));
	assert_int_equal(netlink_send(fd, &batch, &failed), -EOPNOTSUPP);
	assert_int_equal(failed, 2);
	assert_null(batch.data);
	close(fd);
}

static void take_name(const struct nlmsghdr *message, void *data)
{
	const struct rtattr *name = netlink_find(message, sizeof(struct ifinfomsg), IFLA_IFNAME);
	if (name && strcmp(RTA_DATA(name), "lo") == 0)
		++*(int *)data;
}

static void test_interfaces_are_found_by_name(void **state)
{
	(void)state;
	int fd = netlink_open(), listed = 0, got = 0;

	assert_true(fd >= 0);
	assert_int_equal(netlink_ifindex(fd, "lo"), 1);
	assert_int_equal(netlink_get_link(fd, "lo", take_name, &got), 0);
	assert_int_equal(netlink_dump(fd, RTM_GETLINK, 0, take_name, &listed), 0);
	assert_int_equal(got, 1);
	assert_int_equal(listed, 1);
	assert_int_equal(netlink_get_link(fd, "no-such-link", take_name, &got), -ENODEV);
	close(fd);
}

static void take_route(const struct nlmsghdr *message, void *data)
{
	const struct rtattr *device = netlink_find(message, sizeof(struct rtmsg), RTA_OIF);
	if (device)
		memcpy(data, RTA_DATA(device), sizeof(int));
}

static void test_question_has_its_answer(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };
	struct rtmsg header = { .rtm_family = AF_INET, .rtm_dst_len = 32 };
	uint32_t address = htonl(INADDR_LOOPBACK);
	int fd = netlink_open(), device = 0;

	assert_true(fd >= 0);
	netlink_message(&batch, RTM_GETROUTE, 0, &header, sizeof(header));
	netlink_attribute(&batch, RTA_DST, &address, sizeof(address));
	assert_int_equal(netlink_ask(fd, &batch, take_route, &device), 0);
	assert_int_equal(device, 1);
	assert_null(batch.data);
	close(fd);
}

static void ignore(const struct nlmsghdr *message, void *data)
{
	(void)message;
	(void)data;
}

static void test_dump_takes_a_header_of_the_family(void **state)
{
	(void)state;
	struct ndmsg header = { .ndm_family = AF_INET, .ndm_flags = NTF_PROXY };
	int fd = netlink_open(), listed = 0;

	assert_true(fd >= 0);
	assert_int_equal(netlink_dump_with(fd, RTM_GETNEIGH, &header, sizeof(header), ignore, NULL), 0);
	assert_int_equal(netlink_dump(fd, RTM_GETLINK, 0, take_name, &listed), 0); /* all of it was read */
	assert_int_equal(listed, 1);
	close(fd);
}

static void test_name_that_is_too_long_is_not_cut(void **state)
{
	(void)state;
	int fd = netlink_open();

	assert_true(fd >= 0);
	assert_int_equal(netlink_ifindex(fd, "0123456789abcdefgh"), -ENODEV);
	assert_int_equal(netlink_mtu(fd, "0123456789abcdefgh"), -ENODEV);
	close(fd);
}

/* More than the kernel takes in one go, and more refusals than a socket holds. */
static void test_long_batch_tells_first_failure(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = 0x7ffffffe };
	uint32_t failed = 0;
	int fd = netlink_open();
	assert_true(fd >= 0);
	for (int i = 0; i < 20000; i++)
		netlink_message(&batch, RTM_DELLINK, 0, &header, sizeof(header));

	int r = netlink_send(fd, &batch, &failed);

	assert_true(r == -ENODEV || r == -EPERM);
	assert_int_equal(failed, 1);
	assert_int_equal(batch.count, 0);
	close(fd);
}

static void test_batch_behind_another_is_acknowledged(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = 0x7ffffffe };
	uint32_t failed = 0;
	int fd = netlink_open();
	for (int i = 0; i < 20000; i++)
		netlink_message(&batch, RTM_DELLINK, 0, &header, sizeof(header));
	(void)netlink_send(fd, &batch, NULL);
	netlink_message(&batch, RTM_DELLINK, 0, &header, sizeof(header));

	int r = netlink_send(fd, &batch, &failed);

	assert_true(r == -ENODEV || r == -EPERM);
	assert_int_equal(failed, 1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch_has_messages_one_after_another),
		cmocka_unit_test(test_attribute_is_padded_and_found),
		cmocka_unit_test(test_nested_attributes_end_where_they_end),
		cmocka_unit_test(test_batch_grows),
		cmocka_unit_test(test_empty_batch_is_sent),
		cmocka_unit_test(test_refused_message_is_named),
		cmocka_unit_test(test_interfaces_are_found_by_name),
		cmocka_unit_test(test_question_has_its_answer),
		cmocka_unit_test(test_dump_takes_a_header_of_the_family),
		cmocka_unit_test(test_name_that_is_too_long_is_not_cut),
		cmocka_unit_test(test_long_batch_tells_first_failure),
		cmocka_unit_test(test_batch_behind_another_is_acknowledged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
