/* linux.seccomp of an OCI bundle becomes a filter. */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "programs/seccomp_policy.h"

#define MAX_ARGUMENTS 6

struct compilation {
	scmp_filter_ctx filter; /* of the architecture that is being compiled */
	uint32_t default_action;
	struct policy_messages *messages;
};

static int fault(struct policy_messages *messages, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fault(struct policy_messages *messages, const char *fmt, ...)
{
	va_list arguments;

	va_start(arguments, fmt);
	(void)vsnprintf(messages->fault, sizeof(messages->fault), fmt, arguments);
	va_end(arguments);
	return -EINVAL;
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) && json_object_is_type(value, json_type_string) ?
		json_object_get_string(value) : NULL;
}

/* *ret stays where there is none; false: of another type. */
static bool take_number(struct json_object *object, const char *key, uint64_t *ret)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) || !value)
		return true;
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return false;
	*ret = json_object_get_uint64(value);
	return true;
}

static int find_action(struct policy_messages *messages, const char *name, struct json_object *object, const char *errno_key,
	uint32_t *ret)
{
	static const struct {
		const char *name;
		uint32_t action;
		bool has_value;
	} actions[] = {
		{ "SCMP_ACT_KILL", SCMP_ACT_KILL, false }, { "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false },
		{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false }, { "SCMP_ACT_TRAP", SCMP_ACT_TRAP, false },
		{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true }, { "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true },
		{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false }, { "SCMP_ACT_LOG", SCMP_ACT_LOG, false },
		{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY, false },
	};
	uint64_t value = UINT64_MAX;

	if (!name)
		return fault(messages, "an action must be given");
	if (!take_number(object, errno_key, &value) || (value != UINT64_MAX && value > 4095))
		return fault(messages, "%s must be a number up to 4095", errno_key);
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		if (!actions[i].has_value && value != UINT64_MAX && value != 0)
			return fault(messages, "%s does not go with %s", errno_key, name);
		*ret = actions[i].action | (actions[i].has_value ? (uint32_t)(value == UINT64_MAX ? EPERM : value) : 0);
		return 0;
	}
	return fault(messages, "unknown action %.80s", name);
}

static int find_operator(const char *name)
{
	static const struct {
		const char *name;
		enum scmp_compare value;
	} operators[] = {
		{ "SCMP_CMP_NE", SCMP_CMP_NE }, { "SCMP_CMP_LT", SCMP_CMP_LT }, { "SCMP_CMP_LE", SCMP_CMP_LE },
		{ "SCMP_CMP_EQ", SCMP_CMP_EQ }, { "SCMP_CMP_GE", SCMP_CMP_GE }, { "SCMP_CMP_GT", SCMP_CMP_GT },
		{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	};

	for (size_t i = 0; name && i < sizeof(operators) / sizeof(*operators); i++)
		if (strcmp(operators[i].name, name) == 0)
			return (int)operators[i].value;
	return -1;
}

static int read_argument(struct policy_messages *messages, struct json_object *object, struct scmp_arg_cmp *ret)
{
	uint64_t index = UINT64_MAX, value = 0, second = 0;
	const char *name = text_of(object, "op");
	int operator = find_operator(name);

	if (!take_number(object, "index", &index) || !take_number(object, "value", &value) ||
		!take_number(object, "valueTwo", &second) || index >= MAX_ARGUMENTS)
		return fault(messages, "an argument needs an index up to 5 and a value");
	if (operator < 0)
		return fault(messages, "unknown operator %.80s", name ? name : "");
	*ret = (struct scmp_arg_cmp){ .arg = (unsigned)index, .op = (enum scmp_compare)operator, .datum_a = value,
		.datum_b = second };
	return 0;
}

static int add_rule(const struct compilation *c, uint32_t action, int number, const struct scmp_arg_cmp *arguments, unsigned count)
{
	/* a call that this architecture lacks is skipped by the library (EDOM, EFAULT) */
	int r = seccomp_rule_add_array(c->filter, action, number, count, arguments);

	return r < 0 && r != -EDOM && r != -EFAULT && r != -EEXIST ? r : 0;
}

static int add_call(const struct compilation *c, uint32_t action, const char *name, const struct scmp_arg_cmp *arguments,
	unsigned count)
{
	int number = seccomp_syscall_resolve_name(name), r = 0;
	unsigned seen = 0;
	bool is_or = false;

	if (number == __NR_SCMP_ERROR)
		return 0; /* newer than the library, or of another architecture */
	for (unsigned i = 0; i < count; i++) {
		is_or |= seen & 1U << arguments[i].arg;
		seen |= 1U << arguments[i].arg;
	}
	if (!is_or)
		r = add_rule(c, action, number, arguments, count);
	for (unsigned i = 0; is_or && r == 0 && i < count; i++) /* one argument several times: any of them */
		r = add_rule(c, action, number, &arguments[i], 1);
	return r < 0 ? fault(c->messages, "rule of %.80s: %s", name, strerror(-r)) : 0;
}

static int add_syscalls(const struct compilation *c, struct json_object *rule)
{
	struct json_object *names, *list;
	struct scmp_arg_cmp arguments[MAX_ARGUMENTS * 4];
	unsigned count = 0;
	uint32_t action;

	if (!json_object_is_type(rule, json_type_object) || !json_object_object_get_ex(rule, "names", &names) ||
		!json_object_is_type(names, json_type_array))
		return fault(c->messages, "a rule of syscalls needs names");
	int r = find_action(c->messages, text_of(rule, "action"), rule, "errnoRet", &action);
	if (r < 0)
		return r;
	if (json_object_object_get_ex(rule, "args", &list) && json_object_is_type(list, json_type_array))
		for (size_t i = 0; i < json_object_array_length(list); i++) {
			if (count == sizeof(arguments) / sizeof(*arguments))
				return fault(c->messages, "too many arguments in a rule");
			r = read_argument(c->messages, json_object_array_get_idx(list, i), &arguments[count++]);
			if (r < 0)
				return r;
		}
	for (size_t i = 0; action != c->default_action && i < json_object_array_length(names); i++) {
		struct json_object *name = json_object_array_get_idx(names, i);
		if (!json_object_is_type(name, json_type_string))
			return fault(c->messages, "names must be strings");
		const char *text = json_object_get_string(name);
		if (action == SCMP_ACT_NOTIFY && strcmp(text, "write") == 0)
			return fault(c->messages, "SCMP_ACT_NOTIFY of write would block the runtime itself");
		r = add_call(c, action, text, arguments, count);
		if (r < 0)
			return r;
	}
	return 0;
}

static int find_architecture(struct policy_messages *messages, const char *text, uint32_t *ret)
{
	static const char prefix[] = "SCMP_ARCH_";
	char name[32] = "";

	if (!text || strncmp(text, prefix, strlen(prefix)) != 0 || strlen(text) >= sizeof(name))
		return fault(messages, "unknown architecture %.80s", text ? text : "");
	for (size_t n = strlen(prefix); text[n]; n++)
		name[n - strlen(prefix)] = (char)(text[n] >= 'A' && text[n] <= 'Z' ? text[n] - 'A' + 'a' : text[n]);
	*ret = seccomp_arch_resolve_name(name);
	return *ret ? 0 : fault(messages, "unknown architecture %.80s", text);
}

/* All rules for one architecture, into a filter of its own. */
static int compile_for(struct compilation *c, uint32_t architecture, const char *name, struct json_object *object)
{
	struct json_object *rules;
	int r = 0;

	c->filter = seccomp_init(c->default_action);
	if (!c->filter)
		return fault(c->messages, "out of memory");
	if (architecture != seccomp_arch_native()) {
		r = seccomp_arch_add(c->filter, architecture);
		r = r < 0 ? r : seccomp_arch_remove(c->filter, SCMP_ARCH_NATIVE);
		if (r < 0)
			return fault(c->messages, "architecture %.80s: %s", name, strerror(-r));
	}
	if (json_object_object_get_ex(object, "syscalls", &rules) && json_object_is_type(rules, json_type_array))
		for (size_t i = 0; r == 0 && i < json_object_array_length(rules); i++)
			r = add_syscalls(c, json_object_array_get_idx(rules, i));
	return r;
}

/*
 * One architecture after the other, each joined to *filter: a filter that is added to keeps a second copy of itself, to
 * go back to, and the copy of one that was joined is freed: a quarter of a megabyte less for three. And a rule that one
 * architecture refuses (x86 some of those that share its socketcall or ipc) still counts on the others.
 */
static int add_architectures(struct compilation *c, struct json_object *object, scmp_filter_ctx filter)
{
	struct json_object *list;

	if (!json_object_object_get_ex(object, "architectures", &list) || !json_object_is_type(list, json_type_array))
		return 0;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(list, i));
		uint32_t architecture;
		int r = find_architecture(c->messages, text, &architecture);
		if (r < 0)
			return r;
		if (seccomp_arch_exist(filter, architecture) == 0)
			continue;
		r = compile_for(c, architecture, text, object);
		if (r == 0 && (r = seccomp_merge(filter, c->filter)) < 0)
			r = fault(c->messages, "architecture %.80s: %s", text, strerror(-r));
		if (r < 0)
			return r;
		c->filter = NULL; /* joined */
	}
	return 0;
}

