/*
 * The cgroups of a checkpoint, which criu leaves to us: what the container made below its own group (systemd's slices and
 * services), which process is in which, and the limits in force, those set at run time too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/checkpoint_image.h"
#include "kernel/cgroupfs.h"

/* In the order in which they are written: a limit of memory before that of memory and swap. */
static const char *const limit_files[] = { "cgroup.subtree_control", "cpuset.cpus", "cpuset.mems", "memory.min",
	"memory.low", "memory.high", "memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "cpu.weight", "cpu.idle",
	"pids.max", "io.weight", "io.max", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes",
	"memory.soft_limit_in_bytes", "memory.swappiness", "cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us",
	"blkio.weight", "blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device",
	"blkio.throttle.read_iops_device", "blkio.throttle.write_iops_device" };

static const char *controllers_of(const struct cgroup_group *group)
{
	return group->is_v2 ? "" : group->controllers;
}

const struct cgroup_group *image_find_group(const struct cgroup_set *set, const char *controllers)
{
	vector_for_each (group, &set->groups)
		if (strcmp(controllers_of(group), controllers) == 0)
			return group;
	return NULL;
}

/* ---- collecting ---- */

/* The last number of NSpid is that of the innermost namespace: proc_pid_status(5). */
static pid_t pid_inside(pid_t pid)
{
	char path[32], *end;
	auto_free char *text = NULL;
	size_t length;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read(AT_FDCWD, path, 1 << 20, &text, &length) < 0 || !(end = strstr(text, "\nNSpid:")))
		return 0;
	end += strlen("\nNSpid:");
	end[strcspn(end, "\n")] = '\0';
	const char *last = strrchr(end, '\t');
	return last ? atoi(last) : 0;
}

static int collect_tasks(struct image *image, const struct cgroup_group *group, const char *directory, const char *path)
{
	auto_free char *text = NULL;
	int r = cgroupfs_read(directory, "cgroup.procs", &text);

	if (r == -EOPNOTSUPP) /* a threaded group of cgroup2: its processes are listed above it */
		return 0;
	char *next = text;
	for (char *line; r >= 0 && (line = strsep(&next, "\n"));) {
		pid_t pid = *line ? pid_inside(atoi(line)) : 0;
		if (pid <= 0)
			continue;
		struct image_task *task = vector_add(&image->tasks);
		if (!task || !(task->controllers = strdup(controllers_of(group))) || !(task->path = strdup(path)))
			return -ENOMEM;
		task->pid = pid;
	}
	return r < 0 ? r : 0;
}

static int collect_limits(struct image *image, const struct cgroup_group *group, const char *directory, const char *path)
{
	for (size_t i = 0; i < sizeof(limit_files) / sizeof(*limit_files); i++) {
		auto_free char *text = NULL;
		if (cgroupfs_read(directory, limit_files[i], &text) < 0)
			continue; /* not of this hierarchy */
		struct image_limit *limit = vector_add(&image->limits);
		if (!limit || !(limit->controllers = strdup(controllers_of(group))) || !(limit->path = strdup(path)) ||
			!(limit->file = strdup(limit_files[i])))
			return -ENOMEM;
		limit->value = strdup(text_trim(text));
		if (!limit->value)
			return -ENOMEM;
	}
	return 0;
}

/* directory: on the host; path: below the container's group. */
static int collect_group(struct image *image, const struct cgroup_group *group, const char *directory, const char *path,
	int depth)
{
	auto_closedir DIR *stream = opendir(directory);
	int r = stream ? collect_limits(image, group, directory, path) : -errno;

	if (*path && r == 0)
		r = collect_tasks(image, group, directory, path);
	for (struct dirent *entry; r == 0 && depth < 64 && (entry = readdir(stream));) {
		auto_free char *lower = NULL, *lower_path = NULL;
		if (entry->d_type != DT_DIR || *entry->d_name == '.')
			continue;
		struct image_group *item = vector_add(&image->groups);
		if (!item || text_format(&lower, "%s/%s", directory, entry->d_name) < 0 ||
			text_format(&lower_path, "%s/%s", path, entry->d_name) < 0)
			return -ENOMEM;
		item->controllers = strdup(controllers_of(group));
		item->path = strdup(lower_path);
		if (!item->controllers || !item->path)
			return -ENOMEM;
		r = collect_group(image, group, lower, lower_path, depth + 1);
	}
	return r;
}

int image_collect_cgroups(struct image *image, const struct running *running, struct error *err)
{
	vector_for_each (group, &running->cgroups.groups) {
		auto_free char *directory = NULL;
		int r = text_format(&directory, "%s%s", group->mount, group->inner_path);
		r = r < 0 ? r : collect_group(image, group, directory, "", 0);
		if (r < 0)
			return error_set(err, r, "look at the cgroups below %s%s", group->mount, group->inner_path);
	}
	return 0;
}

/* ---- restoring ---- */

/* 0: the hierarchy is not there. */
static int directory_of(const struct cgroup_set *set, const char *controllers, const char *path, char **ret)
{
	const struct cgroup_group *group = image_find_group(set, controllers);
	int r = group ? text_format(ret, "%s%s%s", group->mount, group->inner_path, path) : 0;

	return r < 0 ? r : group != NULL;
}

