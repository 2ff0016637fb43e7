/*
 * The language of seccomp policies:
 *   1                                  version 1: numbers of what is allowed, all else is killed
 *   allowlist
 *   NUMBER ...
 *   2                                  version 2
 *   denylist|allowlist [ACTION]        ACTION of calls without a rule (default: allow in a deny list, else kill)
 *   [ARCHITECTURE]                     of the rules that follow, until the next one; at first, and with [all]: every one
 *   NAME [ACTION] [[INDEX,VALUE,OPERATOR[,MASK]] ...]
 *   reject_force_umount
 */
#include "programs/seccomp_policy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "base/text.h"

/* The machine's own architecture first, then those whose programs its kernel runs too. */
#define MAX_ARCHITECTURES 3
#define ALL_SECTIONS	  (~0U)
#define MAX_ERRNO	  4095
#define MAX_ARGUMENTS	  6
#define WORD_SIZE	  64 /* longer than any name */

struct policy {
	/* One filter each, since libseccomp adds a rule to every architecture of a filter. */
	scmp_filter_ctx filters[MAX_ARCHITECTURES];
	uint32_t architectures[MAX_ARCHITECTURES];
	size_t count;
	unsigned section; /* mask: the filters that the next rules are for */
	unsigned version;
	bool is_allow_list;
	uint32_t default_action;
	unsigned line;
	struct policy_messages *messages;
};

struct rule {
	const char *name;
	uint32_t action;
	unsigned count;
	struct scmp_arg_cmp arguments[MAX_ARGUMENTS];
};

static int fail(const struct policy *policy, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fail(const struct policy *policy, const char *fmt, ...)
{
	char text[200];
	va_list arguments;

	va_start(arguments, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, arguments);
	va_end(arguments);
	(void)snprintf(policy->messages->fault, sizeof(policy->messages->fault), "%u: %s", policy->line, text);
	return -EINVAL;
}

/* ---- words ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The next word of *text, which is moved behind it: up to white space or '[', cut to the buffer. "" at the end. */
static const char *take_word(const char **text, char buffer[WORD_SIZE])
{
	size_t length = 0;

	while (is_blank(**text))
		(*text)++;
	for (; **text && !is_blank(**text) && **text != '['; (*text)++)
		if (length < WORD_SIZE - 1)
			buffer[length++] = **text;
	buffer[length] = '\0';
	return buffer;
}

static int parse_number(const char *text, unsigned long long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 0);
	return errno || end == text || *end || *text == '-' ? -EINVAL : 0;
}

/* "kill", "errno N", "allow", "trap" or "notify" off *text; *ret is left alone where none is. */
static int parse_action(const struct policy *policy, const char **text, uint32_t *ret)
{
	unsigned long long number;
	char buffer[WORD_SIZE];

	while (is_blank(**text))
		(*text)++;
	if (**text == '\0' || **text == '[' || **text == '#')
		return 0;
	const char *word = take_word(text, buffer);

	if (strcmp(word, "kill") == 0) {
		*ret = SCMP_ACT_KILL;
	} else if (strcmp(word, "allow") == 0) {
		*ret = SCMP_ACT_ALLOW;
	} else if (strcmp(word, "trap") == 0) {
		*ret = SCMP_ACT_TRAP;
	} else if (strcmp(word, "notify") == 0) {
		*ret = SCMP_ACT_NOTIFY;
	} else if (strcmp(word, "errno") == 0) {
		if (parse_number(take_word(text, buffer), &number) < 0 || number > MAX_ERRNO)
			return fail(policy, "errno needs a number from 0 to %d", MAX_ERRNO);
		*ret = SCMP_ACT_ERRNO((uint32_t)number);
	} else {
		return fail(policy, "unknown action %.60s: use kill, errno N, allow, trap or notify", word);
	}
	return 0;
}

static int parse_operator(const char *text, enum scmp_compare *ret)
{
	static const struct {
		const char *name, *symbol;
		enum scmp_compare operator;
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
			*ret = operators[i].operator;
			return 0;
		}
	}
	return -EINVAL;
}