/* Leaves in c->filter what is to be released after a fault. */
static int compile(struct compilation *c, struct json_object *object, scmp_filter_ctx *ret)
{
	int r = find_action(c->messages, text_of(object, "defaultAction"), object, "defaultErrnoRet", &c->default_action);

	if (r < 0)
		return r;
	if (c->default_action == SCMP_ACT_NOTIFY)
		return fault(c->messages, "SCMP_ACT_NOTIFY can not be the default action");
	r = compile_for(c, seccomp_arch_native(), "native", object);
	if (r < 0)
		return r;
	scmp_filter_ctx filter = take_ptr(c->filter);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree; an old library makes a list */
	r = add_architectures(c, object, filter);
	if (r < 0)
		seccomp_release(filter);
	else
		*ret = filter;
	return r;
}

int seccomp_oci_compile(const char *text, size_t length, scmp_filter_ctx *ret, struct policy_messages *messages)
{
	struct compilation c = { .messages = messages };

	*messages = (struct policy_messages){ 0 };
	(void)length; /* text ends in a NUL */
	struct json_object *object = json_tokener_parse(text);
	*ret = NULL;
	int r = json_object_is_type(object, json_type_object) ? compile(&c, object, ret) : fault(messages, "no JSON object");
	json_object_put(object);
	if (c.filter)
		seccomp_release(c.filter);
	return r;
}
