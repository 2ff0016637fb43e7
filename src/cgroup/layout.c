/* Which hierarchies the host has, and below which group of each the containers go. Found by looking. */
#include "cgroup/cgroup.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel/mountinfo.h"

#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#define UNIFIED_MOUNT "/sys/fs/cgroup"
#define MAX_PROC_FILE (4U * 1024 * 1024)

/* Mount options that are no controllers. */
static bool is_controller(const char *option)
{
	static const char *const others[] = { "rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "none",
		"favordynmods", NULL };
	for (int i = 0; others[i]; i++)
		if (strcmp(option, others[i]) == 0)
			return false;
	return !text_starts(option, "release_agent=");
}

/* "rw,cpu,cpuacct" -> "cpu,cpuacct"; malloc'ed. */
static char *controllers_of(const char *super_options)
{
	struct string_list options = { 0 };
	char *result = calloc(1, strlen(super_options) + 1);
	if (!result || text_split(super_options, ",", &options) < 0) {
		free(result);
		return NULL;
	}
	vector_for_each (option, &options) {
		if (!is_controller(*option))
			continue;
		if (*result)
			strcat(result, ",");
		strcat(result, *option);
	}
	string_list_clear(&options);
	return result;
}

const struct cgroup_hierarchy *cgroup_layout_find_v1(const struct cgroup_layout *layout, const char *controller)
{
	vector_for_each (hierarchy, &layout->hierarchies)
		if (!hierarchy->is_v2 && text_list_has(hierarchy->controllers, controller, strlen(controller)))
			return hierarchy;
	return NULL;
}

static int add_hierarchy(struct cgroup_layout *layout, bool is_v2, char *controllers, const char *mount,
	const char *root)
{
	if (!controllers)
		return -ENOMEM;
	/* the same hierarchy can be mounted twice: the first mount counts */
	vector_for_each (old, &layout->hierarchies) {
		if (old->is_v2 == is_v2 && strcmp(old->controllers, controllers) == 0) {
			free(controllers);
			return 0;
		}
	}
	if (!vector_add(&layout->hierarchies)) {
		free(controllers);
		return -ENOMEM;
	}
	struct cgroup_hierarchy *items = layout->hierarchies.items;
	size_t place = layout->hierarchies.count - 1;
	if (is_v2) {
		memmove(&items[1], &items[0], place * sizeof(*items));
		place = 0;
	}
	items[place] = (struct cgroup_hierarchy){ .is_v2 = is_v2, .controllers = controllers, .mount = strdup(mount),
		.root = strdup(strcmp(root, "/") == 0 ? "" : root) };
	return items[place].mount && items[place].root ? 0 : -ENOMEM;
}

static int read_mounts(struct cgroup_layout *layout)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read(-1, "/proc/self/mountinfo", MAX_PROC_FILE, &text, &length);
	char *next = text;
	struct mountinfo entry;
	while (r >= 0 && (r = mountinfo_next(&next, &entry)) > 0) {
		if (strcmp(entry.type, "cgroup2") == 0)
			r = add_hierarchy(layout, true, strdup(""), entry.target, entry.root);
		else if (strcmp(entry.type, "cgroup") == 0)
			r = add_hierarchy(layout, false, controllers_of(entry.super_options), entry.target,
				entry.root);
	}
	return r;
}

/* path in a hierarchy as a path below its mount, which may show a part of it only. */
static const char *below_root(const struct cgroup_hierarchy *hierarchy, const char *path)
{
	size_t length = strlen(hierarchy->root);
	if (strncmp(path, hierarchy->root, length) == 0 && (path[length] == '/' || path[length] == '\0'))
		return path + length;
	return ""; /* not to be seen: the best is what is */
}

/* The group of a process from its /proc/PID/cgroup: "4:cpu,cpuacct:/a", "0::/b". */
static int take_base(struct cgroup_layout *layout, char *line)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!path)
		return 0;
	*controllers++ = '\0';
	*path++ = '\0';
	if (text_ends(path, "/init.scope"))
		path[strlen(path) - strlen("/init.scope")] = '\0';
	if (text_ends(path, "/" CGROUP_PIVOT)) /* where an earlier start has put the caller */
		path[strlen(path) - strlen("/" CGROUP_PIVOT)] = '\0';
	if (strcmp(path, "/") == 0)
		*path = '\0';
	bool is_v2 = *controllers == '\0';
	vector_for_each (hierarchy, &layout->hierarchies) {
		if (hierarchy->is_v2 != is_v2 || strcmp(hierarchy->controllers, controllers) != 0 || hierarchy->base)
			continue;
		hierarchy->base = strdup(below_root(hierarchy, path));
		return hierarchy->base ? 0 : -ENOMEM;
	}
	return 0;
}

static int fill_bases(struct cgroup_layout *layout)
{
	vector_for_each (hierarchy, &layout->hierarchies)
		if (!hierarchy->base && !(hierarchy->base = strdup("")))
			return -ENOMEM;
	return 0;
}

static int read_bases(struct cgroup_layout *layout, const char *file)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read(-1, file, MAX_PROC_FILE, &text, &length);
	char *next = text;
	for (char *line; r == 0 && next && (line = strsep(&next, "\n"));)
		r = take_base(layout, line);
	return r < 0 ? r : fill_bases(layout);
}

void cgroup_layout_clear(struct cgroup_layout *layout)
{
	vector_for_each (hierarchy, &layout->hierarchies) {
		free(hierarchy->controllers);
		free(hierarchy->mount);
		free(hierarchy->root);
		free(hierarchy->base);
	}
	free(layout->hierarchies.items);
	*layout = (struct cgroup_layout){ 0 };
}

int cgroup_layout_detect(struct cgroup_layout *layout, bool relative, struct error *err)
{
	if (layout->hierarchies.count > 0)
		return 0;
	int r = read_mounts(layout);
	if (r < 0)
		return error_set(err, r, "find the cgroup file systems");
	/* LXC's choice: containers beside the services, not below the shell that started them */
	r = read_bases(layout, relative || geteuid() != 0 ? "/proc/self/cgroup" : "/proc/1/cgroup");
	return r < 0 ? error_set(err, r, "find the cgroup of the host's init") : 0;
}

/* As runc tells it: what of v1 is mounted elsewhere then, counts for nothing. */
static bool is_unified(void)
{
	struct statfs fs;

	return statfs(UNIFIED_MOUNT, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

int cgroup_layout_detect_mounts(struct cgroup_layout *layout, struct error *err)
{
	if (layout->hierarchies.count > 0)
		return 0;
	/* a host with many containers has thousands of mounts to look through */
	int r = is_unified() ? add_hierarchy(layout, true, strdup(""), UNIFIED_MOUNT, "/") : read_mounts(layout);
	r = r < 0 ? r : fill_bases(layout);
	return r < 0 ? error_set(err, r, "find the cgroup file systems") : 0;
}
