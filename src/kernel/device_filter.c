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

/* Of one rule, its share of a verdict included. */
#define MOST_PER_RULE 9
#define MOST_MATCHES 512 /* jumps that one verdict serves: their offsets have 16 bits */

struct filter {
	struct bpf_builder builder;
	bool denies_default;
	size_t others[2]; /* jumps behind the rules of one type and major number */
	size_t other_count;
	size_t matches[MOST_MATCHES]; /* jumps to the verdict on what a rule matches */
	size_t match_count;
};

static size_t emit_jump(struct filter *filter, uint8_t condition, uint8_t reg, int32_t value)
{
	bpf_emit(&filter->builder, BPF_JMP | condition | BPF_K, reg, 0, 0, value);
	return filter->builder.count - 1;
}

static void emit_verdict(struct filter *filter, bool allows)
{
	bpf_emit(&filter->builder, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, allows);
	bpf_emit(&filter->builder, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void end_matches(struct filter *filter)
{
	while (filter->match_count > 0)
		bpf_jump_here(&filter->builder, filter->matches[--filter->match_count]);
	emit_verdict(filter, filter->denies_default);
}

/* What follows is for other types or major numbers. */
static void end_group(struct filter *filter)
{
	while (filter->other_count > 0)
		bpf_jump_here(&filter->builder, filter->others[--filter->other_count]);
	if (filter->match_count < MOST_MATCHES)
		return;
	size_t over = emit_jump(filter, BPF_JA, 0, 0);
	end_matches(filter);
	bpf_jump_here(&filter->builder, over);
}

/* r2 type, r4 major: what all rules of a group ask first. */
static void begin_group(struct filter *filter, const struct device_rule *rule)
{
	end_group(filter);
	if (rule->type != 'a')
		filter->others[filter->other_count++] =
			emit_jump(filter, BPF_JNE, 2, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (rule->major != DEVICE_ANY)
		filter->others[filter->other_count++] = emit_jump(filter, BPF_JNE, 4, (int32_t)rule->major);
}

/*
 * r3 access, r5 minor. A list of what is allowed needs all of the asked access to be in one rule; a list of what is
 * denied needs any of it: as match_exception and match_exception_partial do.
 */
static void emit_rule(struct filter *filter, const struct device_rule *rule)
{
	struct bpf_builder *builder = &filter->builder;
	bool has_minor = rule->minor != DEVICE_ANY, has_access = rule->access != DEVICE_ALL;
	size_t next = 0;

	if (has_minor && has_access)
		next = emit_jump(filter, BPF_JNE, 5, (int32_t)rule->minor);
	if (has_access) {
		bpf_emit(builder, BPF_ALU | BPF_MOV | BPF_X, 1, 3, 0, 0);
		bpf_emit(builder, BPF_ALU | BPF_AND | BPF_K, 1, 0, 0,
			(int32_t)(filter->denies_default ? ~rule->access & DEVICE_ALL : rule->access));
	}
	filter->matches[filter->match_count++] = has_access ? emit_jump(filter, filter->denies_default ? BPF_JEQ : BPF_JNE, 1, 0) :
		has_minor ? emit_jump(filter, BPF_JEQ, 5, (int32_t)rule->minor) : emit_jump(filter, BPF_JA, 0, 0);
	if (has_minor && has_access)
		bpf_jump_here(builder, next);
}

static bool is_of_group(const struct device_rule *rule, const struct device_rule *before)
{
	return before && rule->type == before->type && rule->major == before->major;
}

/* Each rule that matches gives the same verdict, so their order says nothing. The verifier walks every branch: the fewer, the faster. */
int device_filter_build(const struct device_rules *rules, struct bpf_insn **ret_program)
{
	struct filter filter = { .builder.code = calloc(16 + rules->exceptions.count * MOST_PER_RULE, sizeof(struct bpf_insn)),
		.denies_default = rules->denies_default };
	struct bpf_builder *builder = &filter.builder;
	const struct device_rule *before = NULL;

	if (!builder->code)
		return -ENOMEM;
	/* struct bpf_cgroup_dev_ctx: access_type is (access << 16) | type */
	bpf_emit(builder, BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0);
	bpf_emit(builder, BPF_ALU | BPF_MOV | BPF_X, 3, 2, 0, 0);
	bpf_emit(builder, BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	bpf_emit(builder, BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16);
	bpf_emit(builder, BPF_LDX | BPF_MEM | BPF_W, 4, 1, 4, 0);
	bpf_emit(builder, BPF_LDX | BPF_MEM | BPF_W, 5, 1, 8, 0);
	vector_for_each (rule, &rules->exceptions) {
		if (!is_of_group(rule, before) || filter.match_count == MOST_MATCHES)
			begin_group(&filter, rule);
		emit_rule(&filter, rule);
		/* behind a jump that is always taken nothing may follow that no other jump leads to */
		before = rule->minor == DEVICE_ANY && rule->access == DEVICE_ALL ? NULL : rule;
	}
	end_group(&filter);
	emit_verdict(&filter, !filter.denies_default);
	if (filter.match_count > 0)
		end_matches(&filter);
	*ret_program = builder->code;
	return (int)builder->count;
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
