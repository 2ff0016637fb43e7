/* Messages for nf_tables, byte by byte; the rules of the filter; what a journal forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/journal.h"
#include "kernel/nftables.h"
#include "network/filter.h"
#include "network/filter_rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <unistd.h>

static const struct nlmsghdr *message_of(const struct netlink_batch *batch, unsigned number)
{
	const char *at = batch->data;
	while (number-- > 0)
		at += NLMSG_ALIGN(((const struct nlmsghdr *)at)->nlmsg_len);
	return (const struct nlmsghdr *)at;
}

static void test_batch_stands_between_two_messages_without_answer(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };

	nft_begin(&batch, 7);
	nft_add_table(&batch, "t");
	nft_end(&batch);

	const struct nlmsghdr *begin = message_of(&batch, 0), *table = message_of(&batch, 1), *end = message_of(&batch, 2);
	const struct nfgenmsg *header = NLMSG_DATA(begin);
	assert_int_equal(batch.count, 1);
	assert_int_equal(begin->nlmsg_type, NFNL_MSG_BATCH_BEGIN);
	assert_int_equal(begin->nlmsg_flags, NLM_F_REQUEST);
	assert_int_equal(begin->nlmsg_seq, 0);
	assert_int_equal(header->res_id, htons(NFNL_SUBSYS_NFTABLES));
	const struct rtattr *generation = netlink_find(begin, sizeof(*header), NFNL_BATCH_GENID);
	assert_non_null(generation);
	assert_int_equal(ntohl(*(const uint32_t *)RTA_DATA(generation)), 7);
	assert_int_equal(table->nlmsg_type, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE);
	assert_int_equal(table->nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
	assert_int_equal(table->nlmsg_seq, 1);
	assert_int_equal(((const struct nfgenmsg *)NLMSG_DATA(table))->nfgen_family, 5);
	assert_string_equal(RTA_DATA(netlink_find(table, sizeof(*header), NFTA_TABLE_NAME)), "t");
	assert_int_equal(end->nlmsg_type, NFNL_MSG_BATCH_END);
	assert_ptr_equal((const char *)end + 20, batch.data + batch.length);
	netlink_clear(&batch);
}

static void test_element_has_its_key(void **state)
{
	(void)state;
	static const unsigned char expected[] = { /* list > element > key > value */
		24, 0, 3, 0x80, 20, 0, 1, 0x80, 16, 0, 1, 0x80, 12, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct netlink_batch batch = { 0 };

	nft_add_element(&batch, "t", "s", "\1\2\3\4\5\6\7\10", 8);

	assert_memory_equal(batch.data + batch.length - sizeof(expected), expected, sizeof(expected));
	netlink_clear(&batch);
}

