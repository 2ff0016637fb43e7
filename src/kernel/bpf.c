#include "kernel/bpf.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void bpf_emit(struct bpf_builder *builder, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	builder->code[builder->count++] =
		(struct bpf_insn){ .code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm };
}

void bpf_jump_here(struct bpf_builder *builder, size_t from)
{
	builder->code[from].off = (int16_t)(builder->count - from - 1);
}

int bpf_call(int command, union bpf_attr *attributes)
{
	int r = (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
	return r < 0 ? -errno : r;
}

int bpf_load(uint32_t kind, const char *name, const struct bpf_insn *code, size_t count)
{
	union bpf_attr attributes = {
		.prog_type = kind,
		.insns = (uint64_t)(uintptr_t)code,
		.insn_cnt = (uint32_t)count,
		.license = (uint64_t)(uintptr_t) "GPL",
	};
	(void)strncpy(attributes.prog_name, name, sizeof(attributes.prog_name) - 1);
	return bpf_call(BPF_PROG_LOAD, &attributes);
}
