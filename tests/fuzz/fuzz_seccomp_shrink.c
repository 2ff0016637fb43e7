/*
 * Any bytes as a seccomp program that the kernel would take: made shorter, it gives the same answers.
 * fuzz-link: src/programs/seccomp_shrink.c
 */
#include "fuzz.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../seccomp_answer.h"
#include "programs/seccomp_shrink.h"

#define MOST	    300 /* more than a conditional jump reaches */
#define MOST_VALUES 24

const char *const fuzz_words[] = { NULL };

static const uint32_t architectures[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64 };

struct input {
	const uint8_t *data;
	size_t size, at;
	uint32_t loaded; /* the offset that the last instruction of that kind named */
};

static uint8_t next(struct input *input)
{
	return input->at < input->size ? input->data[input->at++] : 0;
}

/* Few values, so that comparisons hit; near the ends of what a number can be, too. */
static uint32_t next_value(struct input *input)
{
	uint8_t byte = next(input);

	return byte < 128 ? byte : byte < 192 ? architectures[byte % 3] : byte < 208 ? 0x40000000U + byte - 192 : UINT32_MAX - (255U - byte);
}

static struct sock_filter next_instruction(struct input *input, size_t left)
{
	static const uint32_t words[] = { offsetof(struct seccomp_data, nr), offsetof(struct seccomp_data, nr),
		offsetof(struct seccomp_data, arch), offsetof(struct seccomp_data, args), offsetof(struct seccomp_data, args) + 4,
		offsetof(struct seccomp_data, instruction_pointer) };
	static const uint16_t conditions[] = { BPF_JEQ, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET };
	bool has_architecture = input->loaded == offsetof(struct seccomp_data, arch);
	bool has_argument = input->loaded > offsetof(struct seccomp_data, arch);
	uint8_t kind = next(input);

	if (kind < 30)
		return (struct sock_filter){ BPF_LD | BPF_W | BPF_ABS, 0, 0, input->loaded = words[next(input) % 6] };
	if (kind < 80)
		return (struct sock_filter){ BPF_RET | BPF_K, 0, 0, next(input) % 4 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | kind % 4U };
	if (kind < 90)
		return (struct sock_filter){ BPF_JMP | BPF_JA, 0, 0, (uint32_t)(next(input) % left) };
	if (kind < 100 && has_argument)
		return (struct sock_filter){ BPF_ALU | BPF_AND | BPF_K, 0, 0, next_value(input) };
	/* others at a number or an architecture make a program that is not understood: only seldom */
	unsigned condition = kind == 255 ? 4 : has_argument ? kind % 5 : has_architecture ? 0 : kind % 4;
	uint32_t value = has_architecture && kind < 254 ? architectures[next(input) % 3] : next_value(input);
	struct sock_filter one = { BPF_JMP | BPF_K | conditions[condition], 0, 0, value };
	size_t far = left < 256 ? left : 256, near = far < 8 ? far : 8;
	one.jt = (uint8_t)(next(input) % (kind & 1 ? near : far));
	one.jf = (uint8_t)(next(input) % (kind & 2 ? near : far));
	return one;
}

/* Numbers around those that the program compares with. */
static size_t find_values(const struct sock_filter *program, size_t count, uint32_t *ret)
{
	size_t found = 0;

	ret[found++] = 0;
	ret[found++] = UINT32_MAX;
	for (size_t i = 0; i < count && found + 3 <= MOST_VALUES; i++)
		if (BPF_CLASS(program[i].code) == BPF_JMP && program[i].code != (BPF_JMP | BPF_JA)) {
			ret[found++] = program[i].k - 1;
			ret[found++] = program[i].k;
			ret[found++] = program[i].k + 1;
		}
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sock_filter old[MOST + 2], new[MOST + 2];
	uint32_t values[MOST_VALUES];
	struct input input = { data, size, 0, 0 };
	size_t wanted = (size_t)next(&input) + next(&input) % 44, count = 0;

	if (wanted > MOST)
		wanted = MOST;
	for (; count < wanted; count++)
		old[count] = next_instruction(&input, wanted - count + 1);
	old[count++] = (struct sock_filter){ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS };
	old[count++] = (struct sock_filter){ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW };
	memcpy(new, old, count * sizeof(*old));
	size_t shrunk = seccomp_shrink(new, count);
	if (shrunk == 0 || shrunk > count || (shrunk == count && memcmp(old, new, count * sizeof(*old)) != 0))
		abort(); /* neither shorter nor the same */
	size_t found = shrunk < count ? find_values(old, count, values) : 0;
	for (size_t number = 0; number < found; number++)
		for (size_t a = 0; a < 5; a++)
			for (size_t argument = 0; argument < found; argument += 1 + found / 4) {
				struct seccomp_data call = { .nr = (int)values[number], .arch = a < 3 ? architectures[a] : values[(a + number) % found],
					.args = { values[argument] | (uint64_t)values[(argument + number) % found] << 32 },
					.instruction_pointer = values[argument] };
				if (seccomp_answer(old, count, &call) != seccomp_answer(new, shrunk, &call))
					abort(); /* another answer */
			}
	return 0;
}
