/* The device program lets pass what the kernel's v1 list would: both are run over many requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/device_filter.h"

#include <linux/bpf.h>

/* ---- enough of the machine ---- */

static int64_t run(const struct bpf_insn *code, int count, const uint32_t context[3])
{
	uint64_t r[11] = { 0 };
	int steps = 0;
	for (int at = 0; at >= 0 && at < count && steps < 100000; at++, steps++) {
		const struct bpf_insn *i = &code[at];
		uint64_t immediate = (uint64_t)(int64_t)i->imm;
		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			r[i->dst_reg] = context[i->off / 4];
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
			r[i->dst_reg] = (uint32_t)r[i->src_reg];
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			r[i->dst_reg] = (uint32_t)r[i->dst_reg] & (uint32_t)immediate;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			r[i->dst_reg] = (uint32_t)r[i->dst_reg] >> immediate;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			r[i->dst_reg] = immediate;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			at += r[i->dst_reg] != immediate ? i->off : 0;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += r[i->dst_reg] == immediate ? i->off : 0;
			break;
		case BPF_JMP | BPF_JA:
			at += i->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int64_t)r[0];
		default:
			fail_msg("instruction %02x", i->code);
		}
	}
	fail_msg("the program does not end");
	return -1;
}

/* The verifier refuses a program with an instruction that nothing leads to. */
static void all_are_reached(const struct bpf_insn *code, int count)
{
	bool *reached = calloc((size_t)count + 1, sizeof(bool));

	reached[0] = true;
	for (int at = 0; at < count; at++) { /* all jumps lead forward */
		const struct bpf_insn *i = &code[at];
		bool is_jump = BPF_CLASS(i->code) == BPF_JMP && i->code != (BPF_JMP | BPF_EXIT);
		assert_true(reached[at]);
		assert_true(!is_jump || (i->off >= 0 && at + 1 + i->off < count));
		if (is_jump)
			reached[at + 1 + i->off] = true;
		if (i->code != (BPF_JMP | BPF_EXIT) && i->code != (BPF_JMP | BPF_JA | BPF_K))
			reached[at + 1] = true;
	}
	free(reached);
}

/* ---- v1, as Documentation/admin-guide/cgroup-v1/devices.rst tells it: what was written, replayed ---- */

struct written {
	bool allow;
	struct device_rule rule;
};

static bool is_for(const struct device_rule *rule, char type, uint32_t major, uint32_t minor)
{
	return rule->type == type && (rule->major == DEVICE_ANY || rule->major == major) &&
	       (rule->minor == DEVICE_ANY || rule->minor == minor);
}

/* Slow and plain: one slot per written device, changed in order. */
static bool model(const struct written *list, size_t count, char type, uint32_t major, uint32_t minor, uint32_t access)
{
	bool denies = false;
	struct device_rule slots[16];
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		const struct device_rule *rule = &list[i].rule;
		if (rule->type == 'a') {
			denies = !list[i].allow;
			used = 0;
			continue;
		}
		size_t place = 0;
		while (place < used && !(slots[place].type == rule->type && slots[place].major == rule->major &&
					       slots[place].minor == rule->minor))
			place++;
		if (place == used) {
			slots[used] = *rule;
			slots[used++].access = 0;
		}
		if (list[i].allow == denies)
			slots[place].access |= rule->access;
		else
			slots[place].access &= ~rule->access;
	}
	for (size_t i = 0; i < used; i++) {
		if (!is_for(&slots[i], type, major, minor) || slots[i].access == 0)
			continue;
		if (denies ? (access & ~slots[i].access) == 0 : (access & slots[i].access) != 0)
			return denies;
	}
	return !denies;
}

static void compare(const struct written *list, size_t count)
{
	struct device_rules rules = { 0 };
	struct bpf_insn *code;
	for (size_t i = 0; i < count; i++)
		assert_int_equal(device_rules_change(&rules, list[i].allow, &list[i].rule), 0);
	int length = device_filter_build(&rules, &code);
	assert_true(length > 0);
	all_are_reached(code, length);
	for (uint32_t major = 0; major < 4; major++)
		for (uint32_t minor = 0; minor < 4; minor++)
			for (uint32_t access = 1; access <= DEVICE_ALL; access++)
				for (int block = 0; block < 2; block++) {
					uint32_t type = block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
					uint32_t context[3] = { access << 16 | type, major, minor };
					assert_int_equal(run(code, length, context),
						model(list, count, block ? 'b' : 'c', major, minor, access));
				}
	free(code);
	device_rules_clear(&rules);
}

