/* Control groups as this host has them mounted. */
#include "tools/lxc/cgroup_layout.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <mntent.h>
#include <string.h>

/* Calls each for every mount of cgroups until it gives true. */
static bool find_mount(bool (*each)(const struct mntent *mount, void *data), void *data)
{
	struct mntent mount;
	char buffer[4096];
	auto_fclose FILE *table = setmntent("/proc/self/mounts", "re");
	while (table && getmntent_r(table, &mount, buffer, sizeof(buffer)))
		if (text_starts(mount.mnt_type, "cgroup") && each(&mount, data))
			return true;
	return false;
}

static bool is_v1(const struct mntent *mount, void *data)
{
	(void)data;
	return strcmp(mount->mnt_type, "cgroup") == 0;
}

bool cgroup_layout_is_unified(void)
{
	return !find_mount(is_v1, NULL);
}

static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = text; (at = strstr(at, word)); at += length)
		if ((at == text || strchr(" ,\n", at[-1])) && (at[length] == '\0' || strchr(" ,\t\n", at[length])))
			return true;
	return false;
}

static bool has_controller(const struct mntent *mount, void *data)
{
	const char *controller = data;
	auto_free char *file = NULL, *text = NULL;
	size_t length;
	if (strcmp(mount->mnt_type, "cgroup") == 0)
		return has_word(mount->mnt_opts, controller);
	return text_format(&file, "%s/cgroup.controllers", mount->mnt_dir) == 0 &&
	       file_read(-1, file, 65536, &text, &length) == 0 && has_word(text, controller);
}

enum probe_result cgroup_layout_find(const char *controller)
{
	auto_free char *text = NULL;
	size_t length;
	const char *old_name = strcmp(controller, "io") == 0 ? "blkio" : controller;
	if (find_mount(has_controller, (void *)controller) || find_mount(has_controller, (void *)old_name))
		return PROBE_ENABLED;
	/* not mounted, but the kernel has it: "NAME HIERARCHY GROUPS ENABLED" */
	if (file_read(-1, "/proc/cgroups", 65536, &text, &length) < 0)
		return PROBE_UNKNOWN;
	char *next = text;
	for (char *line; (line = strsep(&next, "\n"));) {
		size_t end = strlen(line);
		if (has_word(line, old_name) && end > 0 && line[end - 1] == '1')
			return PROBE_ENABLED;
	}
	return PROBE_MISSING;
}

struct listing {
	struct json *json;
	bool is_v1;
};

static bool show_mount(const struct mntent *mount, void *data)
{
	const struct listing *listing = data;
	if (is_v1(mount, NULL) != listing->is_v1)
		return false;
	if (listing->json)
		json_text(listing->json, NULL, mount->mnt_dir);
	else
		printf(" - %s\n", mount->mnt_dir);
	return false;
}

static bool has_clone_children(const struct mntent *mount, void *data)
{
	auto_free char *file = NULL;
	(void)data;
	return is_v1(mount, NULL) && text_format(&file, "%s/cgroup.clone_children", mount->mnt_dir) == 0 &&
	       probe_path(file) == PROBE_ENABLED;
}

void cgroup_layout_show(struct json *json)
{
	for (int version = 1; version <= 2; version++) {
		struct listing listing = { .json = json, .is_v1 = version == 1 };
		if (json)
			json_array(json, version == 1 ? "v1_mount_points" : "v2_mount_points");
		else
			printf("Cgroup v%d mount points:\n", version);
		(void)find_mount(show_mount, &listing);
		if (json)
			json_end(json);
	}
	if (!json && !cgroup_layout_is_unified())
		printf("Cgroup v1 clone_children flag: %s\n", find_mount(has_clone_children, NULL) ? "enabled" : "missing");
}
