/* A running container's groups: kill, freeze, read, write, counters, release, text form. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgroup/internal.h"
#include "kernel/cgroupfs.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REMOVE_TIMEOUT_MS 1000

static const struct cgroup_group *find_freezer_v1(const struct cgroup_set *set)
{
	const struct cgroup_group *group = set->groups.count ? set_find(set, "freezer") : NULL;
	return group && !group->is_v2 ? group : NULL;
}

/* ---- kill and freeze ---- */

/* No cgroup.kill: stop them all first, so that none is forked behind the walk. */
static int kill_by_signal(const struct cgroup_set *set)
{
	char path[PATH_MAX];
	const struct cgroup_group *freezer = find_freezer_v1(set);
	const struct cgroup_group *group = freezer ?: set->groups.items;
	(void)group_path(group, group->limit_path, path); /* the freezer's, where there is one */
	int r = cgroupfs_signal(path, 0);
	for (int round = 0; r > 0 && round < 20; round++) { /* each change of the freezer waits for RCU: not in vain */
		if (round > 0)
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		if (freezer)
			(void)cgroupfs_freeze_v1(path, true, 100);
		r = cgroupfs_signal(path, SIGKILL);
		if (freezer)
			(void)cgroupfs_freeze_v1(path, false, 100);
	}
	return r < 0 ? r : 0;
}

int cgroup_kill(const struct cgroup_set *set)
{
	char path[PATH_MAX];
	const struct cgroup_group *v2 = set_v2(set), *freezer = find_freezer_v1(set);
	if (set->groups.count == 0)
		return 0;
	if (!v2 || cgroupfs_kill(group_path(v2, v2->limit_path, path)) < 0)
		return kill_by_signal(set);
	if (freezer) /* a task that v1 has frozen dies only when it is thawed */
		(void)cgroupfs_write(group_path(freezer, freezer->limit_path, path), "freezer.state", "THAWED");
	return 0;
}

static int freeze(const struct cgroup_set *set, bool wanted, int timeout_ms)
{
	char path[PATH_MAX];
	const struct cgroup_group *v1 = find_freezer_v1(set), *v2 = set_v2(set);
	if (v1)
		return cgroupfs_freeze_v1(group_path(v1, v1->limit_path, path), wanted, timeout_ms);
	return v2 ? cgroupfs_freeze_v2(group_path(v2, v2->limit_path, path), wanted, timeout_ms) : -EOPNOTSUPP;
}

int cgroup_freeze(const struct cgroup_set *set, int timeout_ms)
{
	int r = freeze(set, true, timeout_ms);
	if (r == -ETIMEDOUT)
		(void)freeze(set, false, 0); /* the request is taken back */
	return r;
}

int cgroup_thaw(const struct cgroup_set *set, int timeout_ms)
{
	return freeze(set, false, timeout_ms);
}

int cgroup_is_frozen(const struct cgroup_set *set)
{
	char path[PATH_MAX];
	auto_free char *text = NULL;
	const struct cgroup_group *v1 = find_freezer_v1(set), *v2 = set_v2(set);
	if (v1)
		return cgroupfs_read(group_path(v1, v1->limit_path, path), "freezer.state", &text) == 0 &&
		       !text_starts(text, "THAWED");
	return v2 && cgroupfs_read(group_path(v2, v2->limit_path, path), "cgroup.freeze", &text) == 0 && *text == '1';
}

/* ---- single files ---- */

