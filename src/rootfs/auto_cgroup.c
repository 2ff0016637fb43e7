/* lxc.mount.auto = cgroup, cgroup-full, cgroup2: what of the cgroup hierarchies is seen at /sys/fs/cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel/mount.h"
#include "kernel/mountinfo.h"
#include "kernel/path_in_root.h"
#include "rootfs/internal.h"

#define CGROUP_DIR "sys/fs/cgroup"
#define FLAGS	   (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define ATTRIBUTES (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define MAX_TEXT   (4 * 1024 * 1024)

/* One hierarchy of the host. */
struct hierarchy {
	const char *mount;	 /* where the host has it */
	const char *name;	 /* last component: "cpu,cpuacct", "unified" */
	const char *controllers; /* option of a v1 mount: "cpu,cpuacct", "name=systemd"; NULL: cgroup2 */
	const char *own;	 /* cgroup of this process in it: "/lxc.payload.web1" */
};

struct hierarchies {
	char *mountinfo, *cgroups; /* the texts that the strings lie in; owned */
	VECTOR(struct hierarchy) list;
};

static void clear_hierarchies(struct hierarchies *all)
{
	free(all->mountinfo);
	free(all->cgroups);
	free(all->list.items);
}

/*
 * /proc/self/cgroup, lines "4:cpu,cpuacct:/PATH" and "0::/PATH": sets where this process is in the hierarchies.
 * A v1 line belongs to the mount whose options name its first controller.
 */
static void find_own(struct hierarchies *all)
{
	char *rest = all->cgroups;

	for (char *line; (line = strsep(&rest, "\n"));) {
		(void)strsep(&line, ":");
		const char *controllers = strsep(&line, ":");
		if (!controllers || !line)
			continue;
		for (size_t i = 0; i < all->list.count; i++) {
			struct hierarchy *one = &all->list.items[i];
			if (*controllers ? one->controllers && text_list_has(one->controllers, controllers,
								      strcspn(controllers, ",")) :
					   !one->controllers)
				one->own = line;
		}
	}
}

/* Cuts "rw,cpu,cpuacct" and the like down to what makes the hierarchy. */
static char *controllers_of(char *super_options)
{
	char *from = super_options, *to = super_options;

	while (*from) {
		size_t length = strcspn(from, ",");
		char *next = from + length + (from[length] == ',');
		bool is_other = (length == 2 && (memcmp(from, "rw", 2) == 0 || memcmp(from, "ro", 2) == 0)) ||
				strncmp(from, "xattr", 5) == 0 || strncmp(from, "clone_children", 14) == 0 ||
				strncmp(from, "noprefix", 8) == 0 || strncmp(from, "release_agent=", 14) == 0 ||
				strncmp(from, "cpuset_v2_mode", 14) == 0;
		if (!is_other) {
			if (to > super_options)
				*to++ = ',';
			memmove(to, from, length);
			to += length;
		}
		from = next;
	}
	*to = '\0';
	return super_options;
}

static int read_hierarchies(struct hierarchies *all)
{
	struct mountinfo info;
	size_t length;

	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", MAX_TEXT, &all->mountinfo, &length);
	r = r ?: file_read(AT_FDCWD, "/proc/self/cgroup", MAX_TEXT, &all->cgroups, &length);
	if (r < 0)
		return r;
	for (char *rest = all->mountinfo; (r = mountinfo_next(&rest, &info)) != 0;) {
		if (r < 0 || strncmp(info.target, "/sys/fs/cgroup", strlen("/sys/fs/cgroup")) != 0)
			continue;
		bool is_v2 = strcmp(info.type, "cgroup2") == 0;
		if (!is_v2 && strcmp(info.type, "cgroup") != 0)
			continue;
		struct hierarchy *one = vector_add(&all->list);
		if (!one)
			return -ENOMEM;
		one->mount = info.target;
		one->name = strrchr(info.target, '/') + 1;
		one->controllers = is_v2 ? NULL : controllers_of(info.super_options);
	}
	find_own(all);
	return 0;
}

