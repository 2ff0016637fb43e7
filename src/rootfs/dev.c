/* /dev: the tmpfs with its nodes, the devpts instance, console and ttys. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/mount.h"
#include "kernel/mountinfo.h"
#include "kernel/path_in_root.h"
#include "rootfs/internal.h"

#define DEFAULT_SIZE 500000 /* bytes, as LXC */

/* clang-format off */
static const struct {
	const char *name;
	unsigned major, minor;
} nodes[] = {
	{ "full",    1, 7 },
	{ "null",    1, 3 },
	{ "random",  1, 8 },
	{ "tty",     5, 0 },
	{ "urandom", 1, 9 },
	{ "zero",    1, 5 },
};

static const struct {
	const char *name;
	mode_t mode;
} directories[] = {
	{ "pts",    0755 },
	{ "shm",    01777 },
	{ "mqueue", 0755 },
};

static const struct {
	const char *name, *target;
} links[] = {
	{ "fd",     "/proc/self/fd" },
	{ "stdin",  "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
	{ "core",   "/proc/kcore" },
};
/* clang-format on */

int dev_make_links(int dev_fd, bool keeps_existing, struct error *err)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlinkat(links[i].target, dev_fd, links[i].name) < 0 && !(keeps_existing && errno == EEXIST))
			return error_set(err, errno, "make /dev/%s", links[i].name);
	return 0;
}

/* /dev of the image, or what is mounted there. */
static int open_dev(const struct rootfs_context *root)
{
	int fd = path_open_in_root(root->root_fd, "dev", O_PATH | O_DIRECTORY, 0);

	return fd == -ENOENT ? path_create_in_root(root->root_fd, "dev", PATH_CREATE_DIRECTORY) : fd;
}

/*
 * Where nodes can not be made (user namespace, device cgroup of an outer container) that of the host is bound.
 * dev_fd is the working directory then: in a tmpfs just made nobody can have put a link.
 */
static int bind_node(int dev_fd, const char *name)
{
	char source[32];

	if (fchdir(dev_fd) < 0 || mknodat(dev_fd, name, S_IFREG | 0666, 0) < 0)
		return -errno;
	(void)snprintf(source, sizeof(source), "/dev/%s", name);
	int r = mount_at_path(source, name, NULL, MS_BIND, NULL);
	return chdir("/") < 0 && r == 0 ? -errno : r;
}

static int make_node(const struct rootfs_context *root, int dev_fd, size_t i)
{
	if (!root->has_user_namespace) {
		dev_t number = makedev(nodes[i].major, nodes[i].minor);
		if (mknodat(dev_fd, nodes[i].name, S_IFCHR | 0666, number) == 0)
			return 0;
		if (errno != EPERM)
			return -errno;
	}
	return bind_node(dev_fd, nodes[i].name);
}

/* The source of a mount whose file system is on device number, malloc'ed. -ENODEV: none. */
static int find_source(dev_t number, char **ret)
{
	auto_free char *text = NULL;
	size_t length;
	struct mountinfo mount;
	struct stat st;
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &text, &length);

	for (char *next = text; r >= 0 && (r = mountinfo_next(&next, &mount)) != 0;)
		if (r == 1 && strncmp(mount.source, "/dev/", 5) == 0 && stat(mount.source, &st) == 0 && S_ISBLK(st.st_mode) &&
			st.st_rdev == number) {
			*ret = strdup(mount.source);
			return *ret ? 0 : -ENOMEM;
		} else if (r == -EINVAL) {
			r = 1;
		}
	return r < 0 ? r : -ENODEV;
}

/*
 * quota, repquota and setquota look for the device that the root is mounted from, and pass its name to the kernel. Nobody
 * inside may open it.
 */
static int bind_root_device(const struct rootfs_context *root, int dev_fd)
{
	struct stat st;
	auto_free char *source = NULL;

	int r = fstat(root->root_fd, &st) < 0 ? -errno : find_source(st.st_dev, &source);
	if (r < 0)
		return r;
	auto_close int target_fd = path_create_in_root(dev_fd, source + strlen("/dev/"), PATH_CREATE_FILE);
	return target_fd < 0 ? target_fd : mount_at_fd(source, target_fd, NULL, MS_BIND, NULL);
}

/* The umask is 0 here. */
static int fill_dev(const struct rootfs_context *root, int dev_fd, struct error *err)
{
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		if (mkdirat(dev_fd, directories[i].name, directories[i].mode) < 0)
			return error_set(err, errno, "make /dev/%s", directories[i].name);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		int r = make_node(root, dev_fd, i);
		if (r < 0)
			return error_set(err, r, "make /dev/%s", nodes[i].name);
	}
	int r = spec_serves_quota(root->spec) ? bind_root_device(root, dev_fd) : 0;
	if (r < 0)
		return spec_error(err, r, root->spec, &root->spec->rootfs.limit_origin,
			"show the block device of rootfs %s in /dev", root->spec->rootfs.path);
	return dev_make_links(dev_fd, false, err);
}

