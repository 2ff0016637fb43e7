/* The figures of lxc-top. */
#include "tools/lxc/top_sample.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_field_is_found_at_begin_of_line_alone(void **unused)
{
	const char *text = "usage_usec 30\nuser_usec 20\nsystem_usec 10\n";

	(void)unused;
	assert_int_equal(top_parse_field(text, "usage_usec"), 30);
	assert_int_equal(top_parse_field(text, "system_usec"), 10);
	assert_true(top_parse_field(text, "usec") == UINT64_MAX);
	assert_true(top_parse_field("", "user") == UINT64_MAX);
}

static void test_sum_goes_over_all_devices(void **unused)
{
	const char *v2 = "8:0 rbytes=10 wbytes=5 rios=1 wios=2\n8:16 rbytes=7 wbytes=1 rios=1 wios=0\n";
	const char *v1 = "8:0 Read 100\n8:0 Write 50\n8:16 Read 1\nTotal 151\n";

	(void)unused;
	assert_int_equal(top_parse_sum(v2, "rbytes"), 17);
	assert_int_equal(top_parse_sum(v2, "wios"), 2);
	assert_int_equal(top_parse_sum(v1, "Read"), 101);
	assert_int_equal(top_parse_sum(v1, "Write"), 50);
	assert_true(top_parse_sum(v1, "Discard") == UINT64_MAX);
}

static void test_names_go_up_and_figures_down(void **unused)
{
	char a[] = "a", b[] = "b", c[] = "c";
	struct top_sample items[] = {
		{ .name = b, .cpu_ns = 1, .memory_bytes = UINT64_MAX },
		{ .name = c, .cpu_ns = 9, .memory_bytes = 5 },
		{ .name = a, .cpu_ns = 1, .memory_bytes = 7 },
	};
	struct top_samples samples = { items, 3 };

	(void)unused;
	top_samples_sort(&samples, 'n', 0);
	assert_string_equal(items[0].name, "a");
	top_samples_sort(&samples, 'n', 1);
	assert_string_equal(items[0].name, "c");
	top_samples_sort(&samples, 'c', 0);
	assert_string_equal(items[0].name, "c");
	assert_string_equal(items[1].name, "a");
	top_samples_sort(&samples, 'm', 0);
	assert_string_equal(items[0].name, "a");
	assert_string_equal(items[2].name, "b"); /* not known is the least */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_field_is_found_at_begin_of_line_alone),
		cmocka_unit_test(test_sum_goes_over_all_devices),
		cmocka_unit_test(test_names_go_up_and_figures_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