int cgroup_get(const struct cgroup_set *set, const char *file, char **ret_value)
{
	char controller[32];
	if (set->groups.count == 0)
		return -ENOENT;
	controller_of(file, controller, sizeof(controller));
	if (strchr(file, '/'))
		return -EINVAL;
	const struct cgroup_group *group = set_find(set, controller), *v2 = set_v2(set);
	int r = group ? group_read((void *)group, file, ret_value) : -ENOENT;
	if (r == -ENOENT && v2 && group != v2) {
		group = v2;
		r = group_read((void *)v2, file, ret_value);
	}
	if (r != -ENOENT)
		return r;
	/* the other version's words */
	struct translate_source now = { .read = group_read, .data = (void *)group };
	if (group && group->is_v2) {
		r = translate_read_v1_from_v2(file, &now, ret_value);
		if (r == 0)
			return r;
	}
	const char *name = translate_controller(file);
	const struct cgroup_group *v1 = name && *name ? set_find(set, name) : NULL;
	if (v1 && v1->is_v2 && strcmp(name, "cpu") == 0)
		v1 = set_find(set, "cpuacct");
	if (!v1 || v1->is_v2)
		return -ENOENT;
	now.data = (void *)v1;
	r = translate_read_v2_from_v1(file, &now, ret_value);
	return r == -EOPNOTSUPP ? -ENOENT : r;
}

static int change_devices(const struct cgroup_set *set, bool allow, const char *value, const char *devices_file)
{
	struct device_rules rules = { 0 };
	struct device_rule rule;
	auto_free char *kept = NULL, *text = NULL;
	size_t length;
	int r = device_rule_parse(value, &rule);
	if (r < 0)
		return r;
	if (devices_file && file_read(-1, devices_file, 1024 * 1024, &kept, &length) == 0)
		r = devices_from_text(&rules, kept);
	else
		r = device_rules_copy(&rules, &set->devices);
	r = r ?: device_rules_change(&rules, allow, &rule);
	r = r ?: devices_attach(set, &rules);
	if (r == 0 && devices_file) {
		text = devices_to_text(&rules);
		r = text ? file_write_atomic(-1, devices_file, 0600, text, strlen(text)) : -ENOMEM;
	}
	device_rules_clear(&rules);
	return r;
}

int cgroup_set_value(const struct cgroup_set *set, const char *file, const char *value, const char *devices_file)
{
	char controller[32], path[PATH_MAX];
	if (set->groups.count == 0)
		return -ENOENT;
	if (strchr(file, '/'))
		return -EINVAL;
	controller_of(file, controller, sizeof(controller));
	const struct cgroup_group *group = set_find(set, controller), *v2 = set_v2(set);
	int kind = device_file_kind(file);
	if (kind >= 0 && (!group || group->is_v2))
		return change_devices(set, kind, value, devices_file);
	if (group && !group->is_v2) {
		int written = cgroup_write_setting(set, false, file, value);
		/* cgroup2's word for it, as memory.max, has the same controller in it */
		return written == -ENOENT && cgroup_write_setting(set, true, file, value) == 0 ? 0 : written;
	}
	/* a file that cgroup2 has; else v1's words on cgroup2, else cgroup2's words on v1 */
	int r = v2 ? cgroupfs_write(group_path(v2, v2->limit_path, path), file, value) : -ENOENT;
	if (r == -ENOENT || r == -EACCES)
		r = cgroup_write_setting(set, false, file, value);
	if (r == -EOPNOTSUPP || r == -ENOENT)
		r = cgroup_write_setting(set, true, file, value);
	return r == -ENOENT ? -EOPNOTSUPP : r;
}

/* ---- counters ---- */

static uint64_t number_of(const struct cgroup_set *set, const char *file, const char *field)
{
	auto_free char *text = NULL;
	unsigned long long value;
	if (cgroup_get(set, file, &text) < 0)
		return UINT64_MAX;
	if (!field)
		return strtoull(text, NULL, 10);
	return cgroupfs_field(text, field, &value) == 0 ? value : UINT64_MAX;
}

/* Sum of rbytes and wbytes of io.stat, or the Total line of v1. */
static uint64_t block_io(const struct cgroup_set *set)
{
	auto_free char *text = NULL;
	uint64_t sum = 0;
	const struct cgroup_group *group = set_find(set, "blkio");
	if (group && !group->is_v2) {
		uint64_t total = number_of(set, "blkio.throttle.io_service_bytes_recursive", "Total");
		return total != UINT64_MAX ? total : number_of(set, "blkio.throttle.io_service_bytes", "Total");
	}
	if (cgroup_get(set, "io.stat", &text) < 0)
		return UINT64_MAX;
	for (const char *at = text; (at = strstr(at, "bytes=")); at += strlen("bytes="))
		if (at > text && (at[-1] == 'r' || at[-1] == 'w'))
			sum += strtoull(at + strlen("bytes="), NULL, 10);
	return sum;
}

