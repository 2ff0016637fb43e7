/* linux.resources: limits as settings of both cgroup versions, of which the engine takes those that the host has. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "dialect/oci/internal.h"

int oci_add_setting(struct spec *spec, bool is_v2, const char *file, const struct origin *origin, const char *fmt, ...)
{
	struct spec_cgroup_setting *setting = vector_add(&spec->cgroup.settings);
	va_list arguments;

	if (!setting)
		return -ENOMEM;
	setting->is_v2 = is_v2;
	setting->file = strdup(file);
	setting->origin = *origin;
	va_start(arguments, fmt);
	int r = text_vformat(&setting->value, fmt, arguments);
	va_end(arguments);
	return setting->file ? r : -ENOMEM;
}

/* One call per part, so that a line reads as the file that it writes. */
#define ADD(is_v2, file, ...)                                                                                \
	do {                                                                                                 \
		if (oci_add_setting(spec, is_v2, file, &origin, __VA_ARGS__) < 0)                            \
			return json_no_memory(at);                                                           \
	} while (0)

static int add_limit(const struct json_at *at, struct spec *spec, const char *v1, const char *v2, int64_t value)
{
	struct origin origin = json_origin(at);

	if (v1)
		ADD(false, v1, "%" PRId64, value < 0 ? -1 : value);
	if (v2 && value < 0)
		ADD(true, v2, "max");
	else if (v2)
		ADD(true, v2, "%" PRId64, value);
	return 0;
}

static int read_swap(const struct json_at *at, struct spec *spec, int64_t limit, bool has_swap, int64_t swap)
{
	struct origin origin = json_origin(at);

	if (!has_swap || swap == 0) {
		if (limit < 0)
			ADD(true, "memory.swap.max", "max");
		return 0;
	}
	ADD(false, "memory.memsw.limit_in_bytes", "%" PRId64, swap < 0 ? -1 : swap);
	if (swap < 0)
		ADD(true, "memory.swap.max", "max");
	else if (limit <= 0)
		return json_fault(at, "swap needs a limit");
	else if (swap < limit)
		return json_fault(at, "swap counts memory too: it must not be below limit");
	else
		ADD(true, "memory.swap.max", "%" PRId64, swap - limit);
	return 0;
}

static int read_memory(const struct json_at *resources, struct spec *spec)
{
	struct json_at at_memory, *at = &at_memory;
	int64_t limit = 0, swap = 0, reservation = 0;
	uint64_t swappiness = 0;
	bool is_oom_disabled = false;
	int r = json_member(resources, "memory", JSON_OBJECT, at);

	if (r <= 0)
		return r;
	struct origin origin = json_origin(at);
	r = json_take_i64(at, "limit", &limit);
	int has_swap = r < 0 ? r : json_take_i64(at, "swap", &swap);
	r = has_swap < 0 ? has_swap : json_take_i64(at, "reservation", &reservation);
	int has_swappiness = r < 0 ? r : json_take_u64(at, "swappiness", &swappiness);
	r = has_swappiness < 0 ? has_swappiness : json_take_bool(at, "disableOOMKiller", &is_oom_disabled);
	if (r < 0)
		return r;
	if (limit != 0)
		r = add_limit(at, spec, "memory.limit_in_bytes", "memory.max", limit);
	r = r < 0 ? r : read_swap(at, spec, limit, has_swap > 0, swap);
	if (r >= 0 && reservation != 0)
		r = add_limit(at, spec, "memory.soft_limit_in_bytes", "memory.low", reservation);
	if (r < 0)
		return r;
	if (has_swappiness > 0 && swappiness > 100)
		return json_fault(at, "swappiness is above 100");
	if (has_swappiness > 0 && swappiness != UINT64_MAX)
		ADD(false, "memory.swappiness", "%" PRIu64, swappiness);
	if (is_oom_disabled)
		ADD(false, "memory.oom_control", "1");
	return 0;
}

/* 2 .. 262144 onto 1 .. 10000 so that 1024, the usual value of v1, becomes 100, that of v2. */
static unsigned weight_of_shares(uint64_t shares)
{
	double l = log2((double)(shares < 2 ? 2 : shares > 262144 ? 262144 : shares));

	return (unsigned)ceil(pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0) - 1e-9);
}

