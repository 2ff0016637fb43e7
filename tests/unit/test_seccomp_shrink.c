/* A shortened seccomp program answers as the long one: by the kernel's interpreter, as far as these need it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "../seccomp_answer.h"
#include "programs/seccomp_shrink.h"

#define LOAD(what)	   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))
#define RETURN(value)	   BPF_STMT(BPF_RET | BPF_K, value)
#define EQUAL(value, t, f) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, t, f)
#define DENY		   (SECCOMP_RET_ERRNO | 1)

/* Number, architecture and first argument around all that the programs below ask for. */
static void assert_same(const struct sock_filter *old, size_t old_count, const struct sock_filter *new, size_t new_count)
{
	static const uint32_t architectures[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0, UINT32_MAX };

	for (size_t a = 0; a < sizeof(architectures) / sizeof(*architectures); a++)
		for (uint32_t number = 0; number < 2 * 2000; number++)
			for (uint64_t argument = 0; argument < 3; argument++) {
				struct seccomp_data data = { .arch = architectures[a], .args = { argument },
					.nr = (int)(number < 2000 ? number : 0x40000000 + number - 2000) };
				assert_int_equal(seccomp_answer(new, new_count, &data), seccomp_answer(old, old_count, &data));
			}
}

static size_t add(struct sock_filter *program, size_t count, struct sock_filter one)
{
	program[count] = one;
	return count + 1;
}

/* A list, as of a library that makes no tree: answers of both architectures by number; every seventh call by its argument. */
static size_t make_list(struct sock_filter *program, uint32_t calls, bool has_arguments)
{
	size_t count = add(program, 0, (struct sock_filter)LOAD(arch));

	for (uint32_t architecture = 0; architecture < 2; architecture++) {
		size_t length = 0;
		struct sock_filter *part = program + count + 2;
		length = add(part, length, (struct sock_filter)LOAD(nr));
		for (uint32_t i = 0; i < calls; i++) {
			if (has_arguments && i % 7 == 0) {
				length = add(part, length, (struct sock_filter)EQUAL(i, 0, 5));
				length = add(part, length, (struct sock_filter)LOAD(args[0]));
				length = add(part, length, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1));
				length = add(part, length, (struct sock_filter)EQUAL(1, 0, 1));
				length = add(part, length, (struct sock_filter)RETURN(SECCOMP_RET_LOG));
				length = add(part, length, (struct sock_filter)RETURN(SECCOMP_RET_TRAP));
			} else if (i % 10 < 8 + architecture) {
				length = add(part, length, (struct sock_filter)EQUAL(i, 0, 1));
				length = add(part, length, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
			}
		}
		length = add(part, length, (struct sock_filter)RETURN(DENY));
		program[count] = (struct sock_filter)EQUAL(architecture ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64, 1, 0);
		program[count + 1] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)length);
		count += 2 + length;
		if (!architecture)
			count = add(program, count, (struct sock_filter)LOAD(arch));
	}
	return add(program, count, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
}

static void check_list(uint32_t calls, bool has_arguments, size_t most)
{
	struct sock_filter *old = calloc(BPF_MAXINSNS, sizeof(*old)), *new = calloc(BPF_MAXINSNS, sizeof(*new));
	size_t count = make_list(old, calls, has_arguments);

	memcpy(new, old, count * sizeof(*old));
	size_t shrunk = seccomp_shrink(new, count);

	assert_in_range(shrunk, 1, most);
	assert_same(old, count, new, shrunk);
	free(old);
	free(new);
}

static void test_list_becomes_short_tree(void **state)
{
	(void)state;
	check_list(400, false, 250);
}

static void test_tree_longer_than_a_conditional_jump(void **state)
{
	(void)state;
	check_list(1000, false, 700);
}

static void test_arguments_are_looked_at(void **state)
{
	(void)state;
	check_list(400, true, 1100);
}

static void test_what_is_not_understood_stays(void **state)
{
	const struct sock_filter odd[] = { LOAD(nr), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1), EQUAL(1, 0, 1), RETURN(DENY),
		RETURN(SECCOMP_RET_ALLOW), RETURN(DENY), RETURN(DENY) };
	struct sock_filter program[sizeof(odd) / sizeof(*odd)];

	(void)state;
	memcpy(program, odd, sizeof(odd));
	assert_int_equal(seccomp_shrink(program, sizeof(odd) / sizeof(*odd)), sizeof(odd) / sizeof(*odd));
	assert_memory_equal(program, odd, sizeof(odd));
}

static void test_jump_beyond_the_end_stays(void **state)
{
	struct sock_filter program[] = { LOAD(nr), EQUAL(1, 0, 200), RETURN(DENY), RETURN(DENY), RETURN(DENY) };

	(void)state;
	assert_int_equal(seccomp_shrink(program, 5), 5);
}

static void test_one_answer_for_all(void **state)
{
	struct sock_filter program[] = { LOAD(arch), EQUAL(AUDIT_ARCH_X86_64, 0, 1), RETURN(DENY), RETURN(DENY) };
	const struct sock_filter old[] = { LOAD(arch), EQUAL(AUDIT_ARCH_X86_64, 0, 1), RETURN(DENY), RETURN(DENY) };

	(void)state;
	size_t count = seccomp_shrink(program, 4);
	assert_in_range(count, 1, 3);
	assert_same(old, 4, program, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_list_becomes_short_tree),
		cmocka_unit_test(test_tree_longer_than_a_conditional_jump), cmocka_unit_test(test_arguments_are_looked_at),
		cmocka_unit_test(test_what_is_not_understood_stays), cmocka_unit_test(test_jump_beyond_the_end_stays),
		cmocka_unit_test(test_one_answer_for_all) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
