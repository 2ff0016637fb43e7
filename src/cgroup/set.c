/* The container's groups: names, making, entering. */
#include "base/cleanup.h"
#include "base/text.h"
#include "cgroup/internal.h"
#include "kernel/cgroupfs.h"
#include "spec/spec.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_NUMBER 1000

/* ---- looking ---- */

const struct cgroup_group *set_v2(const struct cgroup_set *set)
{
	return set->groups.count > 0 && set->groups.items[0].is_v2 ? &set->groups.items[0] : NULL;
}

const struct cgroup_group *set_find(const struct cgroup_set *set, const char *controller)
{
	if (!controller || !*controller)
		return set_v2(set) ?: set->groups.items;
	vector_for_each (group, &set->groups)
		if (!group->is_v2 && text_list_has(group->controllers, controller, strlen(controller)))
			return group;
	return set_v2(set);
}

const char *group_path(const struct cgroup_group *group, const char *path, char buffer[PATH_MAX])
{
	(void)snprintf(buffer, PATH_MAX, "%s%s", group->mount, path);
	return buffer;
}

int group_read(void *group, const char *file, char **ret)
{
	const struct cgroup_group *one = group;
	char path[PATH_MAX];
	return cgroupfs_read(group_path(one, one->limit_path, path), file, ret);
}

void controller_of(const char *file, char *buffer, size_t size)
{
	size_t length = strcspn(file, ".");
	(void)snprintf(buffer, size, "%.*s", file[length] ? (int)length : 0, file);
}

const char *cgroup_path(const struct cgroup_set *set, const char *controller)
{
	const struct cgroup_group *group = set->groups.count ? set_find(set, controller) : NULL;
	return group ? group->limit_path : NULL;
}

const char *cgroup_inner_path(const struct cgroup_set *set, const char *controller)
{
	const struct cgroup_group *group = set->groups.count ? set_find(set, controller) : NULL;
	return group ? group->inner_path : NULL;
}

/* ---- plan ---- */

static bool is_plain_path(const char *path)
{
	return !path || (*path != '/' && strcmp(path, "..") != 0 && strncmp(path, "../", 3) != 0 && !strstr(path, "/../") &&
				!text_ends(path, "/.."));
}

static int check_paths(const struct spec *spec, struct error *err)
{
	const struct spec_cgroup *cgroup = &spec->cgroup;
	const char *const paths[] = { cgroup->dir, cgroup->dir_container, cgroup->dir_container_inner, cgroup->dir_monitor,
		cgroup->dir_monitor_pivot };
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		if (is_plain_path(paths[i]))
			continue;
		int r = spec_error(err, EINVAL, spec, &cgroup->origin, "cgroup path %s", paths[i]);
		error_hint(err, "give a path below the cgroup, without a slash at the start and without ..");
		return r;
	}
	return 0;
}

/* Controllers of cgroup2 that the settings name or are translated to, as subtree_control takes them. */
static int plan_controllers(struct cgroup_set *set, const struct cgroup_layout *layout, const struct spec *spec)
{
	char list[256] = "";
	if (layout->hierarchies.count == 0 || !layout->hierarchies.items[0].is_v2)
		return 0;
	vector_for_each (setting, &spec->cgroup.settings) {
		char controller[32], word[40];
		if (strncmp(setting->file, "devices.", 8) == 0)
			continue; /* rules of any version, of which there are many: no controller of cgroup2 */
		controller_of(setting->file, controller, sizeof(controller));
		const char *name = controller;
		if (!setting->is_v2) {
			if (cgroup_layout_find_v1(layout, controller))
				continue;
			name = translate_controller(setting->file);
		}
		if (!name || !*name || strcmp(name, "cgroup") == 0)
			continue;
		(void)snprintf(word, sizeof(word), "+%s", name);
		if (strstr(list, word) || strlen(list) + strlen(word) + 2 > sizeof(list))
			continue;
		strcat(strcat(list, *list ? " " : ""), word);
	}
	return *list ? text_replace(&set->v2_controllers, list) : 0;
}

static int plan_devices(struct cgroup_set *set, const struct cgroup_layout *layout, const struct spec *spec,
	struct error *err)
{
	bool has_v1 = cgroup_layout_find_v1(layout, "devices");
	vector_for_each (setting, &spec->cgroup.settings) {
		struct device_rule rule;
		int kind = device_file_kind(setting->file);
		if (kind < 0 || (has_v1 && !setting->is_v2))
			continue;
		if (device_rule_parse(setting->value, &rule) < 0) {
			int r = spec_error(err, EINVAL, spec, &setting->origin, "device rule %s", setting->value);
			error_hint(err, "write TYPE MAJOR:MINOR ACCESS, as c 1:3 rwm, or a");
			return r;
		}
		if (device_rules_change(&set->devices, kind, &rule) < 0)
			return error_set(err, ENOMEM, "read the device rules");
	}
	/* both versions given on a v1 host: the v1 files do it */
	if (has_v1) {
		bool is_v1_given = false;
		vector_for_each (setting, &spec->cgroup.settings)
			is_v1_given |= !setting->is_v2 && device_file_kind(setting->file) >= 0;
		if (is_v1_given)
			device_rules_clear(&set->devices);
	}
	return 0;
}

