/* The root of an OCI bundle: the first mount, and the change of roots. */
#include "rootfs/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/mount.h"
#include "kernel/path_in_root.h"

static int root_fault(const struct rootfs_context *root, int r, const char *act, struct error *err)
{
	return spec_error(err, r, root->spec, &root->spec->rootfs.origin, "%s rootfs %s", act, root->spec->rootfs.path);
}

/* The mount that holds path: nothing that is mounted on it from here on is to reach the host. */
static int make_parent_private(const char *path)
{
	char parent[PATH_MAX];

	if (snprintf(parent, sizeof(parent), "%s", path) >= (int)sizeof(parent))
		return -ENAMETOOLONG;
	for (;;) {
		int r = mount_at_path(NULL, *parent ? parent : "/", NULL, MS_PRIVATE, NULL);
		if (r != -EINVAL || !*parent)
			return r;
		char *slash = strrchr(parent, '/');
		if (!slash)
			return r;
		*slash = '\0';
	}
}

static int part_mounts(const struct rootfs_context *root)
{
	if (root->spec->oci.root_propagation & MS_SHARED)
		return make_parent_private(root->spec->rootfs.path);
	return mount_at_path(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
}

int bundle_mount_root(struct rootfs_context *root, struct error *err)
{
	const char *path = root->spec->rootfs.path;
	int r = part_mounts(root);

	if (r < 0)
		return error_set(err, r, "separate the mounts from the host's");
	auto_close int tree_fd = root->rootfs_source_fd && *root->rootfs_source_fd >= 0 ?
		fcntl(*root->rootfs_source_fd, F_DUPFD_CLOEXEC, 3) : mount_clone_tree(AT_FDCWD, path, true);
	if (tree_fd < 0)
		return root_fault(root, tree_fd, "open", err);
	r = mount_attach(tree_fd, AT_FDCWD, path);
	if (r == -EACCES) /* below directories that only the host's root passes */
		r = mount_attach(tree_fd, AT_FDCWD, WABE_ROOTFS_MOUNT);
	if (r == 0 && root->spec->oci.root_propagation & MS_SHARED)
		r = mount_at_fd(NULL, tree_fd, NULL, MS_PRIVATE, NULL);
	if (r < 0)
		return root_fault(root, r, "mount", err);
	root->root_fd = take_fd(&tree_fd);
	return 0;
}

/* The initial ramfs can not be replaced, only covered: so for callers that run from one. */
static int move_here(void)
{
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

static int change_root_here(void)
{
	return chroot(".") < 0 || chdir("/") < 0 ? -errno : 0;
}

int bundle_enter(struct rootfs_context *root, bool has_own_mounts, struct error *err)
{
	int r;

	if (root->root_fd < 0)
		root->root_fd = open(root->spec->rootfs.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = root->root_fd < 0 || fchdir(root->root_fd) < 0 ? -errno : 0;
	fd_pile_add(&root->pile, take_fd(&root->root_fd));
	fd_pile_close(&root->pile);
	if (r == 0)
		r = !has_own_mounts ? change_root_here() : root->spec->oci.no_pivot ? move_here() : 
				      mount_pivot_here(root->spec->oci.root_propagation & MS_SHARED);
	return r < 0 ? root_fault(root, r, "change to", err) : 0;
}

int bundle_set_propagation(const struct rootfs_context *root, struct error *err)
{
	uint64_t flags = root->spec->oci.root_propagation;

	if (!flags)
		return 0;
	int r = mount_at_path(NULL, "/", NULL, flags, NULL);
	return r < 0 ? root_fault(root, r, "set the propagation of", err) : 0;
}
