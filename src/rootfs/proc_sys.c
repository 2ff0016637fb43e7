/* lxc.mount.auto = proc sys: both file systems and what of them is read-only. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/mount.h"
#include "kernel/path_in_root.h"
#include "rootfs/internal.h"

#define ATTRIBUTES (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define FLAGS	   (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/*
 * Attaches a new file system at name. In the usual image that is a directory and takes one call; a link there
 * is refused by the kernel and then resolved inside the root.
 */
static int attach_at_name(const struct rootfs_context *root, int tree_fd, const char *name)
{
	int r = mount_attach(tree_fd, root->root_fd, name);

	return r < 0 ? root_attach(root, tree_fd, name, PATH_CREATE_DIRECTORY) : 0;
}

/*
 * A mount namespace in a user namespace may lack a network namespace of its own (sysfs) or a whole view (proc):
 * then the host's file system takes its place.
 */
static int mount_one(const struct rootfs_context *root, const char *type, const char *name, unsigned attributes,
	bool may_bind, struct error *err)
{
	auto_close int tree_fd = mount_new_detached(type, attributes);
	char path[16];

	if (tree_fd == -EPERM && may_bind) {
		stpcpy(stpcpy(path, "/"), name);
		tree_fd = mount_clone_tree(AT_FDCWD, path, true);
	}
	int r = tree_fd < 0 ? tree_fd : attach_at_name(root, tree_fd, name);
	return r < 0 ? error_set(err, r, "mount %s on /%s", type, name) : take_fd(&tree_fd);
}

/* Each is a file or directory of a procfs or sysfs just made: no link of the image is on these paths. */
static int bind_over_itself(const char *path)
{
	int r = mount_at_path(path, path, NULL, MS_BIND, NULL);

	return r == -ENOENT ? 0 : r; /* not in this kernel */
}

static int make_read_only(const char *path)
{
	int r = mount_at_path(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | FLAGS, NULL);

	return r == -ENOENT ? 0 : r;
}

int root_cover_proc(int proc_fd)
{
	/* a fd of fsmount stands for the mount's root, so relative paths see what is mounted below it */
	int r = fchdir(proc_fd) < 0 ? -errno : bind_over_itself("sys");

	r = r ?: bind_over_itself("sys/net"); /* a copy of the writable one, before its parent becomes read-only */
	r = r ?: make_read_only("sys");
	r = r ?: bind_over_itself("sysrq-trigger");
	return r ?: make_read_only("sysrq-trigger");
}

/* Configuration of the host's hardware and file systems, to read. Through a user namespace nobody can write it. */
static int cover_devices(const struct rootfs_context *root)
{
	static const char *const paths[] = { "bus", "fs", "irq" };
	int r = 0;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths) && r == 0 && !root->has_user_namespace; i++) {
		r = bind_over_itself(paths[i]);
		r = r ?: make_read_only(paths[i]);
	}
	return r;
}

/* What tells of the host's memory, keys, timers and devices, and what of them is only for its own root. */
static int mask_proc(const struct rootfs_context *root)
{
	static const char *const files[] = { "kcore", "keys", "timer_list", "sched_debug", "latency_stats", NULL };
	/* the last is in every kernel, and empty */
	static const char *const directories[] = { "acpi", "scsi", "tty/ldisc", NULL };

	int r = cover_devices(root);
	return r ?: root_mask(files, directories);
}

static int mount_proc(const struct rootfs_context *root, struct error *err)
{
	uint32_t kind = root->spec->mounts.auto_proc;
	unsigned read_only = kind == AUTO_MOUNT_RO ? MOUNT_ATTR_RDONLY : 0;

	auto_close int proc_fd = mount_one(root, "proc", "proc", ATTRIBUTES | read_only, false, err);
	if (proc_fd < 0)
		return proc_fd;
	if (kind != AUTO_MOUNT_MIXED && kind != AUTO_MOUNT_UNSET_SUFFIX)
		return 0;
	int r = root_cover_proc(proc_fd);
	if (r < 0)
		return error_set(err, r, "make /proc/sys read-only");
	r = mask_proc(root);
	return r < 0 ? error_set(err, r, "mask parts of /proc") : 0;
}

static int mount_sys(const struct rootfs_context *root, struct error *err)
{
	static const char network[] = "devices/virtual/net";
	static const char *const no_files[] = { NULL }, *const masked[] = { "firmware", "devices/virtual/powercap", NULL };
	uint32_t kind = root->spec->mounts.auto_sys;
	unsigned read_only = kind == AUTO_MOUNT_RW ? 0 : MOUNT_ATTR_RDONLY;

	auto_close int sys_fd = mount_one(root, "sysfs", "sys", ATTRIBUTES | read_only, true, err);
	if (sys_fd < 0)
		return sys_fd;
	if (kind != AUTO_MOUNT_MIXED && kind != AUTO_MOUNT_UNSET_SUFFIX)
		return 0;
	int r = fchdir(sys_fd) < 0 ? -errno : bind_over_itself(network);
	if (r == 0)
		r = mount_at_path(NULL, network, NULL, MS_REMOUNT | MS_BIND | FLAGS, NULL);
	if (r == 0 || r == -ENOENT) {
		int mask = root_mask(no_files, masked);
		if (mask < 0)
			return error_set(err, mask, "mask parts of /sys");
	}
	/* EPERM: a user namespace that may only see sysfs read-only; ENOENT: a kernel without networks */
	return r < 0 && r != -EPERM && r != -ENOENT ? error_set(err, r, "make /sys/%s writable", network) : 0;
}

int rootfs_mount_auto_proc_sys(const struct rootfs_context *root, struct error *err)
{
	const struct spec_mounts *mounts = &root->spec->mounts;

	int r = mounts->auto_proc != AUTO_MOUNT_NONE ? mount_proc(root, err) : 0;
	if (r == 0 && mounts->auto_sys != AUTO_MOUNT_NONE)
		r = mount_sys(root, err);
	if (r == 0 && (mounts->auto_proc != AUTO_MOUNT_NONE || mounts->auto_sys != AUTO_MOUNT_NONE) && chdir("/") < 0)
		return error_set(err, errno, "leave the container's /proc");
	return r;
}

int rootfs_prepare_host_root(const struct rootfs_context *root, struct error *err)
{
	auto_close int proc_fd = mount_new_detached("proc", ATTRIBUTES);

	int r = proc_fd < 0 ? proc_fd : mount_attach(proc_fd, AT_FDCWD, "/proc");
	if (r < 0)
		return error_set(err, r, "mount proc on /proc");
	if (root->spec->mounts.auto_proc != AUTO_MOUNT_MIXED)
		return 0;
	/* the program starts where its caller is */
	auto_close int cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = root_cover_proc(proc_fd);
	if (r == 0 && cwd_fd >= 0 && fchdir(cwd_fd) < 0)
		r = -errno;
	return r < 0 ? error_set(err, r, "make /proc/sys read-only") : 0;
}
