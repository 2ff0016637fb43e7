/*
 * wabe-compile-seccomp: a seccomp policy in LXC's language on standard input becomes BPF on standard output.
 * A fault is one line "line N: TEXT" on standard error and exit status 1. A program of its own, so that nothing
 * on the start path links or loads libseccomp.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

struct policy {
	scmp_filter_ctx filter;
	bool is_allow_list;
	uint32_t rule_action; /* of a rule without one */
	bool skip_section;    /* rules for a foreign architecture */
	unsigned line;
};

static int fail(const struct policy *policy, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fail(const struct policy *policy, const char *fmt, ...)
{
	va_list arguments;
	va_start(arguments, fmt);
	fprintf(stderr, "line %u: ", policy->line);
	vfprintf(stderr, fmt, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	return -EINVAL;
}

/* "kill", "errno N", "allow", "trap", "notify" in words, *ret_used words of them. */
static int parse_action(const struct policy *policy, const struct string_list *words, size_t at, uint32_t *ret,
	size_t *ret_used)
{
	const char *word = words->items[at];
	*ret_used = 1;
	if (strcmp(word, "kill") == 0) {
		*ret = SCMP_ACT_KILL;
	} else if (strcmp(word, "allow") == 0) {
		*ret = SCMP_ACT_ALLOW;
	} else if (strcmp(word, "trap") == 0) {
		*ret = SCMP_ACT_TRAP;
	} else if (strcmp(word, "notify") == 0) {
		*ret = SCMP_ACT_NOTIFY;
	} else if (strcmp(word, "errno") == 0) {
		uint32_t number;
		if (at + 1 >= words->count || text_to_u32(words->items[at + 1], &number) < 0 || number > 4095)
			return fail(policy, "errno needs a number from 0 to 4095");
		*ret = SCMP_ACT_ERRNO(number);
		*ret_used = 2;
	} else {
		return fail(policy, "unknown action %s (kill, errno N, allow, trap or notify)", word);
	}
	return 0;
}

static int parse_compare(const char *text, enum scmp_compare *ret)
{
	static const struct {
		const char *name, *symbol;
		enum scmp_compare op;
	} operators[] = {
		{ "SCMP_CMP_NE", "!=", SCMP_CMP_NE },
		{ "SCMP_CMP_LT", "<", SCMP_CMP_LT },
		{ "SCMP_CMP_LE", "<=", SCMP_CMP_LE },
		{ "SCMP_CMP_EQ", "==", SCMP_CMP_EQ },
		{ "SCMP_CMP_GE", ">=", SCMP_CMP_GE },
		{ "SCMP_CMP_GT", ">", SCMP_CMP_GT },
		{ "SCMP_CMP_MASKED_EQ", "&=", SCMP_CMP_MASKED_EQ },
	};
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		if (strcmp(text, operators[i].name) == 0 || strcmp(text, operators[i].symbol) == 0) {
			*ret = operators[i].op;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_number(const char *text, unsigned long long *ret)
{
	char *end;
	errno = 0;
	*ret = strtoull(text, &end, 0);
	return errno || end == text || *end ? -EINVAL : 0;
}

/* "[INDEX,VALUE,OP]" or "[INDEX,VALUE,OP,MASK]" */
static int parse_argument(const struct policy *policy, const char *word, struct scmp_arg_cmp *ret)
{
	struct string_list parts = { 0 };
	unsigned long long index = 0, value = 0, mask = 0;
	int r = text_split(word, "[], \t", &parts);
	bool is_good = r == 0 && (parts.count == 3 || parts.count == 4) &&
		       parse_number(parts.items[0], &index) == 0 && index < 6 &&
		       parse_number(parts.items[1], &value) == 0 && parse_compare(parts.items[2], &ret->op) == 0 &&
		       (parts.count == 3 || parse_number(parts.items[3], &mask) == 0);
	string_list_clear(&parts);
	if (!is_good)
		return fail(policy, "%s is not [INDEX,VALUE,OPERATOR] or [INDEX,VALUE,OPERATOR,MASK]", word);
	ret->arg = (unsigned)index;
	ret->datum_a = ret->op == SCMP_CMP_MASKED_EQ ? mask : value;
	ret->datum_b = ret->op == SCMP_CMP_MASKED_EQ ? value : 0;
	return 0;
}

static int add_rule(const struct policy *policy, uint32_t action, const char *name, unsigned count,
	const struct scmp_arg_cmp *arguments)
{
	int number = seccomp_syscall_resolve_name(name);
	if (number == __NR_SCMP_ERROR)
		return 0; /* a newer or older kernel's call: policies are shared between hosts */
	if (action == (policy->is_allow_list ? SCMP_ACT_KILL : SCMP_ACT_ALLOW))
		return 0; /* what happens anyway */
	int r = seccomp_rule_add_array(policy->filter, action, number, count, arguments);
	if (r < 0 && r != -EEXIST)
		return fail(policy, "%s: rule refused: %s", name, strerror(-r));
	return 0;
}

static int parse_rule(const struct policy *policy, const char *line)
{
	if (text_starts(line, "reject_force_umount")) {
		struct scmp_arg_cmp force = SCMP_A1(SCMP_CMP_MASKED_EQ, MNT_FORCE, MNT_FORCE);
		return add_rule(policy, SCMP_ACT_ERRNO(EACCES), "umount2", 1, &force);
	}
	struct string_list words = { 0 };
	struct scmp_arg_cmp arguments[6];
	unsigned count = 0;
	uint32_t action = policy->rule_action;
	size_t at = 1, used;
	int r = text_split(line, " \t", &words);
	if (r == 0 && words.count > at && words.items[at][0] != '[' && words.items[at][0] != '#') {
		r = parse_action(policy, &words, at, &action, &used);
		at += used;
	}
	for (; r == 0 && at < words.count && words.items[at][0] != '#'; at++)
		r = count == 6 ? fail(policy, "more than six arguments") :
				 parse_argument(policy, words.items[at], &arguments[count++]);
	if (r == 0 && words.count > 0)
		r = add_rule(policy, action, words.items[0], count, arguments);
	string_list_clear(&words);
	return r;
}

/* Names of the policy language that libseccomp calls otherwise. */
static uint32_t architecture(const char *name)
{
	static const struct {
		const char *name;
		uint32_t token;
	} others[] = { { "arm64", SCMP_ARCH_AARCH64 }, { "ppc", SCMP_ARCH_PPC }, { "ppc64le", SCMP_ARCH_PPC64LE } };
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strcasecmp(name, others[i].name) == 0)
			return others[i].token;
	char lower[32];
	size_t i;
	for (i = 0; name[i] && i < sizeof(lower) - 1; i++)
		lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	lower[i] = '\0';
	return seccomp_arch_resolve_name(lower);
}

/* libseccomp adds a rule to every architecture of the filter; a section of one that it has is taken as all. */
static int parse_section(struct policy *policy, char *line)
{
	char *end = strchr(line, ']');
	if (!end)
		return fail(policy, "section %s has no ]", line);
	*end = '\0';
	policy->skip_section = false;
	if (strcasecmp(line + 1, "all") == 0)
		return 0;
	uint32_t token = architecture(line + 1);
	if (token == 0)
		return fail(policy, "unknown architecture %s", line + 1);
	policy->skip_section = seccomp_arch_exist(policy->filter, token) < 0;
	return 0;
}

/* "denylist|allowlist [ACTION]" */
static int parse_kind(struct policy *policy, const char *line)
{
	struct string_list words = { 0 };
	uint32_t default_action = 0;
	size_t used;
	int r = text_split(line, " \t", &words);
	if (r < 0)
		return r;
	const char *kind = words.count ? words.items[0] : "";
	policy->is_allow_list = strcmp(kind, "allowlist") == 0 || strcmp(kind, "whitelist") == 0;
	if (!policy->is_allow_list && strcmp(kind, "denylist") != 0 && strcmp(kind, "blacklist") != 0)
		r = fail(policy, "allowlist or denylist expected, not %s", kind);
	policy->rule_action = policy->is_allow_list ? SCMP_ACT_ALLOW : SCMP_ACT_KILL;
	default_action = policy->is_allow_list ? SCMP_ACT_KILL : SCMP_ACT_ALLOW;
	if (r == 0 && words.count > 1)
		r = parse_action(policy, &words, 1, policy->is_allow_list ? &default_action : &policy->rule_action,
			&used);
	string_list_clear(&words);
	if (r < 0)
		return r;
	policy->filter = seccomp_init(default_action);
	if (!policy->filter)
		return fail(policy, "no memory for the filter");
	(void)seccomp_attr_set(policy->filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	(void)seccomp_attr_set(policy->filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* binary tree where it pays */
	return 0;
}

/* The 32-bit calls of the host reach the same kernel: the filter covers them too. */
static void add_compat_architectures(const struct policy *policy)
{
	switch (seccomp_arch_native()) {
	case SCMP_ARCH_X86_64:
		(void)seccomp_arch_add(policy->filter, SCMP_ARCH_X86);
		(void)seccomp_arch_add(policy->filter, SCMP_ARCH_X32);
		break;
	case SCMP_ARCH_AARCH64:
		(void)seccomp_arch_add(policy->filter, SCMP_ARCH_ARM);
		break;
	default:
		break;
	}
}

static int parse_version_1(const struct policy *policy, const char *line)
{
	uint32_t number;
	if (text_to_u32(line, &number) < 0)
		return fail(policy, "%s is not a system call number", line);
	int r = seccomp_rule_add_array(policy->filter, SCMP_ACT_ALLOW, (int)number, 0, NULL);
	return r < 0 && r != -EEXIST ? fail(policy, "system call %u: %s", number, strerror(-r)) : 0;
}

static int parse_line(struct policy *policy, char *line, unsigned *version)
{
	uint32_t number;
	if (policy->line == 1) {
		if (text_to_u32(line, &number) < 0 || number < 1 || number > 2)
			return fail(policy, "the first line must be the version, 1 or 2");
		*version = number;
		return 0;
	}
	if (policy->line == 2) {
		if (*version == 1 && !text_starts(line, "allowlist"))
			return fail(policy, "a policy of version 1 must be an allowlist");
		int r = parse_kind(policy, line);
		if (r == 0 && *version == 2)
			add_compat_architectures(policy);
		return r;
	}
	if (*line == '\0' || *line == '#')
		return 0;
	if (*version == 1)
		return parse_version_1(policy, line);
	if (*line == '[')
		return parse_section(policy, line);
	return policy->skip_section ? 0 : parse_rule(policy, line);
}

int main(void)
{
	struct policy policy = { 0 };
	auto_free char *text = NULL;
	size_t length;
	unsigned version = 0;
	int r = file_read_fd(STDIN_FILENO, 1024 * 1024, &text, &length);
	if (r < 0)
		return fail(&policy, "cannot read the policy: %s", strerror(-r)), EXIT_FAILURE;
	char *next = text;
	while (r == 0 && next && (*next || policy.line < 2)) {
		char *line = strsep(&next, "\n");
		policy.line++;
		r = parse_line(&policy, text_trim(line), &version);
	}
	if (r == 0 && !policy.filter)
		r = fail(&policy, "the policy ends before its second line, allowlist or denylist");
	if (r == 0) {
		r = seccomp_export_bpf(policy.filter, STDOUT_FILENO);
		if (r < 0)
			(void)fail(&policy, "cannot write the filter: %s", strerror(-r));
	}
	if (policy.filter)
		seccomp_release(policy.filter);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
