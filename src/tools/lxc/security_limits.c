/* lxc-info --security: limits of the control groups that are in force, and which devices may be used. */
#include "tools/lxc/security_view.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The program's group of one controller: where, and up to which directory its parents are groups. */
struct group {
	char path[PATH_MAX];
	size_t root_length; /* of path: the mount */
	bool is_v2;
};

/* The path in the line of /proc/PID/cgroup that has controller ("" for cgroup2); false: no line. */
static bool find_line(const char *cgroups, const char *controller, char *ret, size_t size)
{
	for (const char *line = cgroups; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		const char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
		char list[256];
		if (!path || (size_t)(path - names) > sizeof(list))
			continue;
		snprintf(list, sizeof(list), "%.*s", (int)(path - names - 1), names + 1);
		if (*controller ? !text_list_has(list, controller, strlen(controller)) : *list != '\0')
			continue;
		snprintf(ret, size, "%.*s", (int)strcspn(path + 1, "\n"), path + 1);
		return true;
	}
	return false;
}

/* The group in this caller's mounts; controller "" and is_v2: cgroup2. */
static bool find_group(const struct security_view *view, const char *controller, bool is_v2, struct group *ret)
{
	auto_free char *cgroups = view_read(view->program, "cgroup"), *mounts = view_read(getpid(), "mountinfo");
	char path[PATH_MAX / 2];
	char *rest = mounts;
	struct mountinfo mount;
	int r;

	if (!cgroups || !find_line(cgroups, is_v2 ? "" : controller, path, sizeof(path)))
		return false;
	while (rest && (r = mountinfo_next(&rest, &mount)) != 0) {
		if (r < 0 || strcmp(mount.type, is_v2 ? "cgroup2" : "cgroup") != 0 ||
			(!is_v2 && !text_list_has(mount.super_options, controller, strlen(controller))))
			continue;
		size_t length = strcmp(mount.root, "/") == 0 ? 0 : strlen(mount.root);
		const char *below = length && strncmp(path, mount.root, length) == 0 ? path + length : path;
		snprintf(ret->path, sizeof(ret->path), "%s%s", mount.target, strcmp(below, "/") == 0 ? "" : below);
		ret->root_length = strlen(mount.target);
		ret->is_v2 = is_v2;
		if (access(ret->path, F_OK) == 0)
			return true;
	}
	return false;
}

/* One limit: its file in both versions, and when that is none. */
struct limit {
	const char *name, *controller, *file_v2, *file_v1;
};

/* The number in force by text of file, UINT64_MAX: none. cpu: microseconds per 100 ms. */
static uint64_t read_limit(const struct group *group, const struct limit *limit, size_t length)
{
	char path[PATH_MAX + 64];
	auto_free char *text = NULL;
	size_t size;
	unsigned long long value, period = 100000;

	snprintf(path, sizeof(path), "%.*s/%s", (int)length, group->path, group->is_v2 ? limit->file_v2 : limit->file_v1);
	if (file_read(AT_FDCWD, path, 4096, &text, &size) < 0 || text_starts(text, "max") || *text == '-' ||
	    sscanf(text, "%llu %llu", &value, &period) < 1)
		return UINT64_MAX;
	if (strcmp(limit->controller, "cpu") == 0) {
		auto_free char *other = NULL;
		snprintf(path, sizeof(path), "%.*s/cpu.cfs_period_us", (int)length, group->path);
		if (!group->is_v2 && file_read(AT_FDCWD, path, 64, &other, &size) == 0)
			period = strtoull(other, NULL, 10);
		return period ? value * 100000 / period : UINT64_MAX;
	}
	return value >= 1ULL << 60 ? UINT64_MAX : value; /* v1's "none" of memory is near 2^63 */
}

