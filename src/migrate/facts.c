#include "migrate/facts.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/text.h"
#include "engine/checkpoint.h"
#include "engine/engine.h"
#include "kernel/lsm.h"
#include "kernel/path_in_root.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

/* ---- the host ---- */

/* Of the first processor: what programs may have found and use from then on. */
static int add_cpu(struct pairs *facts)
{
	auto_free char *text = NULL;
	size_t length;
	if (file_read(-1, "/proc/cpuinfo", 4 << 20, &text, &length) < 0)
		return 0;
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		char *colon = strchr(line, ':');
		if (colon && (text_starts(line, "flags\t") || text_starts(line, "Features\t")))
			return pairs_set(facts, "cpu", text_trim(colon + 1));
	}
	return 0;
}

static int add_controllers(struct pairs *facts)
{
	auto_free char *text = NULL, *all = NULL;
	size_t length;
	if (file_read(-1, "/sys/fs/cgroup/cgroup.controllers", 4096, &text, &length) == 0)
		return pairs_set(facts, "controllers", text_trim(text));
	if (file_read(-1, "/proc/cgroups", 65536, &text, &length) < 0 || !(all = strdup("")))
		return 0;
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		auto_free char *before = all;
		char *end = strchr(line, '\t');
		all = NULL;
		if (!end || *line == '#' || !text_ends(line, "\t1")) {
			all = take_ptr(before);
			continue;
		}
		*end = '\0';
		if (text_format(&all, "%s%s%s", before, *before ? " " : "", line) < 0)
			return -ENOMEM;
	}
	return pairs_set(facts, "controllers", all);
}

int facts_of_host(struct pairs *facts, bool with_criu, const char *criu)
{
	struct utsname host = { 0 };
	struct checkpoint_features found = { 0 };
	(void)uname(&host);
	int r = pairs_set_number(facts, "protocol", MIGRATE_PROTOCOL);
	r = r ?: pairs_set(facts, "version", WABE_VERSION);
	r = r ?: pairs_set(facts, "kernel", host.release);
	r = r ?: pairs_set(facts, "machine", host.machine);
	r = r ?: pairs_set(facts, "host", host.nodename);
	r = r ?: add_cpu(facts);
	r = r ?: add_controllers(facts);
	if (r < 0 || !with_criu || checkpoint_probe(criu, &found, NULL) < 0)
		return r;
	r = pairs_set(facts, "criu", found.version);
	r = r ?: pairs_set_number(facts, "criu-works", found.works);
	r = r ?: pairs_set(facts, "criu-why-not", found.works ? NULL : found.why_not);
	r = r ?: pairs_set_number(facts, "criu-lazy", found.lazy_pages);
	return r ?: pairs_set_number(facts, "criu-tracks", found.memory_track);
}

/* ---- the container ---- */

struct size {
	uint64_t bytes, entries;
};