void cgroup_stats(const struct cgroup_set *set, struct cgroup_stats *ret_stats)
{
	*ret_stats = (struct cgroup_stats){ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
		UINT64_MAX };
	if (set->groups.count == 0)
		return;
	const struct cgroup_group *memory = set_find(set, "memory");
	bool is_v1 = memory && !memory->is_v2;
	ret_stats->memory_bytes = number_of(set, "memory.usage_in_bytes", NULL);
	ret_stats->kernel_memory_bytes =
		is_v1 ? number_of(set, "memory.kmem.usage_in_bytes", NULL) : number_of(set, "memory.stat", "kernel");
	ret_stats->cpu_ns = number_of(set, "cpuacct.usage", NULL);
	ret_stats->block_io_bytes = block_io(set);
	ret_stats->oom_kills = number_of(set, is_v1 ? "memory.oom_control" : "memory.events", "oom_kill");
	ret_stats->memory_limit_hits = number_of(set, "memory.failcnt", NULL);
	ret_stats->pids = number_of(set, "pids.current", NULL);
}

/* ---- release ---- */

bool cgroup_set_remove_empty(const struct cgroup_set *set)
{
	bool is_removed = true;
	vector_for_each (group, &set->groups) {
		char path[PATH_MAX];
		is_removed = rmdir(group_path(group, group->limit_path, path)) == 0 && is_removed;
	}
	return is_removed;
}

void cgroup_remove_path(const char *argument)
{
	auto_free char *copy = strdup(argument);
	char *next = copy;
	for (char *path; next && (path = strsep(&next, "\t"));)
		(void)cgroupfs_remove(path, REMOVE_TIMEOUT_MS); /* living processes of others keep it */
}

/* ---- text: a line per group, fields with tabs; then the device rules ---- */

char *cgroup_set_to_text(const struct cgroup_set *set)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return NULL;
	vector_for_each (group, &set->groups)
		fprintf(out, "%d\t%s\t%s\t%s\t%s\t%s\n", group->is_v2, group->controllers, group->mount, group->base,
			group->limit_path, group->inner_path);
	if (set->devices.is_set) {
		auto_free char *devices = devices_to_text(&set->devices);
		fprintf(out, "devices\n%s", devices ?: "");
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static int take_group(struct cgroup_set *set, char *line)
{
	char *fields[6];
	for (int i = 0; i < 6; i++)
		if (!(fields[i] = strsep(&line, "\t")))
			return -EINVAL;
	struct cgroup_group *group = vector_add(&set->groups);
	if (!group)
		return -ENOMEM;
	group->is_v2 = *fields[0] == '1';
	group->controllers = strdup(fields[1]);
	group->mount = strdup(fields[2]);
	group->base = strdup(fields[3]);
	group->limit_path = strdup(fields[4]);
	group->inner_path = strdup(fields[5]);
	return group->controllers && group->mount && group->base && group->limit_path && group->inner_path ? 0 : -ENOMEM;
}

int cgroup_set_from_text(struct cgroup_set *ret, const char *text)
{
	auto_free char *copy = strdup(text);
	int r = copy ? 0 : -ENOMEM;
	char *next = copy;
	*ret = (struct cgroup_set){ 0 };
	for (char *line; r == 0 && next && (line = strsep(&next, "\n"));) {
		if (strcmp(line, "devices") == 0) {
			r = devices_from_text(&ret->devices, next ?: "");
			break;
		}
		if (*line)
			r = take_group(ret, line);
	}
	if (r < 0)
		cgroup_set_clear(ret);
	return r;
}
