/* The program lets pass what a rate and its burst allow: it is run over a clock that the test holds. */
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/rate_filter.h"

#include <linux/pkt_cls.h>

#define SECOND 1000000000ULL

/* ---- enough of the machine ---- */

struct machine {
	struct bpf_insn code[RATE_FILTER_SIZE];
	size_t count;
	uint64_t now_ns, state;
};

static void call(const struct machine *machine, int32_t function, uint64_t *r)
{
	if (function == BPF_FUNC_ktime_get_ns)
		r[0] = machine->now_ns;
	else if (function == BPF_FUNC_map_lookup_elem)
		r[0] = (uint64_t)(uintptr_t)&machine->state;
	else
		fail_msg("function %d", function);
}

static int jumps(const struct bpf_insn *i, const uint64_t *r)
{
	int64_t left = (int64_t)r[i->dst_reg], right = (int64_t)r[i->src_reg];
	switch (i->code) {
	case BPF_JMP | BPF_JNE | BPF_K:
		return left != i->imm;
	case BPF_JMP | BPF_JSGE | BPF_X:
		return left >= right;
	case BPF_JMP | BPF_JSGT | BPF_X:
		return left > right;
	default:
		return 0;
	}
}

static void calculate(const struct bpf_insn *i, uint64_t *r)
{
	uint64_t operand = BPF_SRC(i->code) == BPF_X ? r[i->src_reg] : (uint64_t)(int64_t)i->imm;
	switch (BPF_OP(i->code)) {
	case BPF_MOV:
		r[i->dst_reg] = operand;
		break;
	case BPF_ADD:
		r[i->dst_reg] += operand;
		break;
	case BPF_SUB:
		r[i->dst_reg] -= operand;
		break;
	case BPF_MUL:
		assert_false(__builtin_mul_overflow(r[i->dst_reg], operand, &r[i->dst_reg]));
		break;
	case BPF_RSH:
		r[i->dst_reg] >>= operand;
		break;
	default:
		fail_msg("instruction %02x", i->code);
	}
}

static void access_memory(const struct bpf_insn *i, uint64_t *r, uint32_t length)
{
	if (i->code == (BPF_LDX | BPF_MEM | BPF_W))
		r[i->dst_reg] = length; /* of struct __sk_buff the program reads nothing else */
	else if (i->code == (BPF_LDX | BPF_MEM | BPF_DW))
		r[i->dst_reg] = *(uint64_t *)(uintptr_t)r[i->src_reg];
	else if (i->code == (BPF_STX | BPF_MEM | BPF_DW))
		*(uint64_t *)(uintptr_t)r[i->dst_reg] = r[i->src_reg];
	else if (i->code == (BPF_STX | BPF_XADD | BPF_DW))
		*(uint64_t *)(uintptr_t)r[i->dst_reg] += r[i->src_reg];
	else if (i->code != (BPF_ST | BPF_MEM | BPF_W)) /* the key of the map, on the stack */
		fail_msg("instruction %02x", i->code);
}

/* Does a packet of this length pass? */
static bool passes(struct machine *machine, uint32_t length)
{
	uint64_t r[11] = { 0 };
	for (size_t at = 0; at < machine->count; at++) {
		const struct bpf_insn *i = &machine->code[at];
		uint8_t class = BPF_CLASS(i->code);
		if (i->code == (BPF_JMP | BPF_EXIT)) {
			assert_true((int32_t)r[0] == TC_ACT_UNSPEC || (int32_t)r[0] == TC_ACT_SHOT);
			return (int32_t)r[0] == TC_ACT_UNSPEC;
		}
		if (i->code == (BPF_JMP | BPF_CALL))
			call(machine, i->imm, r);
		else if (i->code == (BPF_LD | BPF_DW | BPF_IMM))
			r[i->dst_reg] = (uint32_t)i->imm | (uint64_t)(uint32_t)machine->code[++at].imm << 32;
		else if (class == BPF_JMP)
			at += jumps(i, r) ? (size_t)i->off : 0;
		else if (class == BPF_ALU64)
			calculate(i, r);
		else
			access_memory(i, r, length);
	}
	fail_msg("the program does not end");
	return false;
}

static struct machine build(uint64_t bits_per_second, uint64_t burst_bytes)
{
	struct machine machine = { .now_ns = 5 * SECOND };
	machine.count = rate_filter_build(bits_per_second, burst_bytes, 3, machine.code);
	assert_true(machine.count <= RATE_FILTER_SIZE);
	return machine;
}

/* Bytes that pass of packets that come every gap_ns for this time. */
static uint64_t flood(struct machine *machine, uint32_t length, uint64_t gap_ns, uint64_t time_ns)
{
	uint64_t bytes = 0;
	for (uint64_t end = machine->now_ns + time_ns; machine->now_ns < end; machine->now_ns += gap_ns)
		bytes += passes(machine, length) ? length : 0;
	return bytes;
}

static void test_rates_are_kept(void **state)
{
	static const struct {
		uint64_t bits;
		uint32_t length;
		uint64_t gap_ns;
	} cases[] = { { 8000, 100, 1000000 }, { 8000000, 1000, 10000 }, { 8000000, 65549, 1000000 }, { 1000000000, 1514, 1000 },
		{ 100000000000, 65549, 100 } };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct machine machine = build(cases[i].bits, 2048);
		uint64_t time_ns = 1000000 * cases[i].gap_ns < 20 * SECOND ? 1000000 * cases[i].gap_ns : 20 * SECOND;

		uint64_t bytes = flood(&machine, cases[i].length, cases[i].gap_ns, time_ns);

		uint64_t wanted = (uint64_t)((double)cases[i].bits / 8 * (double)time_ns / 1e9);
		assert_in_range(bytes, wanted - wanted / 100 - cases[i].length, wanted + wanted / 100 + 2048 + cases[i].length);
	}
}

static void test_burst_is_saved_and_no_more(void **state)
{
	(void)state;
	struct machine machine = build(8000000, 100000);
	assert_in_range(flood(&machine, 1000, 1, 1000), 100000, 102000);
	machine.now_ns += SECOND / 20; /* half of it */
	assert_in_range(flood(&machine, 1000, 1, 1000), 49000, 52000);
	machine.now_ns += 3600 * SECOND;
	assert_in_range(flood(&machine, 1000, 1, 1000), 100000, 102000);
}

static void test_packet_larger_than_the_burst_passes(void **state)
{
	(void)state;
	struct machine machine = build(8000, 2048);
	assert_true(passes(&machine, 524288));
	machine.now_ns += 500 * SECOND; /* it owes 522 */
	assert_false(passes(&machine, 60));
	machine.now_ns += 25 * SECOND;
	assert_true(passes(&machine, 60));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_are_kept),
		cmocka_unit_test(test_burst_is_saved_and_no_more),
		cmocka_unit_test(test_packet_larger_than_the_burst_passes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