static int read_cpu_time(const struct json_at *at, struct spec *spec)
{
	struct origin origin = json_origin(at);
	uint64_t shares = 0, period = 0, burst = 0, rt_period = 0;
	int64_t quota = 0, rt_runtime = 0, idle = 0;
	int r = json_take_u64(at, "shares", &shares);
	r = r < 0 ? r : json_take_u64(at, "period", &period);
	r = r < 0 ? r : json_take_i64(at, "quota", &quota);
	int has_burst = r < 0 ? r : json_take_u64(at, "burst", &burst);
	r = has_burst < 0 ? has_burst : json_take_u64(at, "realtimePeriod", &rt_period);
	r = r < 0 ? r : json_take_i64(at, "realtimeRuntime", &rt_runtime);
	int has_idle = r < 0 ? r : json_take_i64(at, "idle", &idle);
	if (has_idle < 0)
		return has_idle;
	if (shares) {
		ADD(false, "cpu.shares", "%" PRIu64, shares);
		ADD(true, "cpu.weight", "%u", weight_of_shares(shares));
	}
	if (period)
		ADD(false, "cpu.cfs_period_us", "%" PRIu64, period);
	if (quota)
		ADD(false, "cpu.cfs_quota_us", "%" PRId64, quota < 0 ? -1 : quota);
	if (quota > 0)
		ADD(true, "cpu.max", "%" PRId64 " %" PRIu64, quota, period ? period : 100000);
	else if (quota < 0 || period)
		ADD(true, "cpu.max", "max %" PRIu64, period ? period : 100000);
	if (has_burst > 0) {
		ADD(false, "cpu.cfs_burst_us", "%" PRIu64, burst);
		ADD(true, "cpu.max.burst", "%" PRIu64, burst);
	}
	if (rt_period)
		ADD(false, "cpu.rt_period_us", "%" PRIu64, rt_period);
	if (rt_runtime)
		ADD(false, "cpu.rt_runtime_us", "%" PRId64, rt_runtime);
	if (has_idle > 0 && idle) {
		ADD(false, "cpu.idle", "%" PRId64, idle);
		ADD(true, "cpu.idle", "%" PRId64, idle);
	}
	return 0;
}

static int read_cpu(const struct json_at *resources, struct spec *spec)
{
	struct json_at at_cpu, *at = &at_cpu;
	auto_free char *cpus = NULL, *mems = NULL;
	int r = json_member(resources, "cpu", JSON_OBJECT, at);

	if (r <= 0)
		return r;
	r = read_cpu_time(at, spec);
	r = r < 0 ? r : json_take_text(at, "cpus", &cpus);
	r = r < 0 ? r : json_take_text(at, "mems", &mems);
	if (r < 0)
		return r;
	struct origin origin = json_origin(at);
	for (int is_v2 = 0; is_v2 < 2; is_v2++) {
		if (cpus && *cpus)
			ADD(is_v2, "cpuset.cpus", "%s", cpus);
		if (mems && *mems)
			ADD(is_v2, "cpuset.mems", "%s", mems);
	}
	return 0;
}

static int read_pids(const struct json_at *resources, struct spec *spec)
{
	struct json_at at_pids, *at = &at_pids;
	int64_t limit = 0;
	int r = json_member(resources, "pids", JSON_OBJECT, at);

	r = r <= 0 ? r : json_take_i64(at, "limit", &limit);
	if (r <= 0)
		return r;
	struct origin origin = json_origin(at);
	for (int is_v2 = 0; is_v2 < 2 && limit != 0; is_v2++) {
		if (limit < 0)
			ADD(is_v2, "pids.max", "max");
		else
			ADD(is_v2, "pids.max", "%" PRId64, limit);
	}
	return 0;
}

static int read_hugetlb(const struct json_at *resources, struct spec *spec)
{
	struct json_at list, at_item, *at = &at_item;
	int r = json_member(resources, "hugepageLimits", JSON_ARRAY, &list);

	for (size_t i = 0; r > 0 && i < json_count(&list); i++) {
		auto_free char *size = NULL;
		char file[64];
		uint64_t limit = 0;
		int item_r = json_item(&list, i, JSON_OBJECT, at);
		item_r = item_r < 0 ? item_r : json_take_text(at, "pageSize", &size);
		if (item_r == 0)
			return json_missing(at, "pageSize");
		item_r = item_r < 0 ? item_r : json_take_u64(at, "limit", &limit);
		if (item_r < 0)
			return item_r;
		if (!*size || size[strspn(size, "0123456789KMGTB")] || strlen(size) > 16)
			return json_fault(at, "unknown pageSize %s", size);
		struct origin origin = json_origin(at);
		(void)snprintf(file, sizeof(file), "hugetlb.%s.limit_in_bytes", size);
		ADD(false, file, "%" PRIu64, limit);
		(void)snprintf(file, sizeof(file), "hugetlb.%s.max", size);
		ADD(true, file, "%" PRIu64, limit);
	}
	return r < 0 ? r : 0;
}

static int add_priority(const struct json_at *at, struct spec *spec)
{
	auto_free char *name = NULL;
	uint32_t priority = 0;
	int r = json_take_text(at, "name", &name);

	if (r == 0)
		return json_missing(at, "name");
	r = r < 0 ? r : json_take_u32(at, "priority", &priority);
	if (r < 0)
		return r;
	struct origin origin = json_origin(at);
	ADD(false, "net_prio.ifpriomap", "%s %u", name, priority);
	return 0;
}

