#include "dialect/openvz/limits.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "dialect/openvz/params.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define PAGE 4096

static int add(struct vz_limits *limits, bool is_v2, const char *file, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int add(struct vz_limits *limits, bool is_v2, const char *file, const char *fmt, ...)
{
	struct vz_limit *limit = vector_add(limits);
	va_list arguments;
	if (!limit)
		return -ENOMEM;
	limit->is_v2 = is_v2;
	(void)snprintf(limit->file, sizeof(limit->file), "%s", file);
	va_start(arguments, fmt);
	(void)vsnprintf(limit->value, sizeof(limit->value), fmt, arguments);
	va_end(arguments);
	return 0;
}

/* The parameter's limit, VZ_UNLIMITED where it says nothing. */
static struct vz_pair pair_of(const struct vz_ct *ct, const char *key)
{
	struct vz_pair pair = { VZ_UNLIMITED, VZ_UNLIMITED };
	const char *value = vz_ct_get(ct, key);
	const struct vz_param *param = vz_param_find(key);
	if (value && param && vz_parse_pair(value, param->kind, &pair) < 0)
		pair = (struct vz_pair){ VZ_UNLIMITED, VZ_UNLIMITED };
	return pair;
}

static uint64_t number_of(const struct vz_ct *ct, const char *key, uint64_t preset)
{
	uint64_t number;
	auto_free char *copy = strdup(vz_ct_get(ct, key) ?: "");
	size_t length = copy ? strlen(copy) : 0;
	if (length && copy[length - 1] == '%')
		copy[length - 1] = '\0';
	return length && text_to_u64(copy, &number) == 0 ? number : preset;
}

static int64_t to_bytes(int64_t pages)
{
	return pages >= VZ_UNLIMITED / PAGE ? VZ_UNLIMITED : pages * PAGE;
}

static int add_amount(struct vz_limits *limits, const char *file, int64_t amount)
{
	return amount == VZ_UNLIMITED ? add(limits, true, file, "max") : add(limits, true, file, "%" PRId64, amount);
}

/* ---- one function per mechanism; the key that asks for it may be one of several ---- */

static int add_memory(const struct vz_ct *ct, bool is_live, struct vz_limits *limits)
{
	int64_t bytes = to_bytes(pair_of(ct, "PHYSPAGES").limit);
	return bytes == VZ_UNLIMITED && !is_live ? 0 : add_amount(limits, "memory.max", bytes);
}

static int add_swap(const struct vz_ct *ct, bool is_live, struct vz_limits *limits)
{
	int64_t bytes = to_bytes(pair_of(ct, "SWAPPAGES").limit);
	return bytes == VZ_UNLIMITED && !is_live ? 0 : add_amount(limits, "memory.swap.max", bytes);
}

static int add_processes(const struct vz_ct *ct, bool is_live, struct vz_limits *limits)
{
	int64_t limit = pair_of(ct, "NUMPROC").limit;
	return limit == VZ_UNLIMITED && !is_live ? 0 : add_amount(limits, "pids.max", limit);
}

static int add_guaranteed(const struct vz_ct *ct, bool is_live, struct vz_limits *limits)
{
	int64_t bytes = vz_ct_get(ct, "VMGUARPAGES") ? to_bytes(pair_of(ct, "VMGUARPAGES").barrier) : 0;
	return bytes == 0 && !is_live ? 0 : add_amount(limits, "memory.low", bytes);
}

static int add_reserved(const struct vz_ct *ct, bool is_live, struct vz_limits *limits)
{
	int64_t bytes = vz_ct_get(ct, "OOMGUARPAGES") ? to_bytes(pair_of(ct, "OOMGUARPAGES").barrier) : 0;
	return bytes == 0 && !is_live ? 0 : add_amount(limits, "memory.min", bytes);
}

static int add_units(const struct vz_ct *ct, bool is_live, struct vz_limits *limits)
{
	uint64_t units = number_of(ct, "CPUUNITS", 0);
	(void)is_live;
	if (units == 0)
		return 0;
	uint64_t weight = units / 10, shares = units * 1024 / 1000;
	weight = weight < 1 ? 1 : weight > 10000 ? 10000 : weight;
	int r = add(limits, false, "cpu.shares", "%" PRIu64, shares < 2 ? 2 : shares > 262144 ? 262144 : shares);
	return r ?: add(limits, true, "cpu.weight", "%" PRIu64, weight);
}

/* The smaller of CPULIMIT (percent) and CPUS. */
static int add_processor_time(const struct vz_ct *ct, bool is_live, struct vz_limits *limits)
{
	uint64_t percent = number_of(ct, "CPULIMIT", 0), cpus = number_of(ct, "CPUS", 0) * 100;
	if (percent == 0 || (cpus && cpus < percent))
		percent = cpus;
	if (percent == 0 && !is_live)
		return 0;
	int r = add(limits, false, "cpu.cfs_period_us", "100000");
	if (percent == 0) {
		r = r ?: add(limits, false, "cpu.cfs_quota_us", "-1");
		return r ?: add(limits, true, "cpu.max", "max 100000");
	}
	r = r ?: add(limits, false, "cpu.cfs_quota_us", "%" PRIu64, percent * 1000);
	return r ?: add(limits, true, "cpu.max", "%" PRIu64 " 100000", percent * 1000);
}

static int add_set(const struct vz_ct *ct, const char *key, const char *file, const char *all, bool is_live,
	struct vz_limits *limits)
{
	const char *value = vz_ct_get(ct, key);
	auto_free char *text = NULL;
	size_t length;
	if (!value)
		return 0;
	if (strcmp(value, "all") == 0) {
		if (!is_live || file_read(-1, all, 4096, &text, &length) < 0)
			return 0;
		value = text_trim(text);
	}
	return add(limits, false, file, "%s", value) ?: add(limits, true, file, "%s", value);
}

/* CPUMASK=auto: the processors of the nodes of NODEMASK. */
static int add_processors_of_nodes(const struct vz_ct *ct, struct vz_limits *limits)
{
	struct string_list nodes = { 0 };
	char list[160] = "";
	int r = text_split(vz_ct_get(ct, "NODEMASK") ?: "", ",", &nodes);
	for (size_t i = 0; r == 0 && i < nodes.count; i++) {
		unsigned first, last;
		int count = sscanf(nodes.items[i], "%u-%u", &first, &last);
		for (unsigned node = first; count > 0 && node <= (count == 2 ? last : first) && node < 1024; node++) {
			char file[64];
			auto_free char *text = NULL;
			size_t length;
			(void)snprintf(file, sizeof(file), "/sys/devices/system/node/node%u/cpulist", node);
			if (file_read(-1, file, 4096, &text, &length) == 0 && *text_trim(text))
				(void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", *list ? "," : "", text_trim(text));
		}
	}
	string_list_clear(&nodes);
	if (r < 0 || !*list)
		return r;
	return add(limits, false, "cpuset.cpus", "%s", list) ?: add(limits, true, "cpuset.cpus", "%s", list);
}

static int add_processors(const struct vz_ct *ct, bool is_live, struct vz_limits *limits)
{
	if (text_equal(vz_ct_get(ct, "CPUMASK"), "auto"))
		return add_processors_of_nodes(ct, limits);
	return add_set(ct, "CPUMASK", "cpuset.cpus", "/sys/devices/system/cpu/online", is_live, limits);
}

static int add_nodes(const struct vz_ct *ct, bool is_live, struct vz_limits *limits)
{
	return add_set(ct, "NODEMASK", "cpuset.mems", "/sys/devices/system/node/online", is_live, limits);
}

static int add_weight(const struct vz_ct *ct, bool is_live, struct vz_limits *limits)
{
	(void)is_live;
	if (!vz_ct_get(ct, "IOPRIO"))
		return 0;
	unsigned weight = (unsigned)(number_of(ct, "IOPRIO", 4) + 1) * 20;
	int r = add(limits, false, "blkio.bfq.weight", "%u", weight);
	return r ?: add(limits, true, "io.weight", "%u", weight);
}

int vz_disk_of(const char *path, unsigned *ret_major, unsigned *ret_minor)
{
	struct stat info;
	auto_free char *text = NULL;
	char file[96];
	size_t length;
	if (stat(path, &info) < 0)
		return -errno;
	*ret_major = major(info.st_dev);
	*ret_minor = minor(info.st_dev);
	if (*ret_major == 0)
		return -ENODEV; /* btrfs, overlay, a file system in memory */
	(void)snprintf(file, sizeof(file), "/sys/dev/block/%u:%u/partition", *ret_major, *ret_minor);
	if (stat(file, &info) < 0)
		return 0;
	(void)snprintf(file, sizeof(file), "/sys/dev/block/%u:%u/../dev", *ret_major, *ret_minor);
	int r = file_read(-1, file, 64, &text, &length);
	return r < 0 ? r : sscanf(text, "%u:%u", ret_major, ret_minor) == 2 ? 0 : -ENODEV;
}

static int add_rates(const struct vz_ct *ct, const char *key, const char *unit, bool is_live, struct vz_limits *limits)
{
	uint64_t rate = number_of(ct, key, 0);
	unsigned first, second;
	auto_free char *area = vz_ct_path(ct, "VE_PRIVATE");
	if ((rate == 0 && !(is_live && vz_ct_get(ct, key))) || !area || vz_disk_of(area, &first, &second) < 0)
		return 0;
	static const char *const ways[] = { "read", "write" };
	for (int i = 0; i < 2; i++) {
		char file[64];
		(void)snprintf(file, sizeof(file), "blkio.throttle.%s_%s_device", ways[i], unit);
		int r = add(limits, false, file, "%u:%u %" PRIu64, first, second, rate);
		if (r < 0)
			return r;
	}
	if (rate == 0)
		return add(limits, true, "io.max", "%u:%u r%s=max w%s=max", first, second, unit, unit);
	return add(limits, true, "io.max", "%u:%u r%s=%" PRIu64 " w%s=%" PRIu64, first, second, unit, rate, unit, rate);
}

static int add_bytes_rate(const struct vz_ct *ct, bool is_live, struct vz_limits *limits)
{
	return add_rates(ct, "IOLIMIT", "bps", is_live, limits);
}

static int add_access_rate(const struct vz_ct *ct, bool is_live, struct vz_limits *limits)
{
	return add_rates(ct, "IOPSLIMIT", "iops", is_live, limits);
}

static const struct {
	const char *key;
	int (*add)(const struct vz_ct *ct, bool is_live, struct vz_limits *limits);
} mechanisms[] = {
	{ "PHYSPAGES", add_memory }, { "SWAPPAGES", add_swap }, { "NUMPROC", add_processes },
	{ "VMGUARPAGES", add_guaranteed }, { "OOMGUARPAGES", add_reserved }, { "CPUUNITS", add_units },
	{ "CPULIMIT", add_processor_time }, { "CPUS", add_processor_time }, { "CPUMASK", add_processors },
	{ "NODEMASK", add_nodes }, { "IOPRIO", add_weight }, { "IOLIMIT", add_bytes_rate }, { "IOPSLIMIT", add_access_rate },
};

int vz_limits(const struct vz_ct *ct, const char *key, bool is_live, struct vz_limits *ret)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(mechanisms) / sizeof(*mechanisms); i++)
		if ((!key && strcmp(mechanisms[i].key, "CPUS") != 0) || (key && strcmp(mechanisms[i].key, key) == 0))
			r = mechanisms[i].add(ct, is_live, ret);
	return r;
}

static int add_rlimit(struct spec *spec, const char *name, int resource, int64_t wanted)
{
	struct rlimit now;
	if (wanted == VZ_UNLIMITED)
		return 0;
	/* never above what the host's root may have: no parameter of this sort fails a start */
	uint64_t value = (uint64_t)wanted;
	if (getrlimit(resource, &now) == 0 && now.rlim_max != RLIM_INFINITY && value > now.rlim_max)
		value = now.rlim_max;
	struct spec_rlimit *limit = vector_add(&spec->process.rlimits);
	if (!limit)
		return -ENOMEM;
	limit->soft = limit->hard = value;
	return text_replace(&limit->name, name);
}

int vz_rlimits(const struct vz_ct *ct, struct spec *spec)
{
	int r = add_rlimit(spec, "memlock", RLIMIT_MEMLOCK, to_bytes(pair_of(ct, "LOCKEDPAGES").limit));
	return r ?: add_rlimit(spec, "sigpending", RLIMIT_SIGPENDING, pair_of(ct, "NUMSIGINFO").limit);
}