/* What stands between the brackets: "INDEX,VALUE,OPERATOR" or "INDEX,VALUE,OPERATOR,MASK". */
static int parse_argument(const struct policy *policy, const char *text, struct scmp_arg_cmp *ret)
{
	struct string_list parts = { 0 };
	unsigned long long index = 0, value = 0, mask = 0;
	int r = text_split(text, ", \t", &parts);

	bool is_good = r == 0 && (parts.count == 3 || parts.count == 4) &&
		       parse_number(parts.items[0], &index) == 0 && index < MAX_ARGUMENTS &&
		       parse_number(parts.items[1], &value) == 0 && parse_operator(parts.items[2], &ret->op) == 0 &&
		       (parts.count == 3 || parse_number(parts.items[3], &mask) == 0);
	bool lacks_mask = is_good && ret->op == SCMP_CMP_MASKED_EQ && parts.count == 3;
	string_list_clear(&parts);
	if (!is_good)
		return fail(policy, "[%.60s] is not [INDEX,VALUE,OPERATOR] or [INDEX,VALUE,OPERATOR,MASK]", text);
	if (lacks_mask)
		return fail(policy, "[%.60s] has no mask: use [INDEX,VALUE,SCMP_CMP_MASKED_EQ,MASK]", text);
	ret->arg = (unsigned)index;
	ret->datum_a = ret->op == SCMP_CMP_MASKED_EQ ? mask : value;
	ret->datum_b = ret->op == SCMP_CMP_MASKED_EQ ? value : 0;
	return 0;
}

static int parse_arguments(const struct policy *policy, char *text, struct rule *rule)
{
	for (;;) {
		while (is_blank(*text))
			text++;
		if (*text == '\0' || *text == '#')
			return 0;
		char *end = *text == '[' ? strchr(text, ']') : NULL;
		if (!end)
			return fail(policy, "%.60s is not an argument: use [INDEX,VALUE,OPERATOR]", text);
		if (rule->count == MAX_ARGUMENTS)
			return fail(policy, "more than six arguments");
		*end = '\0';
		int r = parse_argument(policy, text + 1, &rule->arguments[rule->count]);
		if (r < 0)
			return r;
		for (unsigned i = 0; i < rule->count; i++)
			if (rule->arguments[i].arg == rule->arguments[rule->count].arg)
				return fail(policy, "argument %u twice: write two rules", rule->arguments[i].arg);
		rule->count++;
		text = end + 1;
	}
}

/* ---- lines ---- */

static int add_rule(const struct policy *policy, const struct rule *rule)
{
	int number = seccomp_syscall_resolve_name(rule->name);

	if (number == __NR_SCMP_ERROR) {
		/* a newer or older kernel's call: policies are shared between hosts */
		if (!*policy->messages->warning)
			(void)snprintf(policy->messages->warning, sizeof(policy->messages->warning),
				"%u: unknown system call %.100s is skipped", policy->line, rule->name);
		return 0;
	}
	if (rule->action == policy->default_action)
		return 0; /* what happens anyway; libseccomp refuses it */
	for (size_t i = 0; i < policy->count; i++) {
		if (!(policy->section & 1U << i))
			continue;
		int r = seccomp_rule_add_array(
			policy->filters[i], rule->action, number, rule->count, rule->arguments);
		if (r < 0 && r != -EEXIST)
			return fail(policy, "%.100s: rule refused: %s", rule->name, strerror(-r));
	}
	return 0;
}

static int parse_rule(const struct policy *policy, char *line)
{
	struct rule rule = { .action = policy->is_allow_list ? SCMP_ACT_ALLOW : SCMP_ACT_KILL };

	if (text_starts(line, "reject_force_umount")) {
		rule = (struct rule){ "umount2", SCMP_ACT_ERRNO(EACCES), 1,
			{ SCMP_A1(SCMP_CMP_MASKED_EQ, MNT_FORCE, MNT_FORCE) } };
		return add_rule(policy, &rule);
	}
	const char *rest = line;
	char name[WORD_SIZE];
	rule.name = take_word(&rest, name);
	int r = parse_action(policy, &rest, &rule.action);
	if (r < 0)
		return r;
	r = parse_arguments(policy, line + (rest - line), &rule);
	return r < 0 ? r : add_rule(policy, &rule);
}

