/* exec --cgroup: into which groups a program goes. */
#include "engine/oci_exec_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgroup/cgroup.h"
#include "kernel/path_in_root.h"

/* Below the group, without "..", and there. */
static int take_path(struct cgroup_group *group, const char *path)
{
	auto_free char *directory = NULL, *inner = NULL;

	path += strspn(path, "/");
	int r = text_format(&directory, "%s%s", group->mount, group->limit_path);
	auto_close int fd = r < 0 ? r : open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return r < 0 ? r : -errno;
	auto_close int found = path_open_beneath(fd, *path ? path : ".", O_PATH | O_DIRECTORY);
	if (found < 0)
		return found;
	r = text_format(&inner, "%s%s%s", group->limit_path, *path ? "/" : "", path);
	if (r < 0)
		return r;
	free(group->inner_path);
	group->inner_path = take_ptr(inner);
	return 0;
}

static bool is_meant(const struct cgroup_group *group, const char *controllers, size_t length)
{
	if (length == 0)
		return true;
	for (const char *word = controllers; word < controllers + length; word += strcspn(word, ",:") + 1)
		if (!group->is_v2 && text_list_has(group->controllers, word, strcspn(word, ",:")))
			return true;
	return false;
}

int oci_exec_cgroups(struct cgroup_set *set, const struct string_list *wishes, struct error *err)
{
	vector_for_each (wish, wishes) {
		size_t length = strchr(*wish, ':') ? strcspn(*wish, ":") : 0;
		const char *path = *wish + length + (strchr(*wish, ':') != NULL);
		bool is_found = false;
		vector_for_each (group, &set->groups) {
			if (!is_meant(group, *wish, length))
				continue;
			is_found = true;
			int r = take_path(group, path);
			if (r < 0)
				return error_set(err, r, "enter the cgroup %s below %s%s", path, group->mount, group->limit_path);
		}
		if (!is_found)
			return error_set_kind(err, ERROR_USAGE, 0, "--cgroup %s: no cgroup v1 hierarchy has that controller", *wish);
	}
	return 0;
}
