/* wabe events: what a container uses, and when it runs out of memory. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json_text.h"
#include "base/text.h"
#include "tools/oci/wabe.h"

#define TICK_MS 200 /* how late an "oom" may come */

static const struct value_option options[] = {
	FLAG("stats", 0, stats, "Print the figures once"),
	TEXT("interval", 0, interval, "SECONDS", "Time between two prints of the figures (5s)"),
	OPTIONS_END,
};

/* One number out of a file of the group, by either version's name; after the word key, when one is given. "max": the largest. */
static uint64_t number(const struct oci_container *container, const char *file, const char *key)
{
	auto_free char *text = NULL;

	if (cgroup_get(&container->cgroups, file, &text) < 0)
		return 0;
	char *rest = text;
	for (char *line; key && (line = strsep(&rest, "\n"));) {
		size_t length = strlen(key);
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return strtoull(line + length + 1, NULL, 10);
	}
	return key ? 0 : text_starts(text, "max") ? UINT64_MAX : strtoull(text, NULL, 10);
}

static bool is_v2(const struct oci_container *container, const char *controller)
{
	vector_for_each (group, &container->cgroups.groups)
		if (!group->is_v2 && text_list_has(group->controllers, controller, strlen(controller)))
			return false;
	return true;
}

static uint64_t shown(uint64_t value)
{
	return value == UINT64_MAX ? 0 : value;
}

static void put_cpu(FILE *out, const struct oci_container *container, const struct cgroup_stats *stats)
{
	bool v2 = is_v2(container, "cpuacct");
	uint64_t unit = v2 ? 1000 : 10000000; /* microseconds; v1 counts in ticks of USER_HZ */
	const char *file = v2 ? "cpu.stat" : "cpuacct.stat";
	bool v2_cpu = is_v2(container, "cpu");

	fprintf(out, "\"cpu\":{\"usage\":{\"total\":%" PRIu64 ",\"kernel\":%" PRIu64 ",\"user\":%" PRIu64 "},\"throttling\":{"
		"\"periods\":%" PRIu64 ",\"throttledPeriods\":%" PRIu64 ",\"throttledTime\":%" PRIu64 "}}", shown(stats->cpu_ns),
		number(container, file, v2 ? "system_usec" : "system") * unit, number(container, file, v2 ? "user_usec" : "user") * unit,
		number(container, "cpu.stat", "nr_periods"), number(container, "cpu.stat", "nr_throttled"),
		v2_cpu ? number(container, "cpu.stat", "throttled_usec") * 1000 : number(container, "cpu.stat", "throttled_time"));
}

static void put_memory(FILE *out, const struct oci_container *container, const struct cgroup_stats *stats)
{
	bool v2 = is_v2(container, "memory");

	fprintf(out, ",\"memory\":{\"cache\":%" PRIu64 ",\"usage\":{\"usage\":%" PRIu64 ",\"max\":%" PRIu64 ",\"limit\":%" PRIu64
		",\"failcnt\":%" PRIu64 "}}", number(container, "memory.stat", v2 ? "file" : "cache"), shown(stats->memory_bytes),
		number(container, v2 ? "memory.peak" : "memory.max_usage_in_bytes", NULL),
		number(container, v2 ? "memory.max" : "memory.limit_in_bytes", NULL), shown(stats->memory_limit_hits));
}

static int print_stats(const struct oci_container *container)
{
	struct cgroup_stats stats;

	cgroup_stats(&container->cgroups, &stats);
	printf("{\"type\":\"stats\",\"id\":");
	json_put_string(stdout, container->id.name);
	printf(",\"data\":{");
	put_cpu(stdout, container, &stats);
	put_memory(stdout, container, &stats);
	printf(",\"pids\":{\"current\":%" PRIu64 ",\"limit\":%" PRIu64 "}}}\n", shown(stats.pids),
		shown(number(container, "pids.max", NULL)));
	return fflush(stdout) == 0 ? 0 : -errno;
}

/* The count of killed processes, as it was seen last, in *seen. */
static int print_oom(const struct oci_container *container, uint64_t *seen)
{
	struct cgroup_stats stats;

	cgroup_stats(&container->cgroups, &stats);
	bool is_new = stats.oom_kills != UINT64_MAX && stats.oom_kills > *seen;
	*seen = stats.oom_kills;
	if (!is_new)
		return 0;
	printf("{\"type\":\"oom\",\"id\":");
	json_put_string(stdout, container->id.name);
	printf("}\n");
	return fflush(stdout) == 0 ? 0 : -errno;
}

/* Until the container ends. */
static int follow(const struct oci_container *container, uint32_t seconds, struct error *err)
{
	struct cgroup_stats stats;
	struct pollfd end = { .fd = container->init_pidfd, .events = POLLIN };
	uint32_t ticks = 0;

	cgroup_stats(&container->cgroups, &stats);
	uint64_t seen = stats.oom_kills;
	for (;;) {
		int ended = poll(&end, 1, TICK_MS);
		int r = print_oom(container, &seen);
		if (r == 0 && ended == 0 && ++ticks >= seconds * (1000 / TICK_MS)) {
			ticks = 0;
			r = print_stats(container);
		}
		if (r < 0)
			return error_set(err, r, "write the events");
		if (ended > 0)
			return 0;
	}
}

static int run_events(struct wabe_call *call, struct error *err)
{
	struct oci_container container;
	uint32_t seconds = 5;
	char *interval = call->options.interval;

	if (interval && text_ends(interval, "s"))
		interval[strlen(interval) - 1] = '\0';
	if (interval && (text_to_u32(interval, &seconds) < 0 || seconds == 0 || seconds > 1000000))
		return call_usage(call, err, "no number of seconds: %s", interval);
	int r = call_load(call, 0, &container, err);
	if (r == 0 && container.init_pidfd < 0)
		r = error_set_kind(err, ERROR_NOT_FOUND, 0, "container not running");
	if (r == 0 && !container.has_cgroups)
		r = error_set_kind(err, ERROR_UNSUPPORTED, 0, "container \"%s\" has no cgroups", container.id.name);
	if (r == 0 && call->options.stats && (r = print_stats(&container)) < 0)
		r = error_set(err, r, "write the events");
	else if (r == 0 && !call->options.stats)
		r = follow(&container, seconds, err);
	oci_clear(&container);
	return r;
}

const struct command command_events = { .name = "events", .usage = "[OPTION]... ID", .options = options, .least = 1,
	.most = 1, .summary = "Print what a container uses and when it runs out of memory, as JSON", .run = run_events };
