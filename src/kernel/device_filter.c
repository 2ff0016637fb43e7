#include "kernel/device_filter.h"

#include "base/cleanup.h"
#include "kernel/bpf.h"

#include <string.h>

/* ---- the list, as security/device_cgroup.c keeps it ---- */

void device_rules_clear(struct device_rules *rules)
{
	free(rules->exceptions.items);
	*rules = (struct device_rules){ 0 };
}

int device_rules_copy(struct device_rules *ret, const struct device_rules *rules)
{
	*ret = (struct device_rules){ .is_set = rules->is_set, .denies_default = rules->denies_default };
	vector_for_each (rule, &rules->exceptions) {
		struct device_rule *copy = vector_add(&ret->exceptions);
		if (!copy)
			return -ENOMEM;
		*copy = *rule;
	}
	return 0;
}

static bool is_same_device(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

static int add_exception(struct device_rules *rules, const struct device_rule *rule)
{
	vector_for_each (old, &rules->exceptions) {
		if (is_same_device(old, rule)) {
			old->access |= rule->access;
			return 0;
		}
	}
	struct device_rule *added = vector_add(&rules->exceptions);
	if (!added)
		return -ENOMEM;
	*added = *rule;
	return 0;
}

static void remove_exception(struct device_rules *rules, const struct device_rule *rule)
{
	for (size_t i = rules->exceptions.count; i-- > 0;) {
		struct device_rule *old = &rules->exceptions.items[i];
		if (!is_same_device(old, rule))
			continue;
		old->access &= ~rule->access;
		if (old->access == 0)
			vector_remove(&rules->exceptions, i);
	}
}

int device_rules_change(struct device_rules *rules, bool allow, const struct device_rule *rule)
{
	rules->is_set = true;
	if (rule->type == 'a') {
		rules->exceptions.count = 0;
		rules->denies_default = !allow;
		return 0;
	}
	/* an exception is what differs from the default */
	if (allow == rules->denies_default)
		return add_exception(rules, rule);
	remove_exception(rules, rule);
	return 0;
}

/* ---- the program ---- */

#define MOST_PER_RULE 8

/*
 * One exception; falls through to the next when it does not match. A list of what is allowed needs all of the
 * asked access to be in one rule; a list of what is denied needs any of it: as match_exception and
 * match_exception_partial do.
 * r2 type, r3 access, r4 major, r5 minor.
 */
static void emit_rule(struct bpf_builder *builder, const struct device_rule *rule, bool denies_default)
{
	size_t jumps[4], count = 0;
	int32_t type = rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
	if (rule->type != 'a') {
		jumps[count++] = builder->count;
		bpf_emit(builder, BPF_JMP | BPF_JNE | BPF_K, 2, 0, 0, type);
	}
	if (rule->major != DEVICE_ANY) {
		jumps[count++] = builder->count;
		bpf_emit(builder, BPF_JMP | BPF_JNE | BPF_K, 4, 0, 0, (int32_t)rule->major);
	}
	if (rule->minor != DEVICE_ANY) {
		jumps[count++] = builder->count;
		bpf_emit(builder, BPF_JMP | BPF_JNE | BPF_K, 5, 0, 0, (int32_t)rule->minor);
	}
	if (rule->access != DEVICE_ALL) {
		bpf_emit(builder, BPF_ALU | BPF_MOV | BPF_X, 1, 3, 0, 0);
		bpf_emit(builder, BPF_ALU | BPF_AND | BPF_K, 1, 0, 0,
			(int32_t)(denies_default ? ~rule->access & DEVICE_ALL : rule->access));
		jumps[count++] = builder->count;
		bpf_emit(builder, denies_default ? BPF_JMP | BPF_JNE | BPF_K : BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0, 0);
	}
	bpf_emit(builder, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, denies_default);
	bpf_emit(builder, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	while (count-- > 0)
		bpf_jump_here(builder, jumps[count]);
}

int device_filter_build(const struct device_rules *rules, struct bpf_insn **ret_program)
{
	struct bpf_builder builder = { .code = calloc(8 + rules->exceptions.count * (MOST_PER_RULE + 1), sizeof(struct bpf_insn)) };
	if (!builder.code)
		return -ENOMEM;
	/* struct bpf_cgroup_dev_ctx: access_type is (access << 16) | type */
	bpf_emit(&builder, BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0);
	bpf_emit(&builder, BPF_ALU | BPF_MOV | BPF_X, 3, 2, 0, 0);
	bpf_emit(&builder, BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	bpf_emit(&builder, BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16);
	bpf_emit(&builder, BPF_LDX | BPF_MEM | BPF_W, 4, 1, 4, 0);
	bpf_emit(&builder, BPF_LDX | BPF_MEM | BPF_W, 5, 1, 8, 0);
	vector_for_each (rule, &rules->exceptions)
		emit_rule(&builder, rule, rules->denies_default);
	bpf_emit(&builder, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, !rules->denies_default);
	bpf_emit(&builder, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	*ret_program = builder.code;
	return (int)builder.count;
}

static int load_program(const struct device_rules *rules)
{
	auto_free struct bpf_insn *code = NULL;
	int count = device_filter_build(rules, &code);
	if (count < 0)
		return count;
	return bpf_load(BPF_PROG_TYPE_CGROUP_DEVICE, "wabe_devices", code, (size_t)count);
}

/* An fd of the one program that is attached to the group itself, or -ENOENT. */
static int find_attached(int cgroup_fd)
{
	uint32_t ids[8] = { 0 };
	union bpf_attr attributes = { 0 };
	attributes.query.target_fd = (uint32_t)cgroup_fd;
	attributes.query.attach_type = BPF_CGROUP_DEVICE;
	attributes.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attributes.query.prog_cnt = sizeof(ids) / sizeof(*ids);
	int r = bpf_call(BPF_PROG_QUERY, &attributes);
	if (r < 0)
		return r;
	if (attributes.query.prog_cnt == 0)
		return -ENOENT;
	union bpf_attr get = { .prog_id = ids[attributes.query.prog_cnt - 1] };
	return bpf_call(BPF_PROG_GET_FD_BY_ID, &get);
}

static int attach(int cgroup_fd, const struct device_rules *rules, int old_fd)
{
	auto_close int program_fd = load_program(rules);
	if (program_fd < 0)
		return program_fd;
	union bpf_attr attributes = {
		.target_fd = (uint32_t)cgroup_fd,
		.attach_bpf_fd = (uint32_t)program_fd,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI | (old_fd >= 0 ? BPF_F_REPLACE : 0),
		.replace_bpf_fd = old_fd >= 0 ? (uint32_t)old_fd : 0,
	};
	return bpf_call(BPF_PROG_ATTACH, &attributes);
}

int device_filter_attach(int cgroup_fd, const struct device_rules *rules)
{
	auto_close int old_fd = find_attached(cgroup_fd);
	return attach(cgroup_fd, rules, old_fd);
}

int device_filter_attach_first(int cgroup_fd, const struct device_rules *rules)
{
	return attach(cgroup_fd, rules, -1);
}