static int add_groups(struct cgroup_set *set, const struct cgroup_layout *layout)
{
	vector_for_each (hierarchy, &layout->hierarchies) {
		struct cgroup_group *group = vector_add(&set->groups);
		if (!group)
			return -ENOMEM;
		group->is_v2 = hierarchy->is_v2;
		group->controllers = strdup(hierarchy->controllers);
		group->mount = strdup(hierarchy->mount);
		group->base = strdup(hierarchy->base);
		if (!group->controllers || !group->mount || !group->base)
			return -ENOMEM;
	}
	return 0;
}

static void plan_owner(struct cgroup_set *set, const struct spec *spec)
{
	vector_for_each (map, &spec->idmaps) {
		set->has_owner = true;
		if (map->inside == 0 && map->is_gid)
			set->owner_gid = map->outside;
		else if (map->inside == 0)
			set->owner_uid = map->outside;
	}
}

int cgroup_set_plan(struct cgroup_set *set, const struct cgroup_layout *layout, const struct spec *spec,
	struct error *err)
{
	const struct spec_cgroup *cgroup = &spec->cgroup;
	int r = check_paths(spec, err);
	if (r < 0)
		return r;
	if (cgroup->dir_container)
		r = text_replace(&set->name, cgroup->dir_container);
	else
		r = text_format(&set->name, "%s%slxc.payload.%s", cgroup->dir ?: "", cgroup->dir ? "/" : "",
			spec->identity.name);
	set->is_name_fixed = cgroup->dir_container != NULL;
	set->may_exist = spec->oci.systemd_unit != NULL;
	r = r ?: text_replace(&set->inner, cgroup->dir_container_inner);
	r = r ?: text_replace(&set->monitor, cgroup->dir_monitor);
	r = r ?: text_replace(&set->monitor_pivot, cgroup->dir_monitor_pivot);
	r = r ?: add_groups(set, layout);
	r = r ?: plan_controllers(set, layout, spec);
	if (r == 0 && set->groups.count > 0)
		r = delegate_plan(set, &set->groups.items[0]);
	if (r == 0 && set->groups.count > 0 && spec->oci.command)
		r = delegate_plan_counters(set, &set->groups.items[0]);
	if (r < 0)
		return error_set(err, r, "plan the cgroups");
	plan_owner(set, spec);
	return plan_devices(set, layout, spec, err);
}

void cgroup_set_clear(struct cgroup_set *set)
{
	vector_for_each (group, &set->groups) {
		free(group->controllers);
		free(group->mount);
		free(group->base);
		free(group->limit_path);
		free(group->inner_path);
	}
	free(set->groups.items);
	device_rules_clear(&set->devices);
	free(set->name);
	free(set->inner);
	free(set->monitor);
	free(set->monitor_pivot);
	free(set->v2_controllers);
	free(set->v2_counters);
	*set = (struct cgroup_set){ 0 };
}

/* ---- making ---- */

/* The cpuset of a v1 group starts empty and then takes no process: it gets that of the group above. */
static void inherit_cpuset(const char *directory)
{
	static const char *const files[] = { "cpuset.mems", "cpuset.cpus" };
	char parent[PATH_MAX];
	(void)snprintf(parent, sizeof(parent), "%s/..", directory);
	for (int i = 0; i < 2; i++) {
		auto_free char *own = NULL, *above = NULL;
		if (cgroupfs_read(directory, files[i], &own) < 0 || (*own && *own != '\n'))
			continue;
		if (cgroupfs_read(parent, files[i], &above) == 0)
			(void)cgroupfs_write(directory, files[i], above); /* entering will fail and say so */
	}
}

