/* Keys of the process: architecture, environment, capabilities, seccomp proxy, limits, hooks, signals, ids. */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "dialect/lxc/keys.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

/* ---- lxc.arch ---- */

#define PERSONALITY_NATIVE 0 /* PER_LINUX, <sys/personality.h> */
#define PERSONALITY_32BIT  8 /* PER_LINUX32 */

int arch_set(struct key_call *call)
{
	static const char *const small[] = { "arm", "armel", "armhf", "armv7l", "athlon", "i386", "i486", "i586", "i686",
		"linux32", "mips", "mipsel", "ppc", "powerpc", "x86", NULL };
	static const char *const large[] = { "aarch64", "amd64", "arm64", "linux64", "loongarch64", "loong64", "mips64",
		"mips64el", "ppc64", "ppc64el", "ppc64le", "powerpc64", "riscv64", "s390x", "x32", "x86_64", NULL };
	for (int i = 0; small[i]; i++) {
		if (strcasecmp(small[i], call->value) == 0) {
			call->spec->process.personality = PERSONALITY_32BIT;
			return 0;
		}
	}
	for (int i = 0; large[i]; i++) {
		if (strcasecmp(large[i], call->value) == 0) {
			call->spec->process.personality = PERSONALITY_NATIVE;
			return 0;
		}
	}
	return key_fault(call, "unknown architecture", "use i686, x86_64, armhf, arm64 or the like");
}

int arch_get(const struct spec *spec, const char *suffix, FILE *out)
{
	(void)suffix;
	if (spec->process.personality == PERSONALITY_32BIT)
		fputs("i686", out);
	else if (spec->process.personality == PERSONALITY_NATIVE)
		fputs("x86_64", out);
	return 0;
}

void arch_clear(struct spec *spec, const char *suffix)
{
	(void)suffix;
	spec->process.personality = UINT32_MAX;
}

/* ---- environment ---- */

int environment_set(struct key_call *call)
{
	struct string_list *list = (void *)((char *)call->spec + call->key->offset);
	if (strchr(call->value, '='))
		return *call->value == '=' ? key_fault(call, "has no name before the =", NULL) :
					     string_list_add(list, call->value);
	const char *own = getenv(call->value);
	if (!own)
		return key_fault(call, "is not set in the caller's environment", "write NAME=VALUE");
	auto_free char *text = NULL;
	return text_format(&text, "%s=%s", call->value, own) ?: string_list_add(list, text);
}

int absolute_paths_set(struct key_call *call)
{
	struct string_list *list = (void *)((char *)call->spec + call->key->offset);

	if (*call->value != '/')
		return key_fault(call, "is not an absolute path", "write the path as the container's programs see it");
	return string_list_add(list, call->value);
}

/* ---- capabilities ---- */

int cap_set(struct key_call *call)
{
	struct string_list *list = (void *)((char *)call->spec + call->key->offset);
	struct string_list words = { 0 };
	int r = text_split(call->value, " \t", &words);
	bool is_keep = list == &call->spec->process.cap_keep;
	for (size_t i = 0; r == 0 && i < words.count; i++) {
		const char *word = words.items[i];
		if (is_keep && strcmp(word, "none") == 0)
			string_list_clear(list);
		if (strspn(word, "abcdefghijklmnopqrstuvwxyz_0123456789") != strlen(word) || text_starts(word, "cap_"))
			r = key_fault(call, "capability names are written in lower case without CAP_", NULL);
		else
			r = string_list_add(list, word);
	}
	string_list_clear(&words);
	return r;
}

int groups_set(struct key_call *call)
{
	struct string_list *list = &call->spec->process.groups;
	size_t before = list->count;
	uint32_t number;
	int r = text_split(call->value, ", \t", list);
	for (size_t i = before; r == 0 && i < list->count; i++)
		if (text_to_u32(list->items[i], &number) < 0)
			r = key_fault(call, "is no list of group numbers", "write numbers with commas between them");
	return r;
}

int groups_get(const struct spec *spec, const char *suffix, FILE *out)
{
	const struct string_list *groups = &spec->process.groups;
	(void)suffix;
	for (size_t i = 0; i < groups->count; i++)
		fprintf(out, "%s%s", i ? "," : "", groups->items[i]);
	return 0;
}

