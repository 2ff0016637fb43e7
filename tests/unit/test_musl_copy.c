/* memcpy, memmove and memcmp of the static programs, against plain loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *tested_memcpy(void *restrict to, const void *restrict from, size_t length);
void *tested_memmove(void *target, const void *source, size_t length);
int tested_memcmp(const void *left, const void *right, size_t length);
#define memcpy	tested_memcpy
#define memmove tested_memmove
#define memcmp	tested_memcmp
#include "base/musl/copy.c"
#undef memcpy
#undef memmove
#undef memcmp

enum { SIZE = 1200, LONGEST = 400, MIDDLE = 400 };

static unsigned char bytes[SIZE], expected[SIZE];

static void fill_both(void)
{
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = expected[i] = (unsigned char)rand();
}

static void test_move(void **state)
{
	static unsigned char between[LONGEST];
	(void)state;
	for (size_t length = 0; length < LONGEST; length++)
		for (int distance = -40; distance <= 40; distance++) {
			size_t to = (size_t)(MIDDLE + distance);
			fill_both();
			for (size_t i = 0; i < length; i++)
				between[i] = expected[MIDDLE + i];
			for (size_t i = 0; i < length; i++)
				expected[to + i] = between[i];
			assert_ptr_equal(tested_memmove(bytes + to, bytes + MIDDLE, length), bytes + to);
			assert_memory_equal(bytes, expected, SIZE);
		}
}

static void test_copy(void **state)
{
	(void)state;
	for (size_t length = 0; length < LONGEST; length++)
		for (size_t start = 0; start < 17; start++) {
			fill_both();
			for (size_t i = 0; i < length; i++)
				expected[700 + start + i] = expected[start * 3 + i];
			assert_ptr_equal(tested_memcpy(bytes + 700 + start, bytes + start * 3, length), bytes + 700 + start);
			assert_memory_equal(bytes, expected, SIZE);
		}
}

static void test_compare(void **state)
{
	(void)state;
	fill_both();
	for (size_t length = 0; length < 60; length++)
		for (size_t at = 0; at <= length; at++) {
			expected[at + 3] = bytes[at + 3] == 255 ? 0 : 255;
			int sign = at == length ? 0 : bytes[at + 3] == 255 ? 1 : -1;
			int r = tested_memcmp(bytes + 3, expected + 3, length);
			assert_int_equal((r > 0) - (r < 0), sign);
			expected[at + 3] = bytes[at + 3];
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_move), cmocka_unit_test(test_copy), cmocka_unit_test(test_compare) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
