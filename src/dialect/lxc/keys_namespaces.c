/* lxc.namespace.* and lxc.time.offset.*. */
#include "base/namespace_kind.h"
#include "base/text.h"
#include "dialect/lxc/keys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int set_share(struct key_call *call)
{
	int kind = namespace_kind_from_name(call->suffix);
	if (kind < 0)
		return key_fault(call, "unknown namespace in the key", "use user, mnt, pid, uts, ipc, net, cgroup or time");
	return text_replace(&call->spec->namespaces.share[kind], call->value);
}

int namespace_set(struct key_call *call)
{
	struct spec_namespaces *namespaces = &call->spec->namespaces;
	namespaces->origin = call->origin;
	if (call->key->is_prefix)
		return set_share(call);
	struct string_list words = { 0 };
	uint32_t mask = 0;
	int r = text_split(call->value, " \t", &words);
	for (size_t i = 0; r == 0 && i < words.count; i++) {
		int kind = namespace_kind_from_name(words.items[i]);
		if (kind < 0)
			r = key_fault(call, "unknown namespace", "use user, mnt, pid, uts, ipc, net, cgroup or time");
		else
			mask |= 1U << kind;
	}
	string_list_clear(&words);
	if (r == 0 && text_ends(call->key->name, ".clone"))
		namespaces->clone_mask = mask;
	else if (r == 0)
		namespaces->keep_mask = mask;
	return r;
}

static int print_mask(uint32_t mask, FILE *out)
{
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		if (mask & 1U << kind)
			fprintf(out, "%s\n", namespace_name((enum namespace_kind)kind));
	return 0;
}

int namespace_get_clone(const struct spec *spec, const char *suffix, FILE *out)
{
	(void)suffix;
	return print_mask(spec->namespaces.clone_mask, out);
}

int namespace_get_keep(const struct spec *spec, const char *suffix, FILE *out)
{
	(void)suffix;
	return print_mask(spec->namespaces.keep_mask, out);
}

int namespace_get_share(const struct spec *spec, const char *suffix, FILE *out)
{
	int kind = namespace_kind_from_name(suffix);
	if (kind < 0)
		return *suffix ? -ENOENT : 0;
	fputs(spec->namespaces.share[kind] ?: "", out);
	return 0;
}

void namespace_clear_clone(struct spec *spec, const char *suffix)
{
	(void)suffix;
	spec->namespaces.clone_mask = 0;
}

void namespace_clear_keep(struct spec *spec, const char *suffix)
{
	(void)suffix;
	spec->namespaces.keep_mask = 0;
}

void namespace_clear_share(struct spec *spec, const char *suffix)
{
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		if (!*suffix || strcmp(suffix, namespace_name((enum namespace_kind)kind)) == 0)
			(void)text_replace(&spec->namespaces.share[kind], NULL); /* can not fail */
}

/* ---- lxc.time.offset ---- */

static int parse_offset(const char *text, int64_t *ret_ns)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = { { "h", 3600000000000 }, { "m", 60000000000 }, { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 },
		{ "ns", 1 } };
	char *end;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (errno || end == text)
		return -EINVAL;
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(end, units[i].unit) == 0)
			return __builtin_mul_overflow((int64_t)value, units[i].ns, ret_ns) ? -ERANGE : 0;
	return -EINVAL;
}

int time_set(struct key_call *call)
{
	struct spec_namespaces *namespaces = &call->spec->namespaces;
	bool is_boot = text_ends(call->key->name, ".boot");
	if (parse_offset(call->value, is_boot ? &namespaces->time_offset_boot_ns : &namespaces->time_offset_monotonic_ns) < 0)
		return key_fault(call, "is no time offset", "write a number and h, m, s, ms, us or ns");
	return text_replace(is_boot ? &namespaces->time_offset_boot : &namespaces->time_offset_monotonic, call->value);
}

int time_get_boot(const struct spec *spec, const char *suffix, FILE *out)
{
	(void)suffix;
	fputs(spec->namespaces.time_offset_boot ?: "", out);
	return 0;
}

int time_get_monotonic(const struct spec *spec, const char *suffix, FILE *out)
{
	(void)suffix;
	fputs(spec->namespaces.time_offset_monotonic ?: "", out);
	return 0;
}

void time_clear_boot(struct spec *spec, const char *suffix)
{
	(void)suffix;
	spec->namespaces.time_offset_boot_ns = 0;
	(void)text_replace(&spec->namespaces.time_offset_boot, NULL); /* can not fail */
}

void time_clear_monotonic(struct spec *spec, const char *suffix)
{
	(void)suffix;
	spec->namespaces.time_offset_monotonic_ns = 0;
	(void)text_replace(&spec->namespaces.time_offset_monotonic, NULL); /* can not fail */
}
