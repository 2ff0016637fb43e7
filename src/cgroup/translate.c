/* What a file of one cgroup version is in the words of the other: one table, both ways. */
#include "base/cleanup.h"
#include "base/text.h"
#include "cgroup/internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define V1_NO_LIMIT UINT64_C(9223372036854771712) /* what v1 shows for none: LONG_MAX rounded down to a page */

typedef int (*convert)(const char *value, const struct translate_source *now, struct translation *ret);
typedef int (*convert_read)(const struct translate_source *now, const char *file, char **ret);

struct pair {
	const char *v1, *v2;
	convert to_v2, to_v1;
	convert_read read_v1, read_v2;
};

static int add(struct translation *ret, const char *file, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int add(struct translation *ret, const char *file, const char *fmt, ...)
{
	if (ret->count == sizeof(ret->steps) / sizeof(*ret->steps))
		return -E2BIG;
	struct setting_step *step = &ret->steps[ret->count++];
	va_list arguments;
	va_start(arguments, fmt);
	(void)snprintf(step->file, sizeof(step->file), "%s", file);
	int length = vsnprintf(step->value, sizeof(step->value), fmt, arguments);
	va_end(arguments);
	return length >= (int)sizeof(step->value) ? -EINVAL : 0;
}

/* "64M", "-1", "max" in bytes; UINT64_MAX: no limit. */
static int parse_limit(const char *text, uint64_t *ret)
{
	if (strcmp(text, "-1") == 0 || strcmp(text, "max") == 0) {
		*ret = UINT64_MAX;
		return 0;
	}
	int r = text_to_bytes(text, ret);
	if (r == 0 && *ret >= V1_NO_LIMIT)
		*ret = UINT64_MAX;
	return r;
}

static int add_limit_v2(struct translation *ret, const char *file, uint64_t value)
{
	return value == UINT64_MAX ? add(ret, file, "max") : add(ret, file, "%" PRIu64, value);
}

static int add_limit_v1(struct translation *ret, const char *file, uint64_t value)
{
	return value == UINT64_MAX ? add(ret, file, "-1") : add(ret, file, "%" PRIu64, value);
}

/* One file of the group as it is now, without its newline. */
static int read_now(const struct translate_source *now, const char *file, char **ret)
{
	int r = now->read(now->data, file, ret);
	if (r == 0)
		(*ret)[strcspn(*ret, "\n")] = '\0';
	return r;
}

static int read_limit(const struct translate_source *now, const char *file, uint64_t *ret)
{
	auto_free char *text = NULL;
	int r = read_now(now, file, &text);
	return r < 0 ? r : parse_limit(text, ret);
}

static int print_number(char **ret, uint64_t value)
{
	return text_format(ret, "%" PRIu64 "\n", value);
}

/* ---- limits in bytes ---- */

#define LIMIT(name, file_v1, file_v2)                                                                        \
	static int name##_to_v2(const char *value, const struct translate_source *now, struct translation *ret) \
	{                                                                                                    \
		uint64_t limit;                                                                              \
		(void)now;                                                                                   \
		int r = parse_limit(value, &limit);                                                          \
		return r < 0 ? r : add_limit_v2(ret, file_v2, limit);                                        \
	}                                                                                                    \
	static int name##_to_v1(const char *value, const struct translate_source *now, struct translation *ret) \
	{                                                                                                    \
		uint64_t limit;                                                                              \
		(void)now;                                                                                   \
		int r = parse_limit(value, &limit);                                                          \
		return r < 0 ? r : add_limit_v1(ret, file_v1, limit);                                        \
	}

LIMIT(memory, "memory.limit_in_bytes", "memory.max")
LIMIT(soft, "memory.soft_limit_in_bytes", "memory.low")

static int limit_read_v1(const struct translate_source *now, const char *file, char **ret)
{
	uint64_t value;
	int r = read_limit(now, file, &value);
	return r < 0 ? r : print_number(ret, value == UINT64_MAX ? V1_NO_LIMIT : value);
}

static int limit_read_v2(const struct translate_source *now, const char *file, char **ret)
{
	uint64_t value;
	int r = read_limit(now, file, &value);
	return r < 0 ? r : value == UINT64_MAX ? text_format(ret, "max\n") : print_number(ret, value);
}

/* v1 counts memory and swap together, v2 apart. */
static int memsw_to_v2(const char *value, const struct translate_source *now, struct translation *ret)
{
	uint64_t both, memory = 0;
	int r = parse_limit(value, &both);
	if (r < 0)
		return r;
	if (both == UINT64_MAX)
		return add(ret, "memory.swap.max", "max");
	r = read_limit(now, "memory.max", &memory);
	if (r < 0)
		return r;
	return add_limit_v2(ret, "memory.swap.max", memory == UINT64_MAX || memory > both ? 0 : both - memory);
}

static int memsw_to_v1(const char *value, const struct translate_source *now, struct translation *ret)
{
	uint64_t swap, memory = 0;
	int r = parse_limit(value, &swap);
	r = r ?: read_limit(now, "memory.limit_in_bytes", &memory);
	if (r < 0)
		return r;
	return add_limit_v1(ret, "memory.memsw.limit_in_bytes",
		swap == UINT64_MAX || memory == UINT64_MAX ? UINT64_MAX : swap + memory);
}

static int memsw_read_v1(const struct translate_source *now, const char *file, char **ret)
{
	uint64_t swap, memory;
	int r = read_limit(now, file, &swap);
	r = r ?: read_limit(now, "memory.max", &memory);
	if (r < 0)
		return r;
	return print_number(ret, swap == UINT64_MAX || memory == UINT64_MAX ? V1_NO_LIMIT : swap + memory);
}

static int memsw_read_v2(const struct translate_source *now, const char *file, char **ret)
{
	uint64_t both, memory;
	int r = read_limit(now, file, &both);
	r = r ?: read_limit(now, "memory.limit_in_bytes", &memory);
	if (r < 0)
		return r;
	return both == UINT64_MAX ? text_format(ret, "max\n") : print_number(ret, both > memory ? both - memory : 0);
}

/* ---- cpu ---- */

/* 2..262144 to 1..10000, as systemd and the OCI runtimes convert. */
static int shares_to_v2(const char *value, const struct translate_source *now, struct translation *ret)
{
	uint64_t shares;
	(void)now;
	int r = text_to_u64(value, &shares);
	if (r < 0)
		return r;
	shares = shares < 2 ? 2 : shares > 262144 ? 262144 : shares;
	return add(ret, "cpu.weight", "%" PRIu64, 1 + (shares - 2) * 9999 / 262142);
}

static int shares_to_v1(const char *value, const struct translate_source *now, struct translation *ret)
{
	uint64_t weight;
	(void)now;
	int r = text_to_u64(value, &weight);
	if (r < 0)
		return r;
	if (weight < 1 || weight > 10000)
		return -EINVAL;
	return add(ret, "cpu.shares", "%" PRIu64, 2 + ((weight - 1) * 262142 + 9998) / 9999);
}

static int shares_read_v1(const struct translate_source *now, const char *file, char **ret)
{
	uint64_t weight;
	int r = read_limit(now, file, &weight);
	return r < 0 ? r : print_number(ret, weight <= 1 ? 2 : 2 + ((weight - 1) * 262142 + 9998) / 9999);
}

static int shares_read_v2(const struct translate_source *now, const char *file, char **ret)
{
	uint64_t shares;
	int r = read_limit(now, file, &shares);
	return r < 0 ? r : print_number(ret, shares <= 2 ? 1 : 1 + (shares - 2) * 9999 / 262142);
}

/* cpu.max: "QUOTA PERIOD"; quota -1 is "max". */
static int read_cpu_max(const struct translate_source *now, const char *file, int64_t *quota, uint64_t *period)
{
	auto_free char *text = NULL;
	int r = read_now(now, file, &text);
	if (r < 0)
		return r;
	*quota = strncmp(text, "max", 3) == 0 ? -1 : strtoll(text, NULL, 10);
	*period = strchr(text, ' ') ? strtoull(strchr(text, ' '), NULL, 10) : 100000;
	return 0;
}

static int add_cpu_max(struct translation *ret, int64_t quota, uint64_t period)
{
	return quota < 0 ? add(ret, "cpu.max", "max %" PRIu64, period) :
			   add(ret, "cpu.max", "%" PRId64 " %" PRIu64, quota, period);
}

static int quota_to_v2(const char *value, const struct translate_source *now, struct translation *ret)
{
	int32_t wanted;
	int64_t quota;
	uint64_t period;
	int r = text_to_i32(value, &wanted);
	r = r ?: read_cpu_max(now, "cpu.max", &quota, &period);
	return r < 0 ? r : add_cpu_max(ret, wanted, period);
}

static int period_to_v2(const char *value, const struct translate_source *now, struct translation *ret)
{
	int64_t quota;
	uint64_t period, wanted;
	int r = text_to_u64(value, &wanted);
	r = r ?: read_cpu_max(now, "cpu.max", &quota, &period);
	return r < 0 ? r : add_cpu_max(ret, quota, wanted);
}

static int cpu_max_to_v1(const char *value, const struct translate_source *now, struct translation *ret)
{
	const char *blank = strchr(value, ' ');
	(void)now;
	int r = blank ? add(ret, "cpu.cfs_period_us", "%s", blank + 1) : 0;
	if (r < 0)
		return r;
	return strncmp(value, "max", 3) == 0 ? add(ret, "cpu.cfs_quota_us", "-1") :
					       add(ret, "cpu.cfs_quota_us", "%.*s", (int)strcspn(value, " "), value);
}

static int quota_read_v1(const struct translate_source *now, const char *file, char **ret)
{
	int64_t quota;
	uint64_t period;
	int r = read_cpu_max(now, file, &quota, &period);
	return r < 0 ? r : text_format(ret, "%" PRId64 "\n", quota);
}

static int period_read_v1(const struct translate_source *now, const char *file, char **ret)
{
	int64_t quota;
	uint64_t period;
	int r = read_cpu_max(now, file, &quota, &period);
	return r < 0 ? r : print_number(ret, period);
}

static int cpu_max_read_v2(const struct translate_source *now, const char *file, char **ret)
{
	auto_free char *quota = NULL, *period = NULL;
	int r = read_now(now, file, &quota);
	r = r ?: read_now(now, "cpu.cfs_period_us", &period);
	return r < 0 ? r : text_format(ret, "%s %s\n", *quota == '-' ? "max" : quota, period);
}

static int usage_read_v1(const struct translate_source *now, const char *file, char **ret)
{
	auto_free char *text = NULL;
	int r = now->read(now->data, file, &text);
	const char *at = r == 0 ? strstr(text, "usage_usec ") : NULL;
	return r < 0 ? r : print_number(ret, at ? strtoull(at + strlen("usage_usec "), NULL, 10) * 1000 : 0);
}

static int usage_read_v2(const struct translate_source *now, const char *file, char **ret)
{
	uint64_t ns;
	int r = read_limit(now, file, &ns);
	return r < 0 ? r : text_format(ret, "usage_usec %" PRIu64 "\n", ns / 1000);
}

/* ---- block devices ---- */

/* 10..1000 to 1..10000. */
static uint64_t io_weight(uint64_t weight)
{
	weight = weight < 10 ? 10 : weight > 1000 ? 1000 : weight;
	return 1 + (weight - 10) * 9999 / 990;
}

static int weight_to_v2(const char *value, const struct translate_source *now, struct translation *ret)
{
	uint64_t weight;
	(void)now;
	int r = text_to_u64(value, &weight);
	return r < 0 ? r : add(ret, "io.weight", "default %" PRIu64, io_weight(weight));
}

static int weight_to_v1(const char *value, const struct translate_source *now, struct translation *ret)
{
	uint64_t weight;
	(void)now;
	int r = text_to_u64(text_starts(value, "default ") ? value + strlen("default ") : value, &weight);
	if (r < 0 || weight < 1 || weight > 10000)
		return -EINVAL;
	return add(ret, "blkio.weight", "%" PRIu64, 10 + (weight - 1) * 990 / 9999);
}

static int weight_device_to_v2(const char *value, const struct translate_source *now, struct translation *ret)
{
	uint64_t weight;
	const char *blank = strchr(value, ' ');
	(void)now;
	if (!blank || text_to_u64(blank + 1, &weight) < 0)
		return -EINVAL;
	return add(ret, "io.weight", "%.*s %" PRIu64, (int)(blank - value), value, io_weight(weight));
}

static const struct {
	const char *v1, *v2;
} throttles[] = {
	{ "blkio.throttle.read_bps_device", "rbps" },
	{ "blkio.throttle.write_bps_device", "wbps" },
	{ "blkio.throttle.read_iops_device", "riops" },
	{ "blkio.throttle.write_iops_device", "wiops" },
};

static int throttle_to_v2(size_t kind, const char *value, struct translation *ret)
{
	const char *blank = strchr(value, ' ');
	uint64_t rate;
	if (!blank || text_to_u64(blank + 1, &rate) < 0)
		return -EINVAL;
	if (rate == 0) /* v1: takes the limit away */
		return add(ret, "io.max", "%.*s %s=max", (int)(blank - value), value, throttles[kind].v2);
	return add(ret, "io.max", "%.*s %s=%" PRIu64, (int)(blank - value), value, throttles[kind].v2, rate);
}

#define THROTTLE(number)                                                                                     \
	static int throttle##number(const char *value, const struct translate_source *now, struct translation *ret) \
	{                                                                                                    \
		(void)now;                                                                                   \
		return throttle_to_v2(number, value, ret);                                                   \
	}
THROTTLE(0)
THROTTLE(1)
THROTTLE(2)
THROTTLE(3)

static int io_max_to_v1(const char *value, const struct translate_source *now, struct translation *ret)
{
	struct string_list words = { 0 };
	(void)now;
	int r = text_split(value, " ", &words);
	if (r == 0 && words.count < 2)
		r = -EINVAL;
	for (size_t i = 1; r == 0 && i < words.count; i++) {
		r = -EINVAL;
		for (size_t kind = 0; kind < 4; kind++) {
			size_t length = strlen(throttles[kind].v2);
			const char *word = words.items[i];
			if (strncmp(word, throttles[kind].v2, length) == 0 && word[length] == '=')
				r = add(ret, throttles[kind].v1, "%s %s", words.items[0],
					strcmp(word + length + 1, "max") == 0 ? "0" : word + length + 1);
		}
	}
	string_list_clear(&words);
	return r;
}

/* ---- freezer and the rest ---- */

static int freezer_to_v2(const char *value, const struct translate_source *now, struct translation *ret)
{
	(void)now;
	if (strcmp(value, "FROZEN") != 0 && strcmp(value, "THAWED") != 0)
		return -EINVAL;
	return add(ret, "cgroup.freeze", *value == 'F' ? "1" : "0");
}

static int freezer_to_v1(const char *value, const struct translate_source *now, struct translation *ret)
{
	(void)now;
	if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return -EINVAL;
	return add(ret, "freezer.state", *value == '1' ? "FROZEN" : "THAWED");
}

static int freezer_read_v1(const struct translate_source *now, const char *file, char **ret)
{
	auto_free char *text = NULL;
	(void)file;
	int r = now->read(now->data, "cgroup.events", &text);
	return r < 0 ? r : text_format(ret, "%s\n", strstr(text, "frozen 1") ? "FROZEN" : "THAWED");
}

static int freezer_read_v2(const struct translate_source *now, const char *file, char **ret)
{
	auto_free char *text = NULL;
	int r = read_now(now, file, &text);
	return r < 0 ? r : text_format(ret, "%d\n", strcmp(text, "THAWED") != 0);
}

/* A field of memory.events, and where v1 has it. */
static int failcnt_read_v1(const struct translate_source *now, const char *file, char **ret)
{
	auto_free char *text = NULL;
	int r = now->read(now->data, file, &text);
	const char *at = r == 0 ? strstr(text, "\nmax ") : NULL;
	return r < 0 ? r : print_number(ret, at ? strtoull(at + 5, NULL, 10) : 0);
}

static int events_read_v2(const struct translate_source *now, const char *file, char **ret)
{
	auto_free char *failcnt = NULL, *oom = NULL;
	int r = read_now(now, file, &failcnt);
	r = r ?: now->read(now->data, "memory.oom_control", &oom);
	if (r < 0)
		return r;
	const char *kills = strstr(oom, "oom_kill ");
	return text_format(ret, "low 0\nhigh 0\nmax %s\noom_kill %llu\n", failcnt,
		kills ? strtoull(kills + strlen("oom_kill "), NULL, 10) : 0);
}

static int as_it_is(const struct translate_source *now, const char *file, char **ret)
{
	return now->read(now->data, file, ret);
}

/* Always so on cgroup2: nothing to write. */
static int always(const char *value, const struct translate_source *now, struct translation *ret)
{
	(void)now;
	(void)ret;
	return strcmp(value, "1") == 0 ? 0 : -EOPNOTSUPP;
}

/* clang-format off */
static const struct pair pairs[] = {
	{ "memory.limit_in_bytes", "memory.max", memory_to_v2, memory_to_v1, limit_read_v1, limit_read_v2 },
	{ "memory.soft_limit_in_bytes", "memory.low", soft_to_v2, soft_to_v1, limit_read_v1, limit_read_v2 },
	{ "memory.memsw.limit_in_bytes", "memory.swap.max", memsw_to_v2, memsw_to_v1, memsw_read_v1, memsw_read_v2 },
	{ "memory.usage_in_bytes", "memory.current", NULL, NULL, as_it_is, as_it_is },
	{ "memory.max_usage_in_bytes", "memory.peak", NULL, NULL, as_it_is, as_it_is },
	{ "memory.failcnt", "memory.events", NULL, NULL, failcnt_read_v1, events_read_v2 },
	{ "memory.use_hierarchy", "memory.max", always, NULL, NULL, NULL },
	{ "cpu.shares", "cpu.weight", shares_to_v2, shares_to_v1, shares_read_v1, shares_read_v2 },
	{ "cpu.cfs_quota_us", "cpu.max", quota_to_v2, cpu_max_to_v1, quota_read_v1, cpu_max_read_v2 },
	{ "cpu.cfs_period_us", "cpu.max", period_to_v2, NULL, period_read_v1, NULL },
	{ "cpuacct.usage", "cpu.stat", NULL, NULL, usage_read_v1, usage_read_v2 },
	{ "blkio.weight", "io.weight", weight_to_v2, weight_to_v1, NULL, NULL },
	{ "blkio.bfq.weight", "io.weight", weight_to_v2, NULL, NULL, NULL },
	{ "blkio.weight_device", "io.weight", weight_device_to_v2, NULL, NULL, NULL },
	{ "blkio.throttle.read_bps_device", "io.max", throttle0, io_max_to_v1, NULL, NULL },
	{ "blkio.throttle.write_bps_device", "io.max", throttle1, NULL, NULL, NULL },
	{ "blkio.throttle.read_iops_device", "io.max", throttle2, NULL, NULL, NULL },
	{ "blkio.throttle.write_iops_device", "io.max", throttle3, NULL, NULL, NULL },
	{ "freezer.state", "cgroup.freeze", freezer_to_v2, freezer_to_v1, freezer_read_v1, freezer_read_v2 },
};
/* clang-format on */

/* Files with one name in both versions. */
static bool has_same_name(const char *file)
{
	return text_starts(file, "cpuset.") || text_starts(file, "pids.") || strcmp(file, "cgroup.procs") == 0 ||
	       strcmp(file, "memory.stat") == 0 || text_starts(file, "rdma.");
}

const char *translate_controller(const char *file)
{
	if (text_starts(file, "cpuset."))
		return "cpuset";
	if (text_starts(file, "pids."))
		return "pids";
	if (text_starts(file, "hugetlb."))
		return "hugetlb";
	if (text_starts(file, "memory."))
		return "memory";
	if (text_starts(file, "cpu.") || text_starts(file, "cpuacct."))
		return "cpu";
	if (text_starts(file, "blkio."))
		return "io";
	if (text_starts(file, "io."))
		return "blkio";
	return strcmp(file, "freezer.state") == 0 ? "" : strcmp(file, "cgroup.freeze") == 0 ? "freezer" : NULL;
}

/* hugetlb.2MB.limit_in_bytes and hugetlb.2MB.max. */
static int hugetlb(const char *file, const char *value, bool to_v2, struct translation *ret)
{
	const char *tail = to_v2 ? ".limit_in_bytes" : ".max";
	char name[64];
	uint64_t limit;
	if (!text_starts(file, "hugetlb.") || !text_ends(file, tail))
		return -EOPNOTSUPP;
	(void)snprintf(name, sizeof(name), "%.*s%s", (int)(strlen(file) - strlen(tail)), file,
		to_v2 ? ".max" : ".limit_in_bytes");
	int r = parse_limit(value, &limit);
	return r < 0 ? r : to_v2 ? add_limit_v2(ret, name, limit) : add_limit_v1(ret, name, limit);
}

static int translate(const char *file, const char *value, bool to_v2, const struct translate_source *now,
	struct translation *ret)
{
	ret->count = 0;
	ret->controller = translate_controller(file);
	if (has_same_name(file))
		return add(ret, file, "%s", value);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		convert function = to_v2 ? pairs[i].to_v2 : pairs[i].to_v1;
		if (function && strcmp(to_v2 ? pairs[i].v1 : pairs[i].v2, file) == 0)
			return function(value, now, ret);
	}
	return hugetlb(file, value, to_v2, ret);
}

int translate_to_v2(const char *file, const char *value, const struct translate_source *now, struct translation *ret)
{
	return translate(file, value, true, now, ret);
}

int translate_to_v1(const char *file, const char *value, const struct translate_source *now, struct translation *ret)
{
	return translate(file, value, false, now, ret);
}

int translate_read_v1_from_v2(const char *file, const struct translate_source *now, char **ret)
{
	if (has_same_name(file))
		return now->read(now->data, file, ret);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (pairs[i].read_v1 && strcmp(pairs[i].v1, file) == 0)
			return pairs[i].read_v1(now, pairs[i].v2, ret);
	return -EOPNOTSUPP;
}

int translate_read_v2_from_v1(const char *file, const struct translate_source *now, char **ret)
{
	if (has_same_name(file))
		return now->read(now->data, file, ret);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (pairs[i].read_v2 && strcmp(pairs[i].v2, file) == 0)
			return pairs[i].read_v2(now, pairs[i].v1, ret);
	return -EOPNOTSUPP;
}
