/* Devices of an OCI bundle: the default ones, linux.devices, the console. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/mount.h"
#include "kernel/path_in_root.h"
#include "rootfs/bundle.h"
#include "rootfs/internal.h"

/* clang-format off */
static const struct spec_device nodes[] = {
	{ .path = (char *)"dev/null",    .kind = 'c', .major = 1, .minor = 3, .mode = 0666 },
	{ .path = (char *)"dev/zero",    .kind = 'c', .major = 1, .minor = 5, .mode = 0666 },
	{ .path = (char *)"dev/full",    .kind = 'c', .major = 1, .minor = 7, .mode = 0666 },
	{ .path = (char *)"dev/random",  .kind = 'c', .major = 1, .minor = 8, .mode = 0666 },
	{ .path = (char *)"dev/urandom", .kind = 'c', .major = 1, .minor = 9, .mode = 0666 },
	{ .path = (char *)"dev/tty",     .kind = 'c', .major = 5, .minor = 0, .mode = 0666 },
};
/* clang-format on */

static mode_t type_of(const struct spec_device *device)
{
	return device->kind == 'b' ? S_IFBLK : device->kind == 'p' ? S_IFIFO : S_IFCHR;
}

/* What is there already has to be the device: nobody may hand the container another file under its name. */
static int check_existing(const struct spec_device *device, int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	bool is_same = (st.st_mode & S_IFMT) == type_of(device) &&
		       (device->kind == 'p' || st.st_rdev == makedev(device->major, device->minor));
	return is_same ? 0 : -EEXIST;
}

/* Where nodes can not be made that of the host is bound; it keeps the host's owner and mode. */
static int bind_node(const struct spec_device *device, int dir_fd, const char *name)
{
	char source[PATH_MAX];
	struct stat st;

	if (snprintf(source, sizeof(source), "/%s", device->path) >= (int)sizeof(source))
		return -ENAMETOOLONG;
	auto_close int tree_fd = mount_clone_tree(AT_FDCWD, source, false);
	if (tree_fd < 0 || fstat(tree_fd, &st) < 0)
		return tree_fd < 0 ? tree_fd : -errno;
	if ((st.st_mode & S_IFMT) != type_of(device) || st.st_rdev != makedev(device->major, device->minor))
		return -ENODEV;
	if (mknodat(dir_fd, name, S_IFREG | 0644, 0) < 0 && errno != EEXIST)
		return -errno;
	return mount_attach(tree_fd, dir_fd, name);
}

/* The umask is 0. */
static int make_node(const struct rootfs_context *root, const struct spec_device *device, int dir_fd, const char *name)
{
	if (root->has_user_namespace && device->kind != 'p')
		return bind_node(device, dir_fd, name);
	if (mknodat(dir_fd, name, type_of(device) | device->mode, makedev(device->major, device->minor)) < 0) {
		if (errno == EEXIST)
			return check_existing(device, dir_fd, name);
		return errno == EPERM ? bind_node(device, dir_fd, name) : -errno;
	}
	if ((device->uid || device->gid) && fchownat(dir_fd, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int device_fault(const struct rootfs_context *root, const struct spec_device *device, int r, struct error *err)
{
	r = spec_error(err, r, root->spec, &device->origin, "make device /%s", device->path);
	if (r == -EEXIST)
		error_hint(err, "the image has another file there");
	return r;
}

static int make_device(const struct rootfs_context *root, const struct spec_device *device, struct error *err)
{
	char parent[PATH_MAX];
	const char *name = strrchr(device->path, '/');

	if (snprintf(parent, sizeof(parent), "%.*s", name ? (int)(name - device->path) : 0, device->path) >= (int)sizeof(parent))
		return device_fault(root, device, -ENAMETOOLONG, err);
	auto_close int dir_fd = path_create_in_root(root->root_fd, *parent ? parent : "/", PATH_CREATE_DIRECTORY);
	int r = dir_fd < 0 ? dir_fd : make_node(root, device, dir_fd, name ? name + 1 : device->path);
	return r < 0 ? device_fault(root, device, r, err) : 0;
}

static bool is_given(const struct rootfs_context *root, const char *path)
{
	vector_for_each (device, &root->spec->oci.devices)
		if (strcmp(device->path, path) == 0)
			return true;
	return false;
}

static int fill_dev(struct rootfs_context *root, struct error *err)
{
	int dev_fd = root->dev_fd >= 0 ? take_fd(&root->dev_fd) : path_create_in_root(root->root_fd, "dev", PATH_CREATE_DIRECTORY);

	if (dev_fd < 0)
		return error_set(err, dev_fd, "open /dev");
	fd_pile_add(&root->pile, dev_fd);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		if (is_given(root, nodes[i].path))
			continue;
		int r = make_node(root, &nodes[i], dev_fd, nodes[i].path + strlen("dev/"));
		if (r < 0)
			return device_fault(root, &nodes[i], r, err);
	}
	int r = dev_make_links(dev_fd, true, err);
	if (r < 0)
		return r;
	if (symlinkat("pts/ptmx", dev_fd, "ptmx") == 0)
		return 0;
	/* of the image: a node there would open the host's terminals */
	if (errno != EEXIST || unlinkat(dev_fd, "ptmx", 0) < 0 || symlinkat("pts/ptmx", dev_fd, "ptmx") < 0)
		return error_set(err, errno, "make /dev/ptmx");
	return 0;
}

static bool has_host_dev(const struct rootfs_context *root)
{
	vector_for_each (entry, &root->spec->mounts.entries)
		if (strcmp(entry->target, "dev") == 0 && entry->flags_set & MS_BIND)
			return true;
	return false;
}

int bundle_make_devices(struct rootfs_context *root, struct error *err)
{
	if (has_host_dev(root))
		return 0;
	mode_t umask_before = umask(0);
	int r = fill_dev(root, err);
	vector_for_each (device, &root->spec->oci.devices)
		if (r == 0)
			r = make_device(root, device, err);
	umask(umask_before);
	return r;
}

int bundle_bind_console(const struct rootfs_context *root, int slave_fd, struct error *err)
{
	auto_close int tree_fd = mount_clone_tree(slave_fd, "", false);
	auto_close int target_fd = tree_fd < 0 ? tree_fd : path_create_in_root(root->root_fd, "dev/console", PATH_CREATE_FILE);
	int r = target_fd < 0 ? target_fd : mount_attach(tree_fd, target_fd, "");

	return r < 0 ? error_set(err, r, "mount the terminal on /dev/console") : 0;
}