/* Values of several lines are written one by one, as the kernel takes them. */
static int write_lines(const char *directory, const char *file, const char *value)
{
	auto_free char *copy = strdup(value);
	char *next = copy;
	int r = copy ? 0 : -ENOMEM;

	for (char *line; r >= 0 && next && (line = strsep(&next, "\n"));)
		if (*line)
			r = cgroupfs_write(directory, file, line);
	return r;
}

/* "memory pids" -> "+memory +pids" */
static int write_subtree_control(const char *directory, const char *value)
{
	auto_free char *copy = strdup(value);
	char *next = copy;
	int r = copy ? 0 : -ENOMEM;

	for (char *word; r >= 0 && next && (word = strsep(&next, " "));) {
		char text[64];
		snprintf(text, sizeof(text), "+%s", word);
		if (*word)
			r = cgroupfs_write(directory, "cgroup.subtree_control", text);
	}
	return r;
}

static int apply_limit(const struct image_limit *limit, const char *directory)
{
	auto_free char *now = NULL;

	if (cgroupfs_read(directory, limit->file, &now) < 0 || strcmp(text_trim(now), limit->value) == 0)
		return 0; /* this host does not have it, or has it so */
	if (strcmp(limit->file, "cgroup.subtree_control") == 0)
		return write_subtree_control(directory, limit->value);
	return write_lines(directory, limit->file, limit->value);
}

/* is_v1: those of cgroup2 have to wait until no process is in the group itself any more. */
static int apply_limits(const struct image *image, const struct cgroup_set *set, bool v1_only, struct error *err)
{
	vector_for_each (limit, &image->limits) {
		auto_free char *directory = NULL;
		if (v1_only && !*limit->controllers)
			continue;
		int r = directory_of(set, limit->controllers, limit->path, &directory);
		r = r <= 0 ? r : apply_limit(limit, directory);
		/* what the container set below its own group may need what this host does not give: it goes without */
		if (r < 0 && !v1_only && !*limit->path)
			return error_set(err, r, "write %s to %s/%s", limit->value, directory, limit->file);
	}
	return 0;
}

int image_make_groups(const struct image *image, const struct cgroup_set *set, struct error *err)
{
	vector_for_each (group, &image->groups) {
		auto_free char *directory = NULL;
		int r = directory_of(set, group->controllers, group->path, &directory);
		if (r > 0 && mkdir(directory, 0755) < 0 && errno != EEXIST)
			r = -errno;
		if (r > 0 && set->has_owner)
			r = chown(directory, set->owner_uid, set->owner_gid) < 0 ? -errno : r;
		if (r < 0)
			return error_set(err, r, "make cgroup %s%s", group->path, directory ? "" : " below the container's");
	}
	return apply_limits(image, set, true, err);
}

struct pid_pair {
	pid_t inside, outside;
};
struct pid_map {
	struct pid_pair *items;
	size_t count, capacity;
};

/* All processes of init's pid namespace are in the container's group now. */
static int map_pids(const struct cgroup_set *set, struct pid_map *map)
{
	vector_for_each (group, &set->groups) {
		auto_free char *directory = NULL, *text = NULL;
		int r = text_format(&directory, "%s%s", group->mount, group->inner_path);
		r = r < 0 ? r : cgroupfs_read(directory, "cgroup.procs", &text);
		char *next = text;
		for (char *line; r >= 0 && (line = strsep(&next, "\n"));) {
			struct pid_pair pair = { .outside = atoi(line) };
			pair.inside = pair.outside > 0 ? pid_inside(pair.outside) : 0;
			struct pid_pair *item = pair.inside > 0 ? vector_add(map) : NULL;
			if (pair.inside > 0 && !item)
				return -ENOMEM;
			if (item)
				*item = pair;
		}
		return r < 0 ? r : 0; /* one hierarchy is as good as another */
	}
	return 0;
}

static pid_t find_pid(const struct pid_map *map, pid_t inside)
{
	vector_for_each (pair, map)
		if (pair->inside == inside)
			return pair->outside;
	return 0;
}

static int place_tasks(const struct image *image, const struct cgroup_set *set, const struct pid_map *map,
	struct error *err)
{
	vector_for_each (task, &image->tasks) {
		auto_free char *directory = NULL;
		char number[16];
		pid_t pid = find_pid(map, task->pid);
		int r = pid > 0 ? directory_of(set, task->controllers, task->path, &directory) : 0;
		snprintf(number, sizeof(number), "%d", pid);
		if (r > 0)
			r = cgroupfs_write(directory, "cgroup.procs", number);
		if (r < 0 && r != -ESRCH)
			return error_set(err, r, "put process %d into cgroup %s", task->pid, directory);
	}
	return 0;
}

int image_restore_groups(const struct image *image, const struct cgroup_set *set, struct error *err)
{
	struct pid_map map = { 0 };
	int r = image->tasks.count > 0 ? map_pids(set, &map) : 0;

	if (r < 0)
		error_set(err, r, "list the restored processes");
	r = r ?: place_tasks(image, set, &map, err);
	free(map.items);
	return r ?: apply_limits(image, set, false, err);
}