static void prepare_group(const struct cgroup_set *set, const struct cgroup_group *group, const char *directory)
{
	static const char *const files[] = { "cgroup.procs", "tasks", "cgroup.threads", "cgroup.subtree_control", NULL };
	if (!group->is_v2 && text_list_has(group->controllers, "cpuset", strlen("cpuset")))
		inherit_cpuset(directory);
	if (!group->is_v2 && text_list_has(group->controllers, "memory", strlen("memory")))
		(void)cgroupfs_write(directory, "memory.use_hierarchy", "1"); /* always so since 5.11 */
	if (!set->has_owner || geteuid() != 0) /* an ordinary user's: cgroup_set_give, later */
		return;
	/* delegation, kernel cgroup-v2.rst; what is missing in a version does not matter */
	(void)!chown(directory, set->owner_uid, set->owner_gid);
	for (int i = 0; files[i]; i++) {
		char path[PATH_MAX];
		if (snprintf(path, sizeof(path), "%s/%s", directory, files[i]) < (int)sizeof(path))
			(void)!chown(path, set->owner_uid, set->owner_gid);
	}
}

/* mkdir of the last part of mount + path, of the parts before it where they are missing. 0, -EEXIST, -errno. */
static int make_path(const struct cgroup_set *set, const struct cgroup_group *group, const char *path, size_t base_length)
{
	char directory[PATH_MAX];
	(void)group_path(group, path, directory);
	char *start = directory + strlen(group->mount) + base_length;
	bool hands_down = group->is_v2 && (set->v2_controllers || set->v2_counters);
	if (!hands_down && mkdir(directory, 0755) == 0) { /* most often those above are there */
		prepare_group(set, group, directory);
		return 0;
	}
	for (char *slash = start; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		if (slash != start && mkdir(directory, 0755) == 0)
			prepare_group(set, group, directory);
		if (hands_down)
			delegate_controllers(set, directory);
	}
	if (mkdir(directory, 0755) < 0 && !(errno == EEXIST && set->may_exist))
		return -errno;
	prepare_group(set, group, directory);
	return 0;
}

static int make_group(const struct cgroup_set *set, const struct cgroup_group *group)
{
	int r = make_path(set, group, group->limit_path, strlen(group->base));
	if (r == 0 && strcmp(group->inner_path, group->limit_path) != 0)
		r = make_path(set, group, group->inner_path, strlen(group->limit_path));
	return r;
}

/*
 * v1's devices controller takes the rule 'a' only in a group without children (security/device_cgroup.c), and the
 * rules come late, when init has made its nodes: there the processes stay in the limit group.
 */
static const char *inner_name(const struct cgroup_set *set, const struct cgroup_group *group)
{
	return set->inner && (group->is_v2 || !text_list_has(group->controllers, "devices", strlen("devices"))) ? set->inner : NULL;
}

static int set_paths(struct cgroup_set *set, unsigned number)
{
	char suffix[12] = "";
	if (number > 0)
		(void)snprintf(suffix, sizeof(suffix), "-%u", number);
	vector_for_each (group, &set->groups) {
		const char *inner = inner_name(set, group);
		free(group->limit_path);
		free(group->inner_path);
		group->limit_path = group->inner_path = NULL;
		if (text_format(&group->limit_path, "%s/%s%s", group->base, set->name, suffix) < 0 ||
			text_format(&group->inner_path, "%s%s%s", group->limit_path, inner ? "/" : "", inner ?: "") < 0)
			return -ENOMEM;
	}
	return 0;
}

/* All paths of the set in one journal entry. */
static int write_journal(const struct cgroup_set *set, cgroup_journal journal, void *data)
{
	auto_free char *text = NULL;
	vector_for_each (group, &set->groups) {
		auto_free char *before = take_ptr(text);
		if (text_format(&text, "%s%s%s%s", before ?: "", before ? "\t" : "", group->mount, group->limit_path) < 0)
			return -ENOMEM;
	}
	return text ? journal(data, "CGROUP", text) : 0;
}

static void drop_made(const struct cgroup_set *set, size_t count)
{
	while (count-- > 0) {
		char path[PATH_MAX];
		(void)cgroupfs_remove(group_path(&set->groups.items[count], set->groups.items[count].limit_path, path), 0);
	}
}

/* A hierarchy in which the caller may not make groups is left out, unless it is the only one. */
static bool can_leave_out(int r)
{
	return (r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOENT) && geteuid() != 0;
}

static void leave_out(struct cgroup_set *set, size_t index)
{
	set->is_left_out = true;
	struct cgroup_group *group = &set->groups.items[index];
	free(group->controllers);
	free(group->mount);
	free(group->base);
	free(group->limit_path);
	free(group->inner_path);
	vector_remove(&set->groups, index);
}