static void test_rule_has_expressions_in_their_order(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };
	size_t place;

	nft_begin_rule(&batch, "t", "c", &place);
	nft_load_payload(&batch, NFT_PAYLOAD_NETWORK_HEADER, 12, 4, 1);
	nft_look_up(&batch, "own", 0, true);
	nft_verdict(&batch, NFT_JUMP, "other");
	nft_end_rule(&batch, place);

	const struct rtattr *list = (const struct rtattr *)(batch.data + place);
	const char *names[] = { "payload", "lookup", "immediate" };
	int left = (int)RTA_PAYLOAD(list);
	const struct rtattr *at = RTA_DATA(list);
	for (size_t i = 0; i < 3; i++, at = RTA_NEXT(at, left)) {
		assert_true(RTA_OK(at, left));
		assert_string_equal(RTA_DATA(netlink_find_inside(at, NFTA_EXPR_NAME)), names[i]);
		const struct rtattr *data = netlink_find_inside(at, NFTA_EXPR_DATA);
		assert_non_null(data);
		if (i == 0)
			assert_int_equal(ntohl(*(const uint32_t *)RTA_DATA(netlink_find_inside(data, NFTA_PAYLOAD_DREG))), NFT_REG32_01);
		if (i == 1)
			assert_int_equal(ntohl(*(const uint32_t *)RTA_DATA(netlink_find_inside(data, NFTA_LOOKUP_FLAGS))), NFT_LOOKUP_F_INV);
		if (i == 2) {
			const struct rtattr *verdict = netlink_find_inside(netlink_find_inside(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
			assert_int_equal((int32_t)ntohl(*(const uint32_t *)RTA_DATA(netlink_find_inside(verdict, NFTA_VERDICT_CODE))), NFT_JUMP);
			assert_string_equal(RTA_DATA(netlink_find_inside(verdict, NFTA_VERDICT_CHAIN)), "other");
		}
	}
	assert_int_equal(left, 0);
	netlink_clear(&batch);
}

static void test_ingress_drops_what_no_rule_accepts(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };

	nft_add_ingress(&batch, "t", "c", "ve1", -500);
	nft_delete_chain(&batch, "t", "c");

	const struct nlmsghdr *chain = message_of(&batch, 0);
	const struct rtattr *hook = netlink_find(chain, sizeof(struct nfgenmsg), NFTA_CHAIN_HOOK);
	const struct rtattr *policy = netlink_find(chain, sizeof(struct nfgenmsg), NFTA_CHAIN_POLICY);
	assert_non_null(hook);
	assert_string_equal(RTA_DATA(netlink_find_inside(hook, NFTA_HOOK_DEV)), "ve1");
	assert_int_equal((int32_t)ntohl(*(const uint32_t *)RTA_DATA(netlink_find_inside(hook, NFTA_HOOK_PRIORITY))), -500);
	assert_non_null(policy);
	assert_int_equal(*(const uint32_t *)RTA_DATA(policy), 0);
	netlink_clear(&batch);
}

static void test_filter_names_only_chains_and_sets_that_it_makes(void **state)
{
	(void)state;
	struct netlink_batch batch = { 0 };
	unsigned rules = 0, chains = 0, sets = 0;

	filter_put_table(&batch);

	assert_false(batch.is_broken);
	for (unsigned i = 0; i < batch.count; i++) {
		uint16_t type = message_of(&batch, i)->nlmsg_type & 0xff;
		rules += type == NFT_MSG_NEWRULE;
		chains += type == NFT_MSG_NEWCHAIN;
		sets += type == NFT_MSG_NEWSET;
	}
	assert_int_equal(sets, FILTER_SETS);
	assert_int_equal(chains, 13);
	assert_int_equal(1 + sets + chains + rules, batch.count);
	netlink_clear(&batch);
}

static int collect(const char *kind, const char *argument, void *data)
{
	strcat(data, kind);
	strcat(data, argument);
	return 0;
}

static void test_journal_forgets_the_last_of_equal_lines(void **state)
{
	(void)state;
	char path[] = "/tmp/wabe-journal-XXXXXX", text[200] = "";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(journal_add(fd, "PROXY", "1 a"), 0);
	assert_int_equal(journal_add(fd, "PROXY", "1 ab"), 0);
	assert_int_equal(journal_add(fd, "PROXY", "1 a"), 0);

	assert_int_equal(journal_strike(AT_FDCWD, path, "PROXY", "1 a"), 0);
	assert_int_equal(journal_strike(AT_FDCWD, path, "PROXY", "1 b"), -ENOENT);

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(journal_read_backwards(fd, collect, text), 0);
	assert_string_equal(text, "-----1 aPROXY1 abPROXY1 a");
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch_stands_between_two_messages_without_answer),
		cmocka_unit_test(test_element_has_its_key),
		cmocka_unit_test(test_rule_has_expressions_in_their_order),
		cmocka_unit_test(test_ingress_drops_what_no_rule_accepts),
		cmocka_unit_test(test_filter_names_only_chains_and_sets_that_it_makes),
		cmocka_unit_test(test_journal_forgets_the_last_of_equal_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