void groups_clear(struct spec *spec, const char *suffix)
{
	(void)suffix;
	string_list_clear(&spec->process.groups);
}

int host_name_set(struct key_call *call)
{
	if (strlen(call->value) > 64) /* __NEW_UTS_LEN */
		return key_fault(call, "the host name has more than 64 characters", NULL);
	return text_replace(&call->spec->identity.hostname, call->value);
}

/* ---- lxc.seccomp.notify.proxy ---- */

int notify_proxy_set(struct key_call *call)
{
	const size_t longest = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	const char *path = call->value + strlen("unix:");
	if (!text_starts(call->value, "unix:") || (*path != '/' && *path != '@') || !path[1])
		return key_fault(call, "the seccomp proxy is not a UNIX socket", "use unix:/PATH or unix:@NAME");
	if (strlen(path) > longest)
		return key_fault(call, "the path of the seccomp proxy is longer than the kernel takes", "use a shorter one");
	return text_replace((char **)((char *)call->spec + call->key->offset), call->value);
}

/* ---- lxc.prlimit.NAME ---- */

static int parse_limit(const char *text, uint64_t *ret)
{
	if (strcmp(text, "unlimited") == 0) {
		*ret = UINT64_MAX;
		return 0;
	}
	return text_to_u64(text, ret);
}

void prlimit_clear(struct spec *spec, const char *suffix)
{
	for (size_t i = spec->process.rlimits.count; i-- > 0;) {
		struct spec_rlimit *limit = &spec->process.rlimits.items[i];
		if (*suffix && strcmp(limit->name, suffix) != 0)
			continue;
		free(limit->name);
		vector_remove(&spec->process.rlimits, i);
	}
}

int prlimit_set(struct key_call *call)
{
	uint64_t soft, hard;
	if (!*call->suffix)
		return key_fault(call, "no limit is named", "write lxc.prlimit.nofile or the like");
	auto_free char *value = strdup(call->value);
	if (!value)
		return -ENOMEM;
	char *colon = strchr(value, ':');
	if (colon)
		*colon++ = '\0';
	if (parse_limit(text_trim(value), &soft) < 0 || parse_limit(colon ? text_trim(colon) : value, &hard) < 0)
		return key_fault(call, "is not SOFT or SOFT:HARD", "write numbers or unlimited");
	if (soft > hard)
		return key_fault(call, "the soft limit is above the hard one", NULL);
	prlimit_clear(call->spec, call->suffix);
	struct spec_rlimit *limit = vector_add(&call->spec->process.rlimits);
	if (!limit || !(limit->name = strdup(call->suffix)))
		return -ENOMEM;
	limit->soft = soft;
	limit->hard = hard;
	limit->origin = call->origin;
	return 0;
}

static void put_limit(FILE *out, uint64_t value)
{
	if (value == UINT64_MAX)
		fputs("unlimited", out);
	else
		fprintf(out, "%" PRIu64, value);
}

int prlimit_get(const struct spec *spec, const char *suffix, FILE *out)
{
	vector_for_each (limit, &spec->process.rlimits) {
		if (*suffix && strcmp(limit->name, suffix) != 0)
			continue;
		if (!*suffix)
			fprintf(out, "lxc.prlimit.%s = ", limit->name);
		put_limit(out, limit->soft);
		if (limit->soft != limit->hard) {
			fputc(':', out);
			put_limit(out, limit->hard);
		}
		if (!*suffix)
			fputc('\n', out);
	}
	return 0;
}

/* ---- hooks ---- */

static const char *const moments[HOOK_MOMENTS] = { "pre-start", "pre-mount", "mount", "autodev", "start-host", "start",
	"stop", "post-stop", "clone", "destroy" };

static uint32_t moment_of(const char *key)
{
	const char *name = key + strlen("lxc.hook.");
	uint32_t moment = 0;
	while (moment < HOOK_MOMENTS && strcmp(moments[moment], name) != 0)
		moment++;
	return moment;
}

int hook_set(struct key_call *call)
{
	struct spec_hook *hook = vector_add(&call->spec->hooks.hooks);
	if (!hook || !(hook->command = strdup(call->value)))
		return -ENOMEM;
	hook->moment = moment_of(call->key->name);
	hook->origin = call->origin;
	return 0;
}