static void add_limit(struct security_view *view, const struct limit *limit)
{
	struct group group;
	uint64_t least = UINT64_MAX;
	size_t at = 0;

	/* a controller is in a v1 hierarchy or in cgroup2, never in both */
	if (!find_group(view, limit->controller, false, &group) && !find_group(view, "", true, &group))
		return view_add(view, "limits", limit->name, VERDICT_UNKNOWN, "its group can not be found here");
	for (size_t length = strlen(group.path);; length--) {
		if (length < group.root_length)
			break;
		if (length != group.root_length && group.path[length] != '/' && group.path[length] != '\0')
			continue;
		uint64_t value = read_limit(&group, limit, length);
		if (value < least) {
			least = value;
			at = length;
		}
	}
	if (least == UINT64_MAX)
		view_add(view, "limits", limit->name, VERDICT_UNLIMITED, "none in %s or above", group.path);
	else if (strcmp(limit->controller, "cpu") == 0)
		view_add(view, "limits", limit->name, VERDICT_LIMITED, "%" PRIu64 ".%02" PRIu64 " processors by %.*s", least / 100000,
			least % 100000 / 1000, (int)at, group.path);
	else
		view_add(view, "limits", limit->name, VERDICT_LIMITED, "%" PRIu64 " by %.*s", least, (int)at, group.path);
}

/* ---- devices ---- */

/* Programs that the group and those above it have; -errno. */
static int count_device_programs(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union bpf_attr attr;
	uint32_t ids[64];

	if (fd < 0)
		return -errno;
	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.query_flags = BPF_F_QUERY_EFFECTIVE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = 64;
	return syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) < 0 ? -errno : (int)attr.query.prog_cnt;
}

static void add_isolated_devices(struct security_view *view)
{
	view_add(view, "limits", "devices", VERDICT_ISOLATED, "no rule, and no node can be made in a user namespace");
}

static void read_devices_v1(struct security_view *view, const struct group *group)
{
	auto_free char *list = NULL, *path = NULL;
	size_t length;
	int rules = 0;

	if (text_format(&path, "%s/devices.list", group->path) < 0 || file_read(AT_FDCWD, path, 1 << 20, &list, &length) < 0)
		return view_add(view, "limits", "devices", VERDICT_UNKNOWN, "can not be read");
	for (const char *at = list; *at; at++)
		rules += *at == '\n';
	bool is_all = strstr(list, "a *:* rwm");
	if (is_all && view_has_own(view, NAMESPACE_USER))
		return add_isolated_devices(view);
	view_add(view, "limits", "devices", is_all ? VERDICT_UNLIMITED : VERDICT_LIMITED, is_all ? "all are allowed" :
		"%d rules of what is allowed", rules);
}

static void read_devices(struct security_view *view)
{
	struct group group;

	if (find_group(view, "devices", false, &group))
		return read_devices_v1(view, &group);
	if (!find_group(view, "", true, &group))
		return view_add(view, "limits", "devices", VERDICT_UNKNOWN, "its group can not be found here");
	int count = count_device_programs(group.path);
	if (count > 0)
		view_add(view, "limits", "devices", VERDICT_LIMITED, "%d BPF program%s decide%s", count, count > 1 ? "s" : "",
			count > 1 ? "" : "s");
	else if (view_has_own(view, NAMESPACE_USER))
		add_isolated_devices(view);
	else if (count < 0)
		view_add(view, "limits", "devices", VERDICT_UNKNOWN, "can not be asked: %s", strerror(-count));
	else
		view_add(view, "limits", "devices", VERDICT_UNLIMITED, "no BPF program of its group or above");
}

void view_limits(struct security_view *view)
{
	static const struct limit limits[] = {
		{ "memory (bytes)", "memory", "memory.max", "memory.limit_in_bytes" },
		{ "processes", "pids", "pids.max", "pids.max" },
		{ "cpu", "cpu", "cpu.max", "cpu.cfs_quota_us" },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		add_limit(view, &limits[i]);
	read_devices(view);
}