/* Makes all groups under the names that set_paths chose. -EEXIST: taken, nothing is left. */
static int make_all(struct cgroup_set *set, cgroup_journal journal, void *data, size_t *ret_failed)
{
	bool is_written = false;
	for (size_t i = 0; i < set->groups.count;) {
		int r = make_group(set, &set->groups.items[i]);
		if (r < 0 && can_leave_out(r)) {
			leave_out(set, i);
			continue;
		}
		/* the first name is ours now: tell the journal before the others are made */
		if (r == 0 && !is_written) {
			r = write_journal(set, journal, data);
			is_written = true;
		}
		if (r < 0) {
			drop_made(set, i);
			*ret_failed = i;
			return r;
		}
		i++;
	}
	return 0;
}

int cgroup_set_create(struct cgroup_set *set, cgroup_journal journal, void *data, struct error *err)
{
	size_t failed = 0;
	int r = -EEXIST;
	for (unsigned number = 0; r == -EEXIST && number < MAX_NUMBER && (number == 0 || !set->is_name_fixed); number++) {
		r = set_paths(set, number);
		if (r == 0)
			r = make_all(set, journal, data, &failed);
		if (r == -EEXIST && set->is_name_fixed) {
			drop_made(set, set->groups.count); /* what has no process in it is left over from before */
			r = make_all(set, journal, data, &failed);
		}
	}
	if (r == 0)
		return 0;
	const struct cgroup_group *group = &set->groups.items[failed];
	r = error_set(err, r, "make cgroup %s%s", group->mount, group->limit_path ?: "");
	if (r == -EEXIST)
		error_hint(err, "another container uses it, change lxc.cgroup.dir.container");
	return r;
}

void cgroup_set_drop_unused(struct cgroup_set *set)
{
	if (set->is_name_fixed && set_paths(set, 0) == 0)
		drop_made(set, set->groups.count);
}

int cgroup_set_enter_monitor(struct cgroup_set *set, cgroup_journal journal, void *data, struct error *err)
{
	if (!set->monitor)
		return 0;
	vector_for_each (group, &set->groups) {
		char path[PATH_MAX], relative[PATH_MAX];
		(void)snprintf(relative, sizeof(relative), "%s/%s", group->base, set->monitor);
		(void)group_path(group, relative, path);
		int r = journal(data, "CGROUP", path);
		r = r ?: make_path(set, group, relative, strlen(group->base));
		if (r == -EEXIST)
			r = 0;
		r = r ?: cgroupfs_write(path, "cgroup.procs", "0");
		if (r < 0)
			return error_set(err, r, "move the supervisor to cgroup %s", path);
	}
	return 0;
}

void cgroup_set_leave_monitor(const struct cgroup_set *set)
{
	vector_for_each (group, &set->groups) {
		char path[PATH_MAX], relative[PATH_MAX];
		if (!set->monitor || cgroupfs_write(group_path(group, group->base, path), "cgroup.procs", "0") == 0)
			continue;
		/* on cgroup2 a group that has controllers enabled takes no process (cgroup-v2.rst) */
		(void)snprintf(relative, sizeof(relative), "%s/%s", group->base, set->monitor_pivot ?: "lxc.pivot");
		(void)make_path(set, group, relative, strlen(group->base)); /* it stays, as LXC's does */
		(void)cgroupfs_write(group_path(group, relative, path), "cgroup.procs", "0");
	}
}

/* ---- entering ---- */

int cgroup_set_open_v2(struct cgroup_set *set)
{
	char path[PATH_MAX];
	const struct cgroup_group *group = set_v2(set);
	if (!group)
		return -1;
	int fd = open(group_path(group, group->inner_path, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	set->is_open_failed = fd < 0;
	return fd;
}

bool cgroup_set_needs_enter(const struct cgroup_set *set)
{
	return set->is_open_failed || set->groups.count > (set_v2(set) ? 1 : 0);
}

int cgroup_set_enter(const struct cgroup_set *set, bool have_clone_into_cgroup, struct error *err)
{
	vector_for_each (group, &set->groups) {
		char path[PATH_MAX];
		if (group->is_v2 && have_clone_into_cgroup)
			continue;
		(void)group_path(group, group->inner_path, path);
		int r = cgroupfs_write(path, group->is_v2 ? "cgroup.procs" : "tasks", "0");
		/* systemd inside has handed controllers down: only groups below take processes, and LXC's has this name */
		if (r == -EBUSY && group->is_v2 && strlen(path) + sizeof("/.lxc") <= sizeof(path)) {
			(void)mkdir(strcat(path, "/.lxc"), 0755); /* what is wrong with it is seen when it is entered */
			r = cgroupfs_write(path, "cgroup.procs", "0");
		}
		if (r < 0) {
			r = error_set(err, r, "enter cgroup %s", path);
			if (r == -ENOSPC)
				error_hint(err, "set lxc.cgroup.cpuset.cpus and lxc.cgroup.cpuset.mems");
			return r;
		}
	}
	return 0;
}