/* Of a section's name; *ret 0: one that this libseccomp does not know, so not one of this machine. */
static int parse_architecture(const char *name, uint32_t *ret)
{
	static const struct {
		const char *name, *known_as;
	} names[] = { { "x86", "x86" }, { "x86_64", "x86_64" }, { "x32", "x32" }, { "arm", "arm" },
		{ "arm64", "aarch64" }, { "aarch64", "aarch64" }, { "ppc", "ppc" }, { "ppc64", "ppc64" },
		{ "ppc64le", "ppc64le" }, { "mips", "mips" }, { "mips64", "mips64" }, { "mips64n32", "mips64n32" },
		{ "mipsel", "mipsel" }, { "mipsel64", "mipsel64" }, { "mipsel64n32", "mipsel64n32" },
		{ "s390", "s390" }, { "s390x", "s390x" }, { "riscv64", "riscv64" }, { "loongarch64", "loongarch64" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcasecmp(name, names[i].name) == 0) {
			*ret = seccomp_arch_resolve_name(names[i].known_as);
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_section(struct policy *policy, char *line)
{
	char *end = strchr(line, ']');
	uint32_t token;

	if (!end)
		return fail(policy, "section %.60s has no ]", line);
	*end = '\0';
	if (end[1] && end[1] != '#' && !is_blank(end[1]))
		return fail(policy, "%.60s behind the section [%.60s]", end + 1, line + 1);
	if (strcasecmp(line + 1, "all") == 0) {
		policy->section = ALL_SECTIONS;
		return 0;
	}
	if (parse_architecture(line + 1, &token) < 0)
		return fail(policy, "unknown architecture %.60s", line + 1);
	policy->section = 0;
	for (size_t i = 0; i < policy->count; i++)
		if (token != 0 && policy->architectures[i] == token)
			policy->section |= 1U << i;
	return 0;
}

/* The calls of other architectures reach the same kernel: version 2 covers them too. */
static void choose_architectures(struct policy *policy)
{
	static const uint32_t families[][MAX_ARCHITECTURES] = {
		{ SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32 },
		{ SCMP_ARCH_AARCH64, SCMP_ARCH_ARM },
		{ SCMP_ARCH_PPC64, SCMP_ARCH_PPC },
		{ SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64N32 },
		{ SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64N32 },
		{ SCMP_ARCH_S390X, SCMP_ARCH_S390 },
	};
	policy->architectures[0] = seccomp_arch_native();
	policy->count = 1;
	for (size_t i = 0; policy->version == 2 && i < sizeof(families) / sizeof(*families); i++)
		for (size_t k = 1; families[i][0] == policy->architectures[0] && k < MAX_ARCHITECTURES; k++)
			if (families[i][k])
				policy->architectures[policy->count++] = families[i][k];
}

/* A call of an architecture without a filter is killed, libseccomp's default: else it would be a way around all. */
static int make_filters(struct policy *policy)
{
	choose_architectures(policy);
	policy->section = ALL_SECTIONS;
	for (size_t i = 0; i < policy->count; i++) {
		policy->filters[i] = seccomp_init(policy->default_action);
		int r = policy->filters[i] ? 0 : -ENOMEM;
		if (r == 0 && i > 0)
			r = seccomp_arch_add(policy->filters[i], policy->architectures[i]);
		if (r == 0 && i > 0)
			r = seccomp_arch_remove(policy->filters[i], policy->architectures[0]);
		if (r < 0)
			return fail(policy, "cannot make a filter: %s", strerror(-r));
	}
	/* since 2.5: a search by halves instead of a list of comparisons */
	(void)seccomp_attr_set(policy->filters[0], SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return 0;
}

/* "denylist|allowlist [ACTION]" */
static int parse_kind(struct policy *policy, const char *line)
{
	if (strstr(line, "debug"))
		return fail(policy, "debug is not supported");
	if (policy->version == 1) {
		if (!strstr(line, "allowlist"))
			return fail(policy, "a policy of version 1 must be an allowlist");
		policy->is_allow_list = true;
		policy->default_action = SCMP_ACT_KILL;
		return make_filters(policy);
	}
	const char *rest = line;
	char word[WORD_SIZE];
	const char *kind = take_word(&rest, word);
	policy->is_allow_list = strcmp(kind, "allowlist") == 0 || strcmp(kind, "whitelist") == 0;
	if (!policy->is_allow_list && strcmp(kind, "denylist") != 0 && strcmp(kind, "blacklist") != 0)
		return fail(policy, "allowlist or denylist expected, not %s", kind);
	policy->default_action = policy->is_allow_list ? SCMP_ACT_KILL : SCMP_ACT_ALLOW;
	int r = parse_action(policy, &rest, &policy->default_action);
	if (r < 0)
		return r;
	if (policy->default_action == SCMP_ACT_NOTIFY)
		return fail(policy, "notify cannot be the default action: the first program would wait for ever");
	while (is_blank(*rest))
		rest++;
	if (*rest && *rest != '#')
		return fail(policy, "%.60s behind the default action", rest);
	return make_filters(policy);
}

static int parse_version_1(const struct policy *policy, const char *line)
{
	uint32_t number;

	if (text_to_u32(line, &number) < 0 || number > INT32_MAX)
		return fail(policy, "%.60s is not the number of a system call", line);
	int r = seccomp_rule_add_array(policy->filters[0], SCMP_ACT_ALLOW, (int)number, 0, NULL);
	return r < 0 && r != -EEXIST ? fail(policy, "system call %u: %s", number, strerror(-r)) : 0;
}

static int parse_line(struct policy *policy, char *line)
{
	if (policy->line == 1) {
		if (text_to_u32(line, &policy->version) < 0 || policy->version < 1 || policy->version > 2)
			return fail(policy, "the first line must be the version, 1 or 2");
		return 0;
	}
	if (policy->line == 2)
		return parse_kind(policy, line);
	if (*line == '\0' || *line == '#')
		return 0;
	if (policy->version == 1)
		return parse_version_1(policy, line);
	if (*line == '[')
		return parse_section(policy, line);
	return policy->section ? parse_rule(policy, line) : 0;
}

static int parse_lines(struct policy *policy, char *text)
{
	char *next = text;

	while (next && (*next || policy->line < 2)) {
		char *line = strsep(&next, "\n");
		policy->line++;
		int r = parse_line(policy, text_trim(line));
		if (r < 0)
			return r;
	}
	return policy->count ? 0 : fail(policy, "the policy ends before its second line, allowlist or denylist");
}

/* The first filter takes the others in. */
static int merge_filters(struct policy *policy)
{
	for (size_t i = 1; i < policy->count; i++) {
		int r = seccomp_merge(policy->filters[0], policy->filters[i]);
		if (r < 0)
			return fail(policy, "cannot join the architectures: %s", strerror(-r));
		policy->filters[i] = NULL;
	}
	return 0;
}

int seccomp_policy_compile(const char *text, size_t length, scmp_filter_ctx *ret, struct policy_messages *messages)
{
	struct policy policy = { .messages = messages };
	auto_free char *copy = strndup(text, length);

	*messages = (struct policy_messages){ 0 };
	int r = !copy ? fail(&policy, "not enough memory") : 0;
	if (r == 0 && strlen(copy) != length)
		r = fail(&policy, "the policy has a NUL byte");
	r = r ?: parse_lines(&policy, copy);
	r = r ?: merge_filters(&policy);
	if (r == 0)
		*ret = take_ptr(policy.filters[0]);
	for (size_t i = 0; i < policy.count; i++)
		if (policy.filters[i])
			seccomp_release(policy.filters[i]);
	return r;
}
