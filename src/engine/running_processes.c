/* The processes of a container. */
#include "engine/running.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/cgroupfs.h"

enum { DEPTH_MAX = 64 };

static int add_process(struct memory_pids *pids, pid_t pid)
{
	pid_t *item = vector_add(pids);

	if (!item)
		return -ENOMEM;
	*item = pid;
	return 0;
}

static int add_group(struct memory_pids *pids, const char *directory, int depth)
{
	auto_free char *text = NULL;
	auto_closedir DIR *stream = opendir(directory);
	int r = 0;

	if (!stream)
		return 0;
	if (cgroupfs_read(directory, "cgroup.procs", &text) >= 0) {
		char *next = text;
		for (char *line; r == 0 && (line = strsep(&next, "\n"));)
			r = atoi(line) > 0 ? add_process(pids, atoi(line)) : 0;
	}
	for (struct dirent *entry; r == 0 && depth < DEPTH_MAX && (entry = readdir(stream));) {
		auto_free char *lower = NULL;
		if (entry->d_type != DT_DIR || *entry->d_name == '.')
			continue;
		r = text_format(&lower, "%s/%s", directory, entry->d_name);
		r = r < 0 ? r : add_group(pids, lower, depth + 1);
	}
	return r;
}

int running_processes(const struct running *running, struct memory_pids *pids)
{
	const struct cgroup_set *set = &running->cgroups;
	auto_free char *directory = NULL;

	if (set->groups.count == 0)
		return add_process(pids, running->init_pid);
	const struct cgroup_group *group = &set->groups.items[0];
	int r = text_format(&directory, "%s%s", group->mount, group->inner_path);
	return r < 0 ? r : add_group(pids, directory, 0);
}
