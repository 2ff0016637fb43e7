/* Groups that were handed to an ordinary user, and the container's that are handed on to its root. */
#include "base/cleanup.h"
#include "base/text.h"
#include "cgroup/internal.h"
#include "kernel/cgroupfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Moves the processes of directory itself to a group below; what comes to be meanwhile is found in the next round. */
static int clear_group(const char *directory, const char *pivot)
{
	char below[PATH_MAX];
	if ((size_t)snprintf(below, sizeof(below), "%s/%s", directory, pivot) >= sizeof(below))
		return -ENAMETOOLONG;
	if (mkdir(below, 0755) < 0 && errno != EEXIST)
		return -errno;
	for (int round = 0; round < 8; round++) {
		auto_free char *text = NULL;
		int r = cgroupfs_read(directory, "cgroup.procs", &text);
		if (r < 0 || !*text)
			return r;
		char *next = text;
		for (char *pid; (pid = strsep(&next, "\n"));)
			if (*pid && (r = cgroupfs_write(below, "cgroup.procs", pid)) < 0 && r != -ESRCH)
				return r;
	}
	return -EBUSY;
}

/* Words of "+memory +pids" that "memory io" lacks? */
static bool lacks(const char *controllers, const char *words)
{
	for (const char *word = words; *word; word += strcspn(word, " "), word += *word == ' ') {
		size_t length = strcspn(word, " ") - 1;
		const char *at = controllers;
		while (*at && (strcspn(at, " \n") != length || strncmp(at, word + 1, length) != 0))
			at += strcspn(at, " \n"), at += *at != '\0';
		if (!*at)
			return true;
	}
	return false;
}

/*
 * cgroup-v2.rst, "No Internal Process Constraint": who has processes of its own can not hand controllers down. pids
 * and cpu would even be taken, and make all groups below unfit for processes ("domain invalid"): nothing is tried
 * before the group is empty. The root of the hierarchy, which has no cgroup.type, may have both.
 */
static bool has_processes(const char *directory)
{
	auto_free char *type = NULL, *processes = NULL;
	return cgroupfs_read(directory, "cgroup.type", &type) == 0 &&
	       cgroupfs_read(directory, "cgroup.procs", &processes) == 0 && *processes;
}

/* One at a time: a host that lacks one still gets the others; a missing file is seen when it is set. */
static void hand_down(const char *directory, const char *controllers)
{
	for (const char *word = controllers; *word; word += strcspn(word, " "), word += *word == ' ') {
		char one[40];
		(void)snprintf(one, sizeof(one), "%.*s", (int)strcspn(word, " "), word);
		(void)cgroupfs_write(directory, "cgroup.subtree_control", one);
	}
}

void delegate_controllers(const struct cgroup_set *set, const char *directory)
{
	auto_free char *enabled = NULL;
	bool is_known = cgroupfs_read(directory, "cgroup.subtree_control", &enabled) == 0;
	if (set->v2_controllers && !(is_known && !lacks(enabled, set->v2_controllers)) &&
		!(has_processes(directory) && clear_group(directory, set->monitor_pivot ?: CGROUP_PIVOT) < 0))
		hand_down(directory, set->v2_controllers);
	if (set->v2_counters && is_known && lacks(enabled, set->v2_counters) && !has_processes(directory))
		hand_down(directory, set->v2_counters);
}

/* The group's controllers as "+cpu +memory", those in only or (NULL) all; NULL when there is none. 0 or -ENOMEM. */
static int list_controllers(const struct cgroup_group *group, const char *const *only, char **ret)
{
	char path[PATH_MAX];
	auto_free char *text = NULL, *all = NULL;
	if (!group->is_v2 || cgroupfs_read(group_path(group, group->base, path), "cgroup.controllers", &text) < 0)
		return 0;
	char *next = text_trim(text);
	for (char *name; (name = strsep(&next, " "));) {
		bool is_wanted = !only && *name;
		for (size_t i = 0; only && only[i]; i++)
			is_wanted |= strcmp(only[i], name) == 0;
		if (!is_wanted)
			continue;
		auto_free char *before = take_ptr(all);
		if (text_format(&all, "%s%s+%s", before ?: "", before ? " " : "", name) < 0)
			return -ENOMEM;
	}
	if (all) {
		free(*ret);
		*ret = take_ptr(all);
	}
	return 0;
}

int delegate_plan_counters(struct cgroup_set *set, const struct cgroup_group *group)
{
	static const char *const counters[] = { "cpu", "io", "memory", "pids", NULL };
	return list_controllers(group, counters, &set->v2_counters);
}

int delegate_plan(struct cgroup_set *set, const struct cgroup_group *group)
{
	return geteuid() == 0 ? 0 : list_controllers(group, NULL, &set->v2_controllers);
}

static int give(const char *directory, gid_t keeper)
{
	static const char *const files[] = { "cgroup.procs", "tasks", "cgroup.threads", "cgroup.subtree_control", NULL };
	/* the caller keeps the right to put processes in, by its group: attach */
	if (chown(directory, 0, keeper) < 0 || chmod(directory, 0775) < 0)
		return -errno;
	for (int i = 0; files[i]; i++) {
		char path[PATH_MAX];
		if (snprintf(path, sizeof(path), "%s/%s", directory, files[i]) < (int)sizeof(path) && chown(path, 0, keeper) == 0)
			(void)chmod(path, 0664); /* what is missing in a version does not matter */
	}
	return 0;
}

int cgroup_set_give(const struct cgroup_set *set, gid_t keeper, struct error *err)
{
	vector_for_each (group, &set->groups) {
		char path[PATH_MAX];
		int r = give(group_path(group, group->limit_path, path), keeper);
		if (r == 0 && strcmp(group->limit_path, group->inner_path) != 0)
			r = give(group_path(group, group->inner_path, path), keeper);
		if (r < 0)
			return error_set(err, r, "give cgroup %s to the container's root", path);
	}
	return 0;
}
