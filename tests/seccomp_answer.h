#pragma once
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What a seccomp program answers to a call, by the kernel's rules; abort() at an instruction that no test puts in. */
static inline uint32_t seccomp_answer(const struct sock_filter *program, size_t count, const struct seccomp_data *data)
{
	uint32_t value = 0;

	for (size_t i = 0; i < count; i++) {
		const struct sock_filter *one = &program[i];
		bool is_true = false;
		switch (one->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&value, (const char *)data + one->k, sizeof(value));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			value &= one->k;
			continue;
		case BPF_JMP | BPF_JA:
			i += one->k;
			continue;
		case BPF_RET | BPF_K:
			return one->k;
		case BPF_JMP | BPF_JEQ | BPF_K:
			is_true = value == one->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			is_true = value >= one->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			is_true = value > one->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			is_true = value & one->k;
			break;
		default:
			abort(); /* no instruction that was put in */
		}
		i += is_true ? one->jt : one->jf;
	}
	abort(); /* it has no end */
}