/* ---- one hierarchy ---- */

/* How the container sees the hierarchies. */
struct view {
	const struct rootfs_context *root;
	bool is_new;	 /* cgroup namespace: a mount of its own shows only the container's part */
	bool is_full;	 /* the whole hierarchy, else only the container's own part */
	bool parents_ro; /* all above the container's cgroup */
	bool own_ro;	 /* the container's cgroup */
};

/* A copy of what the host has at source, attached at target in the container. */
static int bind_part(const struct view *view, const char *source, const char *target, bool is_read_only)
{
	auto_close int tree_fd = mount_clone_tree(AT_FDCWD, source, false);

	if (tree_fd < 0)
		return tree_fd;
	int r = root_attach(view->root, tree_fd, target, PATH_CREATE_DIRECTORY);
	return r == 0 && is_read_only ? mount_set_flags(tree_fd, MS_RDONLY, 0, false) : r;
}

static int mount_new(const struct view *view, const struct hierarchy *one, const char *target)
{
	uint64_t flags = FLAGS | (view->own_ro ? MS_RDONLY : 0);
	char data[300];

	auto_close int fd = path_create_in_root(view->root->root_fd, target, PATH_CREATE_DIRECTORY);
	if (fd < 0)
		return fd;
	if (!one->controllers)
		return mount_at_fd("cgroup2", fd, "cgroup2", flags, NULL);
	bool is_named = strncmp(one->controllers, "name=", strlen("name=")) == 0;
	(void)snprintf(data, sizeof(data), "%s%s", is_named ? "none," : "", one->controllers);
	return mount_at_fd("cgroup", fd, "cgroup", flags, data);
}

/* Without a cgroup namespace: copies of the host's mount at the same paths. */
static int bind_hierarchy(const struct view *view, const struct hierarchy *one, const char *target)
{
	const char *own = one->own && strcmp(one->own, "/") != 0 ? one->own : "";
	char own_source[PATH_MAX], own_target[PATH_MAX];

	if (snprintf(own_source, sizeof(own_source), "%s%s", one->mount, own) >= (int)sizeof(own_source) ||
		snprintf(own_target, sizeof(own_target), "%s%s", target, own) >= (int)sizeof(own_target))
		return -ENAMETOOLONG;
	if (!view->is_full)
		return bind_part(view, own_source, own_target, view->own_ro);
	int r = bind_part(view, one->mount, target, view->parents_ro);
	if (r == 0 && view->parents_ro != view->own_ro && *own)
		r = bind_part(view, own_source, own_target, view->own_ro);
	return r;
}

static int mount_hierarchy(const struct view *view, const struct hierarchy *one, const char *target)
{
	return view->is_new ? mount_new(view, one, target) : bind_hierarchy(view, one, target);
}

/* ---- all of them ---- */

/* "cpu" and "cpuacct" lead to "cpu,cpuacct", as on a host. dir_fd: the tmpfs. */
static int link_controllers(int dir_fd, const char *name)
{
	char word[64];

	if (!strchr(name, ','))
		return 0;
	for (const char *part = name; *part;) {
		size_t length = strcspn(part, ",");
		if (length >= sizeof(word))
			return -ENAMETOOLONG;
		memcpy(word, part, length);
		word[length] = '\0';
		if (symlinkat(name, dir_fd, word) < 0 && errno != EEXIST)
			return -errno;
		part += length + (part[length] == ',');
	}
	return 0;
}

