#pragma once
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

/* A program that is being written; code has room for it. */
struct bpf_builder {
	struct bpf_insn *code;
	size_t count;
};

void bpf_emit(struct bpf_builder *builder, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm);
/* The jump at number from leads to what is emitted next. */
void bpf_jump_here(struct bpf_builder *builder, size_t from);

/* bpf(2). What it returns, or -errno. */
int bpf_call(int command, union bpf_attr *attributes);
/* Loads a program of a kind (BPF_PROG_TYPE_*) under a name of at most 15 characters. A close-on-exec fd, or -errno. */
int bpf_load(uint32_t kind, const char *name, const struct bpf_insn *code, size_t count);
