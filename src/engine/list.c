/* Which containers run: the run directories say it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/rundir.h"

int engine_list_active(const char *dialect, const char *base_path, struct string_list *ret_names, struct error *err)
{
	char parent[PATH_MAX], suffix[16];
	int r = rundir_parent(dialect, parent, sizeof(parent));
	if (r < 0)
		return error_set(err, r, "list running containers");
	auto_closedir DIR *dir = opendir(parent);
	if (!dir)
		return errno == ENOENT ? 0 : error_set(err, errno, "open %s", parent);

	rundir_suffix(base_path, suffix, sizeof(suffix));
	size_t end = strlen(suffix);
	for (struct dirent *entry; r == 0 && (entry = readdir(dir));) {
		size_t length = strlen(entry->d_name);
		if (entry->d_name[0] == '.' || length <= end || strcmp(entry->d_name + length - end, suffix) != 0)
			continue;
		entry->d_name[length - end] = '\0';
		r = string_list_add(ret_names, entry->d_name);
	}
	if (r < 0)
		return error_set(err, r, "list running containers");
	string_list_sort(ret_names);
	return 0;
}