/* ---- tests ---- */

static void test_common_list(void **state)
{
	(void)state;
	const struct written list[] = {
		{ false, { 'a', DEVICE_ANY, DEVICE_ANY, DEVICE_ALL } },
		{ true, { 'c', DEVICE_ANY, DEVICE_ANY, DEVICE_MKNOD } },
		{ true, { 'b', DEVICE_ANY, DEVICE_ANY, DEVICE_MKNOD } },
		{ true, { 'c', 1, 3, DEVICE_ALL } },
		{ true, { 'c', 2, DEVICE_ANY, DEVICE_READ | DEVICE_WRITE } },
		{ true, { 'c', 1, 3, DEVICE_READ } },
		{ false, { 'c', 2, DEVICE_ANY, DEVICE_WRITE } },
	};
	for (size_t count = 0; count <= sizeof(list) / sizeof(*list); count++)
		compare(list, count);
}

static void test_default_allow(void **state)
{
	(void)state;
	const struct written list[] = {
		{ true, { 'a', DEVICE_ANY, DEVICE_ANY, DEVICE_ALL } },
		{ false, { 'b', 3, DEVICE_ANY, DEVICE_WRITE } },
		{ false, { 'c', DEVICE_ANY, 2, DEVICE_READ | DEVICE_MKNOD } },
		{ true, { 'c', DEVICE_ANY, 2, DEVICE_READ } },
		{ true, { 'b', 3, 1, DEVICE_WRITE } }, /* no such exception: nothing changes */
	};
	for (size_t count = 0; count <= sizeof(list) / sizeof(*list); count++)
		compare(list, count);
}

static void test_random(void **state)
{
	(void)state;
	srandom(7);
	for (int round = 0; round < 2000; round++) {
		struct written list[8];
		size_t count = (size_t)random() % 9;
		for (size_t i = 0; i < count; i++)
			list[i] = (struct written){ random() % 2,
				{ "abcbcbc"[random() % 7], random() % 3 ? (uint32_t)random() % 4 : DEVICE_ANY,
					random() % 3 ? (uint32_t)random() % 4 : DEVICE_ANY, 1 + (uint32_t)random() % 7 } };
		compare(list, count);
	}
}

/* A rule for all must not depend on the sign of a large number. */
static void test_large_numbers(void **state)
{
	(void)state;
	struct device_rules rules = { .is_set = true, .denies_default = true };
	const struct device_rule rule = { 'c', 4095, 1048575, DEVICE_READ };
	struct bpf_insn *code;
	assert_int_equal(device_rules_change(&rules, true, &rule), 0);
	int length = device_filter_build(&rules, &code);
	assert_int_equal(run(code, length, (uint32_t[]){ DEVICE_READ << 16 | BPF_DEVCG_DEV_CHAR, 4095, 1048575 }), 1);
	assert_int_equal(run(code, length, (uint32_t[]){ DEVICE_READ << 16 | BPF_DEVCG_DEV_CHAR, 4095, 1048574 }), 0);
	free(code);
	device_rules_clear(&rules);
}

/* More than one verdict can serve by jumps of 16 bits. */
static void test_many(void **state)
{
	(void)state;
	struct device_rules rules = { .is_set = true, .denies_default = true };
	struct bpf_insn *code;
	for (uint32_t i = 0; i < 3000; i++) {
		const struct device_rule rule = { 'c', i % 7 ? i : 1, i, i % 2 ? DEVICE_ALL : DEVICE_READ };
		assert_int_equal(device_rules_change(&rules, true, &rule), 0);
	}
	int length = device_filter_build(&rules, &code);
	all_are_reached(code, length);
	for (uint32_t i = 0; i < 3001; i++)
		for (uint32_t access = DEVICE_READ; access <= DEVICE_WRITE; access += DEVICE_WRITE - DEVICE_READ) {
			uint32_t context[3] = { access << 16 | BPF_DEVCG_DEV_CHAR, i % 7 ? i : 1, i };
			assert_int_equal(run(code, length, context), i < 3000 && (i % 2 || access == DEVICE_READ));
		}
	free(code);
	device_rules_clear(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_common_list),
		cmocka_unit_test(test_default_allow),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_large_numbers),
		cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
