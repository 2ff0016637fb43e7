#pragma once
#include "base/vector.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

#define DEVICE_ANY UINT32_MAX

enum device_access {
	DEVICE_MKNOD = 1, /* BPF_DEVCG_ACC_* have the same values */
	DEVICE_READ = 2,
	DEVICE_WRITE = 4,
	DEVICE_ALL = 7,
};

/* One exception from the default of a list. */
struct device_rule {
	char type; /* 'b', 'c', 'a' for both */
	uint32_t major, minor; /* DEVICE_ANY: all */
	uint32_t access;       /* mask of enum device_access */
};

/*
 * What the devices controller of cgroup v1 holds per group (kernel security/device_cgroup.c): a default and the
 * exceptions from it. Zeroed means: no list, everything is allowed.
 */
struct device_rules {
	bool is_set;	     /* something was asked for: a program is needed */
	bool denies_default; /* all is denied but the exceptions; else all is allowed but them */
	VECTOR(struct device_rule) exceptions;
};

/*
 * Changes the list as a write of rule to devices.allow (allow) or devices.deny does: 'a' drops all exceptions and
 * sets the default; other rules add to or take from the exceptions. 0 or -ENOMEM.
 */
int device_rules_change(struct device_rules *rules, bool allow, const struct device_rule *rule);
void device_rules_clear(struct device_rules *rules);
int device_rules_copy(struct device_rules *ret, const struct device_rules *rules);

/*
 * The program (BPF_PROG_TYPE_CGROUP_DEVICE) for rules, malloc'ed. Returns the number of instructions or -ENOMEM.
 */
int device_filter_build(const struct device_rules *rules, struct bpf_insn **ret_program);

/*
 * Attaches the program for rules to the cgroup2 directory cgroup_fd. A program that this function attached there
 * before is replaced without a gap (BPF_F_REPLACE, 5.6). 0 or -errno; -EPERM in a user namespace.
 */
int device_filter_attach(int cgroup_fd, const struct device_rules *rules);
/* The same to a group that was made just now, and has none. */
int device_filter_attach_first(int cgroup_fd, const struct device_rules *rules);