int hook_version_set(struct key_call *call)
{
	uint32_t version;
	if (text_to_u32(call->value, &version) < 0 || version > 1)
		return key_fault(call, "is not 0 or 1", NULL);
	call->spec->hooks.version = version;
	return 0;
}

void hooks_clear_all(struct spec *spec, const char *suffix)
{
	(void)suffix;
	vector_for_each (hook, &spec->hooks.hooks)
		free(hook->command);
	spec->hooks.hooks.count = 0;
}

static int get_moment(const struct spec *spec, uint32_t moment, FILE *out)
{
	vector_for_each (hook, &spec->hooks.hooks)
		if (hook->moment == moment)
			fprintf(out, "%s\n", hook->command);
	return 0;
}

/* The key's name is not passed to get and clear: the rows of the moments are called through these. */
int hook_get(const struct spec *spec, const char *suffix, FILE *out)
{
	return get_moment(spec, moment_of(suffix), out);
}

void hook_clear(struct spec *spec, const char *suffix)
{
	uint32_t moment = moment_of(suffix);
	for (size_t i = spec->hooks.hooks.count; i-- > 0;) {
		if (spec->hooks.hooks.items[i].moment != moment)
			continue;
		free(spec->hooks.hooks.items[i].command);
		vector_remove(&spec->hooks.hooks, i);
	}
}

/* ---- signals, log ---- */

int death_signal_set(struct key_call *call)
{
	struct spec_lifecycle *life = &call->spec->lifecycle;
	int signal = strcmp(call->value, "0") == 0 ? 0 : signal_from_name(call->value);
	if (signal < 0)
		return key_fault(call, "is no signal", "write a number or SIGNAME, 0 for none");
	life->has_death_signal = true;
	life->death_signal = (uint32_t)signal;
	return 0;
}

int death_signal_get(const struct spec *spec, const char *suffix, FILE *out)
{
	(void)suffix;
	fprintf(out, "%" PRIu32, spec->lifecycle.has_death_signal ? spec->lifecycle.death_signal : 9);
	return 0;
}

void death_signal_clear(struct spec *spec, const char *suffix)
{
	(void)suffix;
	spec->lifecycle.has_death_signal = true;
	spec->lifecycle.death_signal = 0;
}

int log_level_set(struct key_call *call)
{
	enum log_level level = log_level_from_name(call->value);
	if (level == LOG_NOT_SET)
		return key_fault(call, "is no log level", "use TRACE, DEBUG, INFO, NOTICE, WARN, ERROR, CRIT, ALERT or FATAL");
	return text_replace(&call->spec->log.level, log_level_name(level));
}

/* ---- lxc.idmap ---- */

int idmap_set(struct key_call *call)
{
	struct string_list words = { 0 };
	struct spec_idmap map = { .origin = call->origin };
	int r = text_split(call->value, " \t", &words);
	bool is_good = r == 0 && words.count == 4 && (strcmp(words.items[0], "u") == 0 || strcmp(words.items[0], "g") == 0) &&
		       text_to_u32(words.items[1], &map.inside) == 0 && text_to_u32(words.items[2], &map.outside) == 0 &&
		       text_to_u32(words.items[3], &map.count) == 0 && map.count > 0;
	map.is_gid = is_good && words.items[0][0] == 'g';
	string_list_clear(&words);
	if (!is_good)
		return key_fault(call, "is no id map", "write u|g FIRST-INSIDE FIRST-OUTSIDE COUNT");
	struct spec_idmap *slot = vector_add(&call->spec->idmaps);
	if (!slot)
		return -ENOMEM;
	*slot = map;
	return 0;
}

int idmap_get(const struct spec *spec, const char *suffix, FILE *out)
{
	(void)suffix;
	vector_for_each (map, &spec->idmaps)
		fprintf(out, "%s%c %" PRIu32 " %" PRIu32 " %" PRIu32, map == spec->idmaps.items ? "" : "\n",
			map->is_gid ? 'g' : 'u', map->inside, map->outside, map->count);
	return 0;
}

void idmap_clear(struct spec *spec, const char *suffix)
{
	(void)suffix;
	spec->idmaps.count = 0;
}