/* cgroup v1 or hybrid: a tmpfs that holds one directory for each hierarchy. */
static int mount_all(const struct view *view, const struct hierarchies *all)
{
	char target[PATH_MAX];

	auto_close int under_fd = path_create_in_root(view->root->root_fd, CGROUP_DIR, PATH_CREATE_DIRECTORY);
	if (under_fd < 0)
		return under_fd;
	int r = mount_at_fd("tmpfs", under_fd, "tmpfs", FLAGS, "mode=755,size=10240k");
	if (r < 0)
		return r;
	auto_close int dir_fd = path_open_in_root(view->root->root_fd, CGROUP_DIR, O_PATH | O_DIRECTORY, 0);
	if (dir_fd < 0)
		return dir_fd;
	for (size_t i = 0; r == 0 && i < all->list.count; i++) {
		const struct hierarchy *one = &all->list.items[i];
		(void)snprintf(target, sizeof(target), "%s/%s", CGROUP_DIR, one->name);
		r = mount_hierarchy(view, one, target);
		r = r ?: link_controllers(dir_fd, one->name);
	}
	return r == 0 && view->parents_ro ? mount_set_flags(dir_fd, MS_RDONLY, 0, false) : r;
}

static const struct hierarchy *find_v2(const struct hierarchies *all)
{
	for (size_t i = 0; i < all->list.count; i++)
		if (!all->list.items[i].controllers)
			return &all->list.items[i];
	return NULL;
}

/* ---- what is asked for ---- */

static bool has_capability(const struct spec_process *process, const char *name, const char *number)
{
	if (string_list_has(&process->cap_drop, name) || string_list_has(&process->cap_drop, number))
		return false;
	return process->cap_keep.count == 0 || string_list_has(&process->cap_keep, name) ||
	       string_list_has(&process->cap_keep, number);
}

/*
 * In a cgroup namespace an init with CAP_SYS_ADMIN mounts its own cgroups, safely and as it likes them. On a host
 * with cgroup2 alone that is done for it nevertheless: older inits do not know to.
 */
static bool is_left_to_init(const struct spec_mounts *mounts, bool has_namespace, bool has_admin, bool is_v2_only)
{
	return has_namespace && !mounts->auto_cgroup_force && has_admin && !is_v2_only;
}

static int mount_wanted(const struct rootfs_context *root, const struct hierarchies *all)
{
	const struct spec_mounts *mounts = &root->spec->mounts;
	const struct hierarchy *v2 = find_v2(all);
	bool is_v2_only = v2 && strcmp(v2->mount, "/" CGROUP_DIR) == 0;
	bool has_namespace = spec_new_namespaces(root->spec) & 1U << NAMESPACE_CGROUP;
	bool has_admin = has_capability(&root->spec->process, "sys_admin", "21");
	uint32_t kind = mounts->auto_cgroup;

	if (is_left_to_init(mounts, has_namespace, has_admin, is_v2_only))
		return 0;
	if (kind == AUTO_MOUNT_UNSET_SUFFIX)
		kind = has_admin ? AUTO_MOUNT_RW : AUTO_MOUNT_MIXED;
	struct view view = { .root = root,
		.is_new = has_namespace,
		.is_full = mounts->auto_cgroup_full,
		.parents_ro = kind != AUTO_MOUNT_RW && !has_namespace,
		.own_ro = kind == AUTO_MOUNT_RO };
	if (is_v2_only || (mounts->auto_cgroup_v2 && v2)) {
		/* there is no directory to be made in sysfs: without a namespace the own part takes the whole place */
		struct hierarchy top = *v2;
		char own[PATH_MAX];
		if (!view.is_new && !view.is_full) {
			if (snprintf(own, sizeof(own), "%s%s", v2->mount, v2->own ? v2->own : "") >= (int)sizeof(own))
				return -ENAMETOOLONG;
			top = (struct hierarchy){ .mount = own, .own = "" };
		}
		return mount_hierarchy(&view, &top, CGROUP_DIR);
	}
	return mount_all(&view, all);
}

int rootfs_mount_auto_cgroup(const struct rootfs_context *root, struct error *err)
{
	struct hierarchies all = { 0 };

	if (root->spec->mounts.auto_cgroup == AUTO_MOUNT_NONE)
		return 0;
	int r = read_hierarchies(&all);
	r = r ?: mount_wanted(root, &all);
	clear_hierarchies(&all);
	return r < 0 ? error_set(err, r, "mount the cgroups on /%s", CGROUP_DIR) : 0;
}
