/* lxc-usernet(5) and the database of lxc-user-nic(1): who gets what. */
#include "programs/usernet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const groups[] = { "staff", "net" };

static struct usernet_text text_of(const char *text)
{
	return (struct usernet_text){ text, strlen(text) };
}

static int choose_for(const char *user, const char *rules, const char *database, struct usernet_line *line)
{
	const struct usernet_request request = { user, groups, 2, "veth", "br0" };

	return usernet_choose(text_of(rules), text_of(database), &request, line);
}

static int choose(const char *rules, const char *database)
{
	struct usernet_line line;

	return choose_for("ann", rules, database, &line);
}

static void test_rule_is_name_type_bridge_count(void **state)
{
	(void)state;
	assert_int_equal(choose("ann veth br0 1\n", ""), 0);
	assert_int_equal(choose("  ann\tveth   br0 \t 1  \n", ""), 0);
	assert_int_equal(choose("ann veth br0 1", ""), 0); /* the last line without its newline */
	assert_int_equal(choose("ann veth br0 1 # for her tests\n", ""), 0);
	assert_int_equal(choose("", ""), -EPERM);
}

static void test_what_is_no_rule_grants_nothing(void **state)
{
	static const char *const lines[] = { "ann", "ann veth", "ann veth br0", "ann veth br0 1 2", "#ann veth br0 1",
		"# ann veth br0 1", "ann veth br0 -1", "ann veth br0 +1", "ann veth br0 1x", "ann veth br0 0x1",
		"ann veth br0 99999999999999999999", "1000 veth br0 1", "\n\n \t\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (choose(lines[i], "") != -EPERM)
			fail_msg("'%s' grants", lines[i]);
	assert_int_equal(choose("ann veth\0br0 1", ""), -EPERM);
	assert_int_equal(choose("ann veth br0 0", ""), -EDQUOT);
}

static void test_names_types_bridges_are_whole_words(void **state)
{
	static const char *const lines[] = { "an veth br0 9", "anna veth br0 9", "ann vet br0 9", "ann veth2 br0 9",
		"ann veth br 9", "ann veth br00 9", "Ann veth br0 9", "@sta veth br0 9", "@staffs veth br0 9", "@ veth br0 9",
		"@ann veth br0 9", "staff veth br0 9" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (choose(lines[i], "") != -EPERM)
			fail_msg("'%s' grants", lines[i]);
}

static void test_quota_is_counted_per_name_type_and_bridge(void **state)
{
	(void)state;
	assert_int_equal(choose("ann veth br0 2", "ann veth br0 a1\n"), 0);
	assert_int_equal(choose("ann veth br0 2", "ann veth br0 a1\nann veth br0 a2\n"), -EDQUOT);
	assert_int_equal(choose("ann veth br0 1", "bob veth br0 b1\nann veth br1 a1\nann ovs br0 a2\nanna veth br0 a3\n"), 0);
}

static void test_next_rule_counts_when_one_is_used_up(void **state)
{
	struct usernet_line line;

	(void)state;
	assert_int_equal(choose_for("ann", "ann veth br0 1\n@net veth br0 1\n", "ann veth br0 a1\n", &line), 0);
	assert_string_equal(line.name, "@net");
	assert_int_equal(choose("ann veth br0 1\n@net veth br0 1\n", "ann veth br0 a1\n@net veth br0 a2\n"), -EDQUOT);
	/* lines of one NAME do not add up, the largest counts */
	assert_int_equal(choose("ann veth br0 1\nann veth br0 2\n", "ann veth br0 a1\n"), 0);
	assert_int_equal(choose("ann veth br0 1\nann veth br0 2\n", "ann veth br0 a1\nann veth br0 a2\n"), -EDQUOT);
}

static void test_members_share_what_a_group_may_have(void **state)
{
	struct usernet_line line;

	(void)state;
	assert_int_equal(choose_for("bob", "@net veth br0 1\n", "", &line), 0);
	assert_int_equal(choose_for("bob", "@net veth br0 1\n", "@net veth br0 veth1000_aaaa\n", &line), -EDQUOT);
}

/* The list ends with its last element: under ASan nothing behind it is read. */
static void test_group_lists_of_any_length(void **state)
{
	static const size_t counts[] = { 0, 1, 32, 33, 100 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		const char **list = malloc((counts[i] ? counts[i] : 1) * sizeof(*list));
		for (size_t k = 0; k < counts[i]; k++)
			list[k] = "other";
		const struct usernet_request request = { "ann", counts[i] ? list : NULL, counts[i], "veth", "br0" };
		struct usernet_line line;

		assert_int_equal(usernet_choose(text_of("@net veth br0 1"), text_of(""), &request, &line), -EPERM);
		if (counts[i]) {
			list[counts[i] - 1] = "net";
			assert_int_equal(usernet_choose(text_of("@net veth br0 1"), text_of(""), &request, &line), 0);
		}
		free(list);
	}
}

static void test_long_words_and_nul_bytes_are_passed_over(void **state)
{
	static const char nul[] = "ann\0veth br0 1\nann veth br0 7";
	struct usernet_text text = { nul, sizeof(nul) - 1 };
	struct usernet_line line;
	char *long_line = malloc(4096);

	(void)state;
	assert_true(usernet_next(&text, &line));
	assert_string_equal(line.last, "7");
	assert_false(usernet_next(&text, &line));

	memset(long_line, 'x', 4096); /* without NUL: it ends where it ends */
	memcpy(long_line + 4096 - 10, " veth b 1\n", 10);
	text = (struct usernet_text){ long_line, 4096 };
	assert_false(usernet_next(&text, &line));
	free(long_line);
}

static void test_names_of_interfaces(void **state)
{
	static const char *const good[] = { "eth0", "a", "br-lan.100", "fifteen-letters" };
	static const char *const bad[] = { "", ".", "..", "sixteen-letters-", "a/b", "../eth0", "a b", "a\tb", "a\nb", "eth%d",
		"a:b", "a\x7f", "\x1b[2J", "\xc3\xa4" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(usernet_is_link_name(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(usernet_is_link_name(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule_is_name_type_bridge_count),
		cmocka_unit_test(test_what_is_no_rule_grants_nothing),
		cmocka_unit_test(test_names_types_bridges_are_whole_words),
		cmocka_unit_test(test_quota_is_counted_per_name_type_and_bridge),
		cmocka_unit_test(test_next_rule_counts_when_one_is_used_up),
		cmocka_unit_test(test_members_share_what_a_group_may_have),
		cmocka_unit_test(test_group_lists_of_any_length),
		cmocka_unit_test(test_long_words_and_nul_bytes_are_passed_over),
		cmocka_unit_test(test_names_of_interfaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
