/* Seccomp rules that belong to a disk limit; the numbers of system calls are those of the kernel's tables. */
#include "security/seccomp_guard.h"

#include "security/security.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/btrfs.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define MAX_CODE       256
#define X32_BIT	       0x40000000U
#define QUOTACTL_FD    443 /* the same everywhere but on alpha */
#define FILE_SETATTR   469
#define SETFLAGS_OF_32 _IOW('f', 2, uint32_t) /* FS_IOC32_SETFLAGS */

/* Where the lower half of an argument lies. */
#define LOW_HALF (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)

/* What this machine can run. */
static const struct abi {
	uint32_t arch, bit, ioctl, quotactl;
} abis[] = {
#if defined(__x86_64__)
	{ AUDIT_ARCH_X86_64, 0, 16, 179 },
	{ AUDIT_ARCH_X86_64, X32_BIT, 514, 179 },
	{ AUDIT_ARCH_I386, 0, 54, 131 },
#elif defined(__aarch64__)
	{ AUDIT_ARCH_AARCH64, 0, 29, 60 },
	{ AUDIT_ARCH_ARM, 0, 54, 131 },
#else
	{ AUDIT_ARCH_RISCV64, 0, 29, 60 },
	{ AUDIT_ARCH_PPC64LE, 0, 54, 131 },
	{ AUDIT_ARCH_S390X, 0, 54, 131 },
#endif
};

/* By which ioctls; those of btrfs and of the attributes have the same number in 32 bits, but for FS_IOC_SETFLAGS. */
static const struct forbidden {
	uint32_t guard; /* any of these bits of enum spec_guard */
	uint32_t command;
} forbidden[] = {
	{ GUARD_PROJECT, (uint32_t)FS_IOC_FSSETXATTR },
	{ GUARD_PROJECT, (uint32_t)FS_IOC_SETFLAGS },
	{ GUARD_PROJECT, (uint32_t)SETFLAGS_OF_32 },
	{ GUARD_SUBVOLUMES, (uint32_t)BTRFS_IOC_SUBVOL_CREATE },
	{ GUARD_SUBVOLUMES, (uint32_t)BTRFS_IOC_SNAP_CREATE },
	{ GUARD_SUBVOLUMES | GUARD_SUBVOLUME_GROUPS, (uint32_t)BTRFS_IOC_SUBVOL_CREATE_V2 },
	{ GUARD_SUBVOLUMES | GUARD_SUBVOLUME_GROUPS, (uint32_t)BTRFS_IOC_SNAP_CREATE_V2 },
	{ GUARD_GROUPS, (uint32_t)BTRFS_IOC_QUOTA_CTL },
	{ GUARD_GROUPS, (uint32_t)BTRFS_IOC_QGROUP_ASSIGN },
	{ GUARD_GROUPS, (uint32_t)BTRFS_IOC_QGROUP_CREATE },
	{ GUARD_GROUPS, (uint32_t)BTRFS_IOC_QGROUP_LIMIT },
};

struct program {
	struct sock_filter code[MAX_CODE];
	size_t count;
};

static void add(struct program *program, uint16_t code, uint8_t if_true, uint8_t if_false, uint32_t value)
{
	if (program->count < MAX_CODE)
		program->code[program->count++] = (struct sock_filter){ code, if_true, if_false, value };
}

static void load(struct program *program, size_t offset)
{
	add(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void answer(struct program *program, uint32_t value, uint32_t action)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
	add(program, BPF_RET | BPF_K, 0, 0, action);
}

/* The number of the call is loaded; a jump that is filled in afterwards leads past the ioctls. */
static void add_ioctls(struct program *program, uint32_t number, uint32_t guard, uint32_t refusal)
{
	size_t jump = program->count;

	add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, number);
	load(program, offsetof(struct seccomp_data, args[1]) + LOW_HALF);
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++)
		if (forbidden[i].guard & guard)
			answer(program, forbidden[i].command, refusal);
	load(program, offsetof(struct seccomp_data, nr));
	program->code[jump].jf = (uint8_t)(program->count - jump - 1);
}

static void add_abi(struct program *program, const struct abi *abi, uint32_t guard, bool serves_quota)
{
	const uint32_t refusal = SECCOMP_RET_ERRNO | EPERM;
	bool is_native = abi->quotactl == SYS_quotactl && !abi->bit; /* the structures of 32-bit programs are others */
	size_t jump = program->count;

	add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, abi->arch);
	load(program, offsetof(struct seccomp_data, nr));
	if (guard)
		add_ioctls(program, abi->ioctl | abi->bit, guard, refusal);
	if (guard & GUARD_PROJECT)
		answer(program, FILE_SETATTR | abi->bit, refusal);
	if (guard & GUARD_PROJECT || serves_quota) {
		uint32_t action = !serves_quota ? refusal : is_native ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ERRNO | ENOSYS;
		answer(program, abi->quotactl | abi->bit, action);
		answer(program, QUOTACTL_FD | abi->bit, action);
	}
	if (guard & GUARD_STATFS && is_native) {
		answer(program, SYS_statfs, SECCOMP_RET_USER_NOTIF);
		answer(program, SYS_fstatfs, SECCOMP_RET_USER_NOTIF);
	}
	load(program, offsetof(struct seccomp_data, arch)); /* for the next one */
	program->code[jump].jf = (uint8_t)(program->count - jump - 2);
}

int seccomp_guard_add(const struct spec *spec, struct seccomp_filter *filter)
{
	uint32_t guard = spec->rootfs.limit_guard;
	bool serves_quota = spec_serves_quota(spec);
	struct program program = { .count = 0 };

	if (!guard && !serves_quota)
		return 0;
	load(&program, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < sizeof(abis) / sizeof(*abis); i++)
		add_abi(&program, &abis[i], guard, serves_quota);
	if (filter->count == 0)
		add(&program, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
	struct sock_filter *both = calloc(program.count + filter->count, sizeof(*both));
	if (!both || program.count == MAX_CODE) {
		free(both);
		return -ENOMEM;
	}
	memcpy(both, program.code, program.count * sizeof(*both));
	if (filter->count > 0)
		memcpy(both + program.count, filter->instructions, filter->count * sizeof(*both));
	free(filter->instructions);
	filter->instructions = both;
	filter->count += program.count;
	filter->allow_nesting = true; /* below another filter it counts as well */
	return 0;
}