static int read_network(const struct json_at *resources, struct spec *spec)
{
	struct json_at at_network, *at = &at_network, list, item;
	uint32_t class = 0;
	int r = json_member(resources, "network", JSON_OBJECT, at);

	r = r <= 0 ? r : json_take_u32(at, "classID", &class);
	if (r < 0)
		return r;
	struct origin origin = { 0 };
	if (class)
		ADD(false, "net_cls.classid", "%u", class);
	r = at->value ? json_member(at, "priorities", JSON_ARRAY, &list) : 0;
	for (size_t i = 0; r > 0 && i < json_count(&list); i++) {
		int item_r = json_item(&list, i, JSON_OBJECT, &item);
		item_r = item_r < 0 ? item_r : add_priority(&item, spec);
		if (item_r < 0)
			return item_r;
	}
	return r < 0 ? r : 0;
}

/* ---- devices ---- */

static int add_device_rule(const struct json_at *at, struct spec *spec)
{
	auto_free char *type = NULL, *access = NULL;
	bool allow = false;
	int64_t major = -1, minor = -1;
	char numbers[2][24] = { "*", "*" };
	int r = json_take_bool(at, "allow", &allow);
	r = r < 0 ? r : json_take_text(at, "type", &type);
	r = r < 0 ? r : json_take_text(at, "access", &access);
	r = r < 0 ? r : json_take_i64(at, "major", &major);
	r = r < 0 ? r : json_take_i64(at, "minor", &minor);
	if (r < 0)
		return r;
	if (!access || !*access || access[strspn(access, "rwm")])
		return json_fault(at, "access must be of the letters r, w and m");
	if (type && *type && (type[1] || !strchr("abcu", *type)))
		return json_fault(at, "unknown type %s", type);
	if (major >= 0)
		(void)snprintf(numbers[0], sizeof(numbers[0]), "%" PRId64, major);
	if (minor >= 0)
		(void)snprintf(numbers[1], sizeof(numbers[1]), "%" PRId64, minor);
	struct origin origin = json_origin(at);
	const char *file = allow ? "devices.allow" : "devices.deny";
	char kind = type && *type ? (*type == 'u' ? 'c' : *type) : 'a';
	if (kind != 'a') {
		ADD(false, file, "%c %s:%s %s", kind, numbers[0], numbers[1], access);
	} else if (major < 0 && minor < 0 && strlen(access) == 3) {
		ADD(false, file, "a");
	} else {
		ADD(false, file, "c %s:%s %s", numbers[0], numbers[1], access);
		ADD(false, file, "b %s:%s %s", numbers[0], numbers[1], access);
	}
	return 0;
}

/* What every container has: nodes of any kind may be made, those of /dev and its terminals may be used. */
static int allow_defaults(const struct json_at *at, struct spec *spec)
{
	static const char *const rules[] = { "c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm",
		"c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm", "c 10:200 rwm" };
	struct origin origin = json_origin(at);

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		ADD(false, "devices.allow", "%s", rules[i]);
	return 0;
}

static int read_device_rules(const struct json_at *resources, struct spec *spec)
{
	struct json_at list, item;
	int r = json_member(resources, "devices", JSON_ARRAY, &list);

	if (r <= 0 || json_count(&list) == 0)
		return r < 0 ? r : 0;
	for (size_t i = 0; i < json_count(&list); i++) {
		r = json_item(&list, i, JSON_OBJECT, &item);
		r = r < 0 ? r : add_device_rule(&item, spec);
		if (r < 0)
			return r;
	}
	struct spec_cgroup_setting *last = &spec->cgroup.settings.items[spec->cgroup.settings.count - 1];
	if (strcmp(last->file, "devices.allow") == 0 && strcmp(last->value, "a") == 0)
		return 0;
	return allow_defaults(&list, spec);
}

static int add_unified(const struct json_at *at, const char *value, void *data)
{
	struct spec *spec = data;
	struct origin origin = json_origin(at);

	if (!*at->name || strchr(at->name, '/') || strcmp(at->name, "..") == 0)
		return json_fault(at, "no name of a cgroup file");
	ADD(true, at->name, "%s", value);
	return 0;
}

int oci_read_resources(const struct json_at *resources, struct spec *spec)
{
	int r = read_device_rules(resources, spec);

	r = r < 0 ? r : read_memory(resources, spec);
	r = r < 0 ? r : read_cpu(resources, spec);
	r = r < 0 ? r : read_pids(resources, spec);
	r = r < 0 ? r : oci_read_blkio(resources, spec);
	r = r < 0 ? r : oci_read_rdma(resources, spec);
	r = r < 0 ? r : read_hugetlb(resources, spec);
	r = r < 0 ? r : read_network(resources, spec);
	r = r < 0 ? r : json_take_map(resources, "unified", add_unified, spec);
	return r < 0 ? r : 0;
}
