#include "kernel/rate_filter.h"

#include "base/cleanup.h"
#include "kernel/bpf.h"

#include <linux/pkt_cls.h>

#define NS_PER_SECOND 1000000000ULL
#define SHIFT	      20 /* binary digits behind the point of the time that a byte takes */

/* kind: 0, or BPF_PSEUDO_MAP_FD for the address of a map. */
static void emit_load64(struct bpf_builder *builder, uint8_t dst, uint8_t kind, uint64_t value)
{
	bpf_emit(builder, BPF_LD | BPF_DW | BPF_IMM, dst, kind, 0, (int32_t)(uint32_t)value);
	bpf_emit(builder, 0, 0, 0, 0, (int32_t)(uint32_t)(value >> 32));
}

static void emit_end(struct bpf_builder *builder, int32_t verdict)
{
	bpf_emit(builder, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, verdict);
	bpf_emit(builder, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* r7: length; r8: the state; r0: now. The state is the time until which all is paid for. */
static void emit_load_state(struct bpf_builder *builder, int state_fd)
{
	bpf_emit(builder, BPF_LDX | BPF_MEM | BPF_W, 7, 1, offsetof(struct __sk_buff, len), 0);
	bpf_emit(builder, BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0);
	bpf_emit(builder, BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0);
	bpf_emit(builder, BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4);
	emit_load64(builder, 1, BPF_PSEUDO_MAP_FD, (uint32_t)state_fd);
	bpf_emit(builder, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
	bpf_emit(builder, BPF_JMP | BPF_JNE | BPF_K, 0, 0, 2, 0);
	emit_end(builder, TC_ACT_SHOT); /* an array's only element is always there; the verifier does not know */
	bpf_emit(builder, BPF_ALU64 | BPF_MOV | BPF_X, 8, 0, 0, 0);
	bpf_emit(builder, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns);
}

size_t rate_filter_build(uint64_t bits_per_second, uint64_t burst_bytes, int state_fd,
	struct bpf_insn program[RATE_FILTER_SIZE])
{
	struct bpf_builder builder = { .code = program };
	uint64_t ns_per_byte = (8 * NS_PER_SECOND << SHIFT) / bits_per_second;
	uint64_t burst_ns = (uint64_t)((double)burst_bytes * 8e9 / (double)bits_per_second);
	emit_load_state(&builder, state_fd);
	/* idle time is saved up to the burst. Two CPUs may both write this: at most a packet is not counted */
	bpf_emit(&builder, BPF_LDX | BPF_MEM | BPF_DW, 1, 8, 0, 0);
	bpf_emit(&builder, BPF_ALU64 | BPF_MOV | BPF_X, 2, 0, 0, 0);
	emit_load64(&builder, 3, 0, burst_ns);
	bpf_emit(&builder, BPF_ALU64 | BPF_SUB | BPF_X, 2, 3, 0, 0);
	bpf_emit(&builder, BPF_JMP | BPF_JSGE | BPF_X, 1, 2, 2, 0);
	bpf_emit(&builder, BPF_STX | BPF_MEM | BPF_DW, 8, 2, 0, 0);
	bpf_emit(&builder, BPF_ALU64 | BPF_MOV | BPF_X, 1, 2, 0, 0);
	size_t is_owed = builder.count;
	bpf_emit(&builder, BPF_JMP | BPF_JSGT | BPF_X, 1, 0, 0, 0);
	emit_load64(&builder, 3, 0, ns_per_byte);
	bpf_emit(&builder, BPF_ALU64 | BPF_MUL | BPF_X, 7, 3, 0, 0);
	bpf_emit(&builder, BPF_ALU64 | BPF_RSH | BPF_K, 7, 0, 0, SHIFT);
	bpf_emit(&builder, BPF_STX | BPF_XADD | BPF_DW, 8, 7, 0, 0);
	emit_end(&builder, TC_ACT_UNSPEC);
	bpf_jump_here(&builder, is_owed);
	emit_end(&builder, TC_ACT_SHOT);
	return builder.count;
}

int rate_filter_load(uint64_t bits_per_second, uint64_t burst_bytes)
{
	struct bpf_insn program[RATE_FILTER_SIZE];
	union bpf_attr map = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1,
		.map_name = "wabe_rate" };
	auto_close int state_fd = bpf_call(BPF_MAP_CREATE, &map); /* the program holds it from then on */
	if (state_fd < 0)
		return state_fd;
	size_t count = rate_filter_build(bits_per_second, burst_bytes, state_fd, program);
	return bpf_load(BPF_PROG_TYPE_SCHED_CLS, "wabe_rate", program, count);
}
