/* lxc.mount.auto = cgroup, cgroup-full, cgroup2: what of the cgroup hierarchies is seen at /sys/fs/cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/mount.h"
#include "kernel/path_in_root.h"
#include "rootfs/bundle.h"
#include "rootfs/internal.h"

#define CGROUP_DIR "sys/fs/cgroup"
#define FLAGS	   (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* ---- one hierarchy ---- */

/* How the container sees the hierarchies. */
struct view {
	const struct rootfs_context *root;
	bool is_new;	 /* cgroup namespace: a mount of its own shows only the container's part */
	bool is_full;	 /* the whole hierarchy, else only the container's own part */
	bool parents_ro; /* all above the container's cgroup */
	bool own_ro;	 /* the container's cgroup */
	bool is_flat;	 /* without a namespace: the container's own part in the place of the whole hierarchy */
	const char *directory; /* where they are mounted */
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

static int mount_new(const struct view *view, const struct rootfs_hierarchy *one, const char *target)
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

/* CVE-2023-25809: whoever has no group of its own is shown the host's tree, of which it may own parts. */
static bool is_own_ro(const struct view *view, const struct rootfs_hierarchy *one)
{
	return view->own_ro || (view->is_flat && (!one->own || strcmp(one->own, "/") == 0));
}

/* Without a cgroup namespace: copies of the host's mount at the same paths. */
static int bind_hierarchy(const struct view *view, const struct rootfs_hierarchy *one, const char *target)
{
	const char *own = one->own && strcmp(one->own, "/") != 0 ? one->own : "";
	char own_source[PATH_MAX], own_target[PATH_MAX];

	if (snprintf(own_source, sizeof(own_source), "%s%s", one->mount, own) >= (int)sizeof(own_source) ||
		snprintf(own_target, sizeof(own_target), "%s%s", target, own) >= (int)sizeof(own_target))
		return -ENAMETOOLONG;
	if (!view->is_full)
		return bind_part(view, own_source, view->is_flat ? target : own_target, is_own_ro(view, one));
	int r = bind_part(view, one->mount, target, view->parents_ro);
	if (r == 0 && view->parents_ro != view->own_ro && *own)
		r = bind_part(view, own_source, own_target, view->own_ro);
	return r;
}

static int mount_hierarchy(const struct view *view, const struct rootfs_hierarchy *one, const char *target)
{
	return view->is_new ? mount_new(view, one, target) : bind_hierarchy(view, one, target);
}

/* ---- all of them ---- */

static bool is_in_place(const struct rootfs_hierarchy *one)
{
	return strncmp(one->mount, "/" CGROUP_DIR, strlen("/" CGROUP_DIR)) == 0;
}

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
static int mount_all(const struct view *view)
{
	const struct rootfs_context *root = view->root;
	char target[PATH_MAX];

	auto_close int under_fd = path_create_in_root(root->root_fd, view->directory, PATH_CREATE_DIRECTORY);
	if (under_fd < 0)
		return under_fd;
	int r = mount_at_fd("tmpfs", under_fd, "tmpfs", FLAGS, "mode=755,size=10240k");
	if (r < 0)
		return r;
	auto_close int dir_fd = path_open_in_root(root->root_fd, view->directory, O_PATH | O_DIRECTORY, 0);
	if (dir_fd < 0)
		return dir_fd;
	for (size_t i = 0; r == 0 && i < root->hierarchy_count; i++) {
		const struct rootfs_hierarchy *one = &root->hierarchies[i];
		if (!is_in_place(one))
			continue;
		const char *name = strrchr(one->mount, '/') + 1; /* "cpu,cpuacct", "unified" */
		(void)snprintf(target, sizeof(target), "%s/%s", view->directory, name);
		r = mount_hierarchy(view, one, target);
		r = r ?: link_controllers(dir_fd, name);
	}
	return r == 0 && view->parents_ro ? mount_set_flags(dir_fd, MS_RDONLY, 0, false) : r;
}

static const struct rootfs_hierarchy *find_v2(const struct rootfs_context *root)
{
	for (size_t i = 0; i < root->hierarchy_count; i++)
		if (!root->hierarchies[i].controllers && is_in_place(&root->hierarchies[i]))
			return &root->hierarchies[i];
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

/* There is no directory to be made in sysfs: without a namespace the own part takes the whole place. */
static int mount_v2(const struct view *view, const struct rootfs_hierarchy *v2)
{
	struct rootfs_hierarchy top = *v2;
	char own[PATH_MAX];

	if (!view->is_new && !view->is_full) {
		if (snprintf(own, sizeof(own), "%s%s", v2->mount, v2->own ? v2->own : "") >= (int)sizeof(own))
			return -ENAMETOOLONG;
		top = (struct rootfs_hierarchy){ .mount = own, .own = v2->own && strcmp(v2->own, "/") != 0 ? "" : NULL };
	}
	return mount_hierarchy(view, &top, view->directory);
}

int rootfs_mount_cgroup_entry(const struct rootfs_context *root, const char *path, bool is_read_only)
{
	const struct rootfs_hierarchy *v2 = find_v2(root);
	struct view view = { .root = root,
		.directory = path,
		.is_new = spec_new_namespaces(root->spec) & 1U << NAMESPACE_CGROUP,
		.is_flat = true,
		.parents_ro = is_read_only,
		.own_ro = is_read_only };

	if (!v2 || strcmp(v2->mount, "/" CGROUP_DIR) != 0)
		return mount_all(&view);
	int r = mount_v2(&view, v2);
	if (r == -EPERM && view.is_new) { /* a user namespace with another's cgroup namespace */
		view.is_new = false;
		r = mount_v2(&view, v2);
	}
	return r;
}

static int mount_wanted(const struct rootfs_context *root)
{
	const struct spec_mounts *mounts = &root->spec->mounts;
	const struct rootfs_hierarchy *v2 = find_v2(root);
	bool is_v2_only = v2 && strcmp(v2->mount, "/" CGROUP_DIR) == 0;
	bool has_namespace = spec_new_namespaces(root->spec) & 1U << NAMESPACE_CGROUP;
	bool has_admin = has_capability(&root->spec->process, "sys_admin", "21");
	uint32_t kind = mounts->auto_cgroup;

	if (is_left_to_init(mounts, has_namespace, has_admin, is_v2_only))
		return 0;
	if (kind == AUTO_MOUNT_UNSET_SUFFIX)
		kind = has_admin ? AUTO_MOUNT_RW : AUTO_MOUNT_MIXED;
	struct view view = { .root = root,
		.directory = CGROUP_DIR,
		.is_new = has_namespace,
		.is_full = mounts->auto_cgroup_full,
		.parents_ro = kind != AUTO_MOUNT_RW && !has_namespace,
		.own_ro = kind == AUTO_MOUNT_RO };
	return is_v2_only || (mounts->auto_cgroup_v2 && v2) ? mount_v2(&view, v2) : mount_all(&view);
}

int rootfs_mount_auto_cgroup(const struct rootfs_context *root, struct error *err)
{
	if (root->spec->mounts.auto_cgroup == AUTO_MOUNT_NONE)
		return 0;
	int r = mount_wanted(root);
	return r < 0 ? error_set(err, r, "mount the cgroups on /%s", CGROUP_DIR) : 0;
}
