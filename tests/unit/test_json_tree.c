/* JSON as a tree: what is taken, what is refused and where. */
#include "base/json_tree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct json_value *parsed(struct json_tree *tree, const char *text)
{
	const char *why = NULL;
	size_t offset;

	if (json_tree_parse(tree, text, strlen(text), &offset, &why) < 0)
		fail_msg("%s: refused at %zu: %s", text, offset, why);
	return tree->root;
}

static void refused(const char *text, size_t wanted_offset, const char *wanted_why)
{
	struct json_tree tree;
	const char *why = NULL;
	size_t offset;

	assert_int_equal(json_tree_parse(&tree, text, strlen(text), &offset, &why), -EINVAL);
	assert_string_equal(why, wanted_why);
	assert_int_equal(offset, wanted_offset);
	json_tree_clear(&tree);
}

static void test_strings_are_decoded(void **state)
{
	struct json_tree tree;
	struct json_value *root = parsed(&tree, " [\"a\\n\\\"\\/\\u00e9\\u20ac\\ud83d\\ude00\", \"\", \"x\\u0000y\", \"\\ud800z\"] ");

	assert_int_equal(root->count, 4);
	assert_string_equal(json_value_item(root, 0)->text, "a\n\"/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_string_equal(json_value_item(root, 1)->text, "");
	assert_int_equal(json_value_item(root, 2)->length, 3);
	assert_string_equal(json_value_item(root, 3)->text, "\xef\xbf\xbdz");
	assert_null(json_value_item(root, 4));
	assert_string_equal(json_value_item(root, 1)->text, ""); /* backwards */
	json_tree_clear(&tree);
	(void)state;
}

static void test_numbers_keep_all_their_bits(void **state)
{
	struct json_tree tree;
	struct json_value *root = parsed(&tree, "[0, -9223372036854775808, 18446744073709551615, 18446744073709551616, 1.5, 1e3, -0]");

	assert_int_equal(json_value_i64(json_value_item(root, 0)), 0);
	assert_true(json_value_i64(json_value_item(root, 1)) == INT64_MIN);
	assert_true(json_value_item(root, 2)->magnitude == UINT64_MAX);
	assert_true(json_value_i64(json_value_item(root, 2)) == INT64_MAX);
	for (size_t i = 3; i < 6; i++)
		assert_int_equal(json_value_item(root, i)->type, JSON_NUMBER);
	assert_int_equal(json_value_item(root, 6)->type, JSON_INTEGER);
	json_tree_clear(&tree);
	(void)state;
}

static void test_members_are_found_and_the_last_of_a_name_counts(void **state)
{
	struct json_tree tree;
	struct json_value *root = parsed(&tree, "{\"a\": 1, \"b\": {\"c\" : [true, null]} , \"a\":\"x\"}");

	assert_int_equal(root->count, 2);
	assert_string_equal(json_value_member(root, "a")->text, "x");
	struct json_value *inner = json_value_member(root, "b");
	assert_int_equal(inner->source_length, strlen("{\"c\" : [true, null]}"));
	assert_memory_equal(inner->source, "{\"c\" : [true, null]}", inner->source_length);
	assert_true(json_value_member(inner, "c")->first->is_true);
	assert_null(json_value_member(inner, "d"));
	assert_null(json_value_member(json_value_member(root, "a"), "d"));
	json_tree_clear(&tree);
	(void)state;
}

static void test_what_is_no_json_is_refused_with_its_place(void **state)
{
	char deep[201];

	refused("", 0, "it ends too early");
	refused("{", 1, "it ends too early");
	refused("{\"a\":", 5, "it ends too early");
	refused("[1 2]", 3, "a comma is missing");
	refused("[1,]", 3, "a value is missing");
	refused("{\"a\" 1}", 5, "a colon is missing");
	refused("{a:1}", 1, "a key is missing");
	refused("{\"a\\u0000\":1}", 10, "a NUL character in a key");
	refused("[01]", 1, "a number that begins with 0");
	refused("[-]", 2, "a number without digits");
	refused("[1.]", 3, "a number without digits");
	refused("[\"\\x\"]", 3, "an unknown escape in a string");
	refused("[\"\\u12g4\"]", 6, "a \\u without four hexadecimal digits");
	refused("[\"a\nb\"]", 3, "a control character in a string");
	refused("[\"abc", 5, "it ends too early");
	refused("[] []", 3, "there is something behind its end");
	refused("[nul]", 1, "a value is missing");
	memset(deep, '[', 200);
	deep[200] = '\0';
	refused(deep, 64, "it is nested too deeply");
	(void)state;
}

static void test_many_values(void **state)
{
	enum { COUNT = 5000 };
	char *text = malloc(COUNT * 3 + 3), *at = text;
	struct json_tree tree;

	*at++ = '[';
	for (int i = 0; i < COUNT; i++)
		at += sprintf(at, "%s%d", i ? "," : "", i % 10);
	strcpy(at, "]");
	struct json_value *root = parsed(&tree, text);
	assert_int_equal(root->count, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(json_value_i64(json_value_item(root, i)), i % 10);
	json_tree_clear(&tree);
	free(text);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings_are_decoded),
		cmocka_unit_test(test_numbers_keep_all_their_bits),
		cmocka_unit_test(test_members_are_found_and_the_last_of_a_name_counts),
		cmocka_unit_test(test_what_is_no_json_is_refused_with_its_place),
		cmocka_unit_test(test_many_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