int rootfs_mount_dev(const struct rootfs_context *root, struct error *err)
{
	uint64_t size = root->spec->console.dev_size ? root->spec->console.dev_size : DEFAULT_SIZE;
	char data[64];

	(void)snprintf(data, sizeof(data), "mode=755,size=%llu", (unsigned long long)size);
	auto_close int target_fd = open_dev(root);
	int r = target_fd < 0 ? target_fd : mount_at_fd("none", target_fd, "tmpfs", MS_NOSUID, data);
	auto_close int dev_fd = r < 0 ? r : open_dev(root);
	if (dev_fd < 0)
		return spec_error(err, dev_fd, root->spec, &root->spec->console.origin, "mount tmpfs on /dev");
	mode_t umask_before = umask(0);
	r = fill_dev(root, dev_fd, err);
	umask(umask_before);
	return r;
}

/* ---- devpts ---- */

int rootfs_mount_devpts(const struct rootfs_context *root, struct error *err)
{
	auto_close int dev_fd = open_dev(root);

	int r = dev_fd < 0 ? dev_fd : mount_attach(root->devpts_fd, dev_fd, "pts");
	if (r == -ENOENT || r == -EINVAL || r == -ENOTDIR) /* missing, or a link of the image */
		r = root_attach(root, root->devpts_fd, "dev/pts", PATH_CREATE_DIRECTORY);
	if (r < 0)
		return error_set(err, r, "mount devpts on /dev/pts");
	if (symlinkat("pts/ptmx", dev_fd, "ptmx") == 0)
		return 0;
	if (errno != EEXIST)
		return error_set(err, errno, "make /dev/ptmx");
	/* a node or link of the image: its own devpts instance must answer nevertheless */
	auto_close int ptmx_fd = mount_clone_tree(root->devpts_fd, "ptmx", false);
	r = ptmx_fd < 0 ? ptmx_fd : mount_attach(ptmx_fd, dev_fd, "ptmx");
	if (r == -EINVAL) /* a link: most likely the one that we would make */
		r = 0;
	return r < 0 ? error_set(err, r, "mount /dev/ptmx") : 0;
}

/* ---- console and ttys ---- */

/* An empty file to mount on; what there is already serves as well. */
static int make_file(int dir_fd, const char *name)
{
	if (mknodat(dir_fd, name, S_IFREG | 0644, 0) == 0 || errno == EEXIST)
		return 0;
	return -errno;
}

/* The device of our own devpts, taken by its fd: nobody can have swapped it (CVE-2025-52565). */
static int bind_pty(const struct rootfs_context *root, int index, int dir_fd, const char *name)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", index);
	auto_close int tree_fd = mount_clone_tree(root->devpts_fd, number, false);
	if (tree_fd < 0)
		return tree_fd;
	int r = make_file(dir_fd, name);
	return r < 0 ? r : mount_attach(tree_fd, dir_fd, name);
}

/* A link in /dev to the device in the sub-directory, in place of what the image has there. */
static int link_into_dir(int dev_fd, const char *dir, const char *name)
{
	char target[256];

	if (snprintf(target, sizeof(target), "%s/%s", dir, name) >= (int)sizeof(target))
		return -ENAMETOOLONG;
	if (symlinkat(target, dev_fd, name) == 0)
		return 0;
	if (errno != EEXIST || unlinkat(dev_fd, name, 0) < 0)
		return -errno;
	return symlinkat(target, dev_fd, name) < 0 ? -errno : 0;
}

/* name is "console" or "ttyN". */
static int setup_device(const struct rootfs_context *root, int dev_fd, int index, const char *name)
{
	const char *dir = root->spec->console.tty_dir;

	if (!dir || !*dir) {
		int r = bind_pty(root, index, dev_fd, name);
		if (r != -EINVAL)
			return r;
		/* the image has a link there (no autodev): it makes way for the device */
		return unlinkat(dev_fd, name, 0) < 0 ? -errno : bind_pty(root, index, dev_fd, name);
	}
	if (strchr(dir, '/') || strcmp(dir, "..") == 0 || strcmp(dir, ".") == 0)
		return -EINVAL;
	if (mkdirat(dev_fd, dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	auto_close int dir_fd = openat(dev_fd, dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	int r = bind_pty(root, index, dir_fd, name);
	return r < 0 ? r : link_into_dir(dev_fd, dir, name);
}

int rootfs_setup_console(const struct rootfs_context *root, struct error *err)
{
	if (root->console_index < 0)
		return 0;
	auto_close int dev_fd = open_dev(root);
	int r = dev_fd < 0 ? dev_fd : setup_device(root, dev_fd, root->console_index, "console");
	return r < 0 ? spec_error(err, r, root->spec, &root->spec->console.origin, "set up /dev/console") : 0;
}

int rootfs_setup_ttys(const struct rootfs_context *root, struct error *err)
{
	char name[32];

	if (root->tty_count == 0)
		return 0;
	auto_close int dev_fd = open_dev(root);
	int r = dev_fd < 0 ? dev_fd : 0;
	for (size_t i = 0; r == 0 && i < root->tty_count; i++) {
		(void)snprintf(name, sizeof(name), "tty%zu", i + 1);
		r = setup_device(root, dev_fd, root->tty_indexes[i], name);
	}
	return r < 0 ? spec_error(err, r, root->spec, &root->spec->console.origin, "set up the ttys") : 0;
}