static void measure(int dir_fd, struct size *size)
{
	auto_close int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return;
	(void)take_fd(&fd);
	for (struct dirent *entry; (entry = readdir(dir));) {
		struct stat info;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			fstatat(dir_fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		size->entries++;
		size->bytes += (uint64_t)info.st_blocks * 512 / (info.st_nlink > 1 && !S_ISDIR(info.st_mode) ? info.st_nlink : 1);
		if (!S_ISDIR(info.st_mode))
			continue;
		auto_close int below = path_open_in_mount(dir_fd, false, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
		if (below >= 0)
			measure(below, size);
	}
}

/* The profile that it is confined by, without the policy that it may have loaded itself (//&). */
static int add_profile(struct pairs *facts, const struct container_id *id)
{
	char label[1024];
	pid_t init = engine_init_pid(id, NULL);
	if (init <= 0 || !lsm_has_apparmor() || lsm_get_apparmor(AT_FDCWD, init, label, sizeof(label)) < 0 ||
		strcmp(label, "unconfined") == 0)
		return 0;
	char *stacked = strstr(label, "//&");
	if (stacked)
		*stacked = '\0';
	return pairs_set(facts, "apparmor", label);
}

int facts_of_container(struct pairs *facts, const struct migrate_request *request, const struct container_id *id, int root_fd)
{
	struct size size = { 0 };
	struct engine_stats stats;
	if (root_fd >= 0)
		measure(root_fd, &size);
	int r = pairs_set_number(facts, "bytes", size.bytes);
	r = r ?: pairs_set_number(facts, "entries", size.entries);
	r = r ?: add_profile(facts, id);
	if (r == 0 && request->online && engine_stats(id, &stats, NULL) >= 0 && stats.memory_bytes != UINT64_MAX)
		r = pairs_set_number(facts, "memory", stats.memory_bytes);
	return r;
}

/* ---- what is missing ---- */

static int miss(struct pairs *answer, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int miss(struct pairs *answer, const char *fmt, ...)
{
	char line[1024];
	va_list arguments;
	va_start(arguments, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, arguments);
	va_end(arguments);
	return pairs_add(answer, "missing", line);
}

/* The words of source's value that here's has not, divided by spaces; malloc'ed, "" when all are there. */
static int list_missing_words(const struct pairs *source, const struct pairs *here, const char *key, char **ret)
{
	struct string_list words = { 0 };
	int r = text_split(pairs_get(source, key, ""), " ", &words);
	r = r ?: text_replace(ret, "");
	vector_for_each(word, &words) {
		if (r < 0 || pairs_has_word(here, key, *word))
			continue;
		auto_free char *before = take_ptr(*ret);
		r = text_format(ret, "%s%s%s", before, *before ? " " : "", *word);
	}
	string_list_clear(&words);
	return r;
}

static int compare_hosts(const struct pairs *source, const struct pairs *here, struct pairs *answer)
{
	auto_free char *controllers = NULL, *note = NULL;
	int r = 0;
	if (!pairs_is(here, "machine", pairs_get(source, "machine", "")))
		r = miss(answer, "processor %s: this host has %s", pairs_get(source, "machine", "?"), pairs_get(here, "machine", "?"));
	r = r ?: list_missing_words(source, here, "controllers", &controllers);
	if (r == 0 && *controllers) {
		r = text_format(&note, "controllers of the source that are not here: %s", controllers);
		r = r ?: pairs_add(answer, "note", note);
	}
	return r;
}

/* Profiles of its own and the default are loaded by the start. */
static bool comes_with_the_start(const char *profile)
{
	return text_starts(profile, "lxc-container-default") || strstr(profile, "_<");
}

static int compare_confinement(const struct pairs *source, struct pairs *answer)
{
	const char *profile = pairs_get(source, "apparmor", NULL);
	if (!profile)
		return 0;
	if (!lsm_has_apparmor())
		return pairs_is(source, "mode", "online") ?
			miss(answer, "AppArmor: this host runs none, and %.200s confines it", profile) : 0;
	if (comes_with_the_start(profile) || lsm_has_apparmor_profile(profile) != 0)
		return 0;
	return miss(answer, "AppArmor profile %.200s", profile);
}

static int compare_memory(const struct pairs *source, const struct pairs *here, struct pairs *answer)
{
	auto_free char *flags = NULL, *text = NULL;
	size_t length;
	uint64_t free_kib = UINT64_MAX, wanted = pairs_get_number(source, "memory");
	int r = list_missing_words(source, here, "cpu", &flags);
	if (r == 0 && *flags)
		r = miss(answer, "processor features %.600s: programs that use them would crash here", flags);
	if (r == 0 && !pairs_get(here, "criu", NULL))
		r = miss(answer, "criu: there is none");
	else if (r == 0 && !pairs_get_number(here, "criu-works"))
		r = miss(answer, "criu: it can not work on kernel %s: %.160s", pairs_get(here, "kernel", "?"),
			pairs_get(here, "criu-why-not", "?"));
	else if (r == 0 && strverscmp(pairs_get(here, "criu", ""), pairs_get(source, "criu", "")) < 0)
		r = miss(answer, "criu %s: this host has %s, which may not read what it writes", pairs_get(source, "criu", "?"),
			pairs_get(here, "criu", "?"));
	if (file_read(-1, "/proc/meminfo", 65536, &text, &length) == 0) {
		const char *line = strstr(text, "MemAvailable:");
		if (line)
			free_kib = strtoull(line + strlen("MemAvailable:"), NULL, 10);
	}
	if (r == 0 && free_kib != UINT64_MAX && wanted / 1024 > free_kib)
		r = miss(answer, "memory: it uses %" PRIu64 " MiB, %" PRIu64 " MiB are available here", wanted >> 20, free_kib >> 10);
	return r;
}

static int compare_space(const struct pairs *source, const struct migrate_place *place, struct pairs *answer)
{
	struct statvfs info;
	uint64_t wanted = pairs_get_number(source, "bytes") + pairs_get_number(source, "memory");
	auto_free char *parent = strdup(place->directory);
	if (!parent)
		return -ENOMEM;
	*strrchr(parent, '/') = '\0';
	if (statvfs(parent, &info) < 0)
		return miss(answer, "directory %s: %s", parent, strerror(errno));
	uint64_t space = (uint64_t)info.f_bavail * info.f_frsize;
	if (space < wanted)
		return miss(answer, "space in %s: it needs %" PRIu64 " MiB, %" PRIu64 " MiB are free", parent, wanted >> 20, space >> 20);
	if (info.f_files && info.f_favail < pairs_get_number(source, "entries"))
		return miss(answer, "inodes in %s: it needs %" PRIu64 ", %" PRIu64 " are free", parent,
			pairs_get_number(source, "entries"), (uint64_t)info.f_favail);
	return 0;
}

int facts_compare(const struct pairs *source, const struct pairs *here, const struct migrate_place *place, struct pairs *answer)
{
	int r = compare_hosts(source, here, answer);
	if (r == 0 && pairs_is(source, "mode", "online"))
		r = compare_memory(source, here, answer);
	r = r ?: compare_confinement(source, answer);
	return r ?: compare_space(source, place, answer);
}
