/* One mount at a time: fsopen, open_tree, move_mount, mount_setattr, mount(2), pivot_root. */
#include "kernel/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467 /* Linux 6.15 */
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* clang-format off */
static const struct {
	uint64_t flag;	    /* MS_* of mount(2) */
	uint64_t attribute; /* MOUNT_ATTR_* of mount_setattr(2) */
} attributes[] = {
	{ MS_RDONLY,      MOUNT_ATTR_RDONLY },
	{ MS_NOSUID,      MOUNT_ATTR_NOSUID },
	{ MS_NODEV,       MOUNT_ATTR_NODEV },
	{ MS_NOEXEC,      MOUNT_ATTR_NOEXEC },
	{ MS_NODIRATIME,  MOUNT_ATTR_NODIRATIME },
	{ MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW },
};
/* clang-format on */

#define ATIME_FLAGS (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)
#define MOUNT_FLAGS                                                                                          \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NODIRATIME | MS_NOSYMFOLLOW | ATIME_FLAGS)

static int result(long value)
{
	return value < 0 ? -errno : (int)value;
}

const char *mount_fd_path(int fd, char buffer[MOUNT_FD_PATH_SIZE])
{
	(void)snprintf(buffer, MOUNT_FD_PATH_SIZE, "/proc/self/fd/%d", fd);
	return buffer;
}

static unsigned clone_flags(const char *path, bool recursive)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;

	if (recursive)
		flags |= AT_RECURSIVE;
	if (*path == '\0')
		flags |= AT_EMPTY_PATH;
	return flags;
}

int mount_clone_tree(int dir_fd, const char *path, bool recursive)
{
	return result(open_tree(dir_fd, path, clone_flags(path, recursive)));
}

int mount_clone_read_only(int dir_fd, const char *path, bool recursive)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	/* with AT_RECURSIVE the attribute would go to all that is mounted below */
	if (!recursive) {
		long fd = syscall(SYS_open_tree_attr, dir_fd, path, clone_flags(path, false), &attr, sizeof(attr));
		if (fd >= 0 || errno == ENOENT)
			return result(fd);
	}
	auto_close int fd = mount_clone_tree(dir_fd, path, recursive); /* before 6.15, or where a filter does not know it */
	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return take_fd(&fd);
}

int mount_new_detached(const char *type, unsigned mount_attributes)
{
	auto_close int fs_fd = fsopen(type, FSOPEN_CLOEXEC);

	if (fs_fd < 0 || fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	return result(fsmount(fs_fd, FSMOUNT_CLOEXEC, mount_attributes));
}

static int set_option(int fs_fd, char *option)
{
	char *value = strchr(option, '=');

	if (value)
		*value++ = '\0';
	return result(fsconfig(fs_fd, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option, value, 0));
}

int mount_device_detached(const char *type, const char *source, char *data, bool is_read_only)
{
	auto_close int fs_fd = fsopen(type, FSOPEN_CLOEXEC);
	char read_only[] = "ro", *option;

	if (fs_fd < 0)
		return -errno;
	int r = result(fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", source, 0));
	if (r == 0 && is_read_only)
		r = set_option(fs_fd, read_only);
	while (r == 0 && (option = strsep(&data, ",")))
		r = *option ? set_option(fs_fd, option) : 0;
	r = r ?: result(fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	return r ?: result(fsmount(fs_fd, FSMOUNT_CLOEXEC, is_read_only ? MOUNT_ATTR_RDONLY : 0));
}

int mount_attach(int tree_fd, int dir_fd, const char *name)
{
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH;

	if (*name == '\0')
		flags |= MOVE_MOUNT_T_EMPTY_PATH;
	return result(move_mount(tree_fd, "", dir_fd, name, flags));
}

int mount_move(const char *path, int target_fd)
{
	return result(move_mount(AT_FDCWD, path, target_fd, "", MOVE_MOUNT_T_EMPTY_PATH));
}

/* The access time attribute is one field of three values: setting one clears the field first. */
static void set_atime(struct mount_attr *attr, uint64_t flags_set, uint64_t flags_clear)
{
	if (flags_set & MS_NOATIME)
		attr->attr_set |= MOUNT_ATTR_NOATIME;
	else if (flags_set & MS_STRICTATIME)
		attr->attr_set |= MOUNT_ATTR_STRICTATIME;
	if ((flags_set | flags_clear) & ATIME_FLAGS)
		attr->attr_clr |= MOUNT_ATTR__ATIME;
}

/* Linux < 5.12: a remount replaces all flags, so those that the mount has are read first. */
static int remount(int fd, uint64_t flags_set, uint64_t flags_clear)
{
	struct statvfs now;

	if (fstatvfs(fd, &now) < 0)
		return -errno;
	/* the ST_ and MS_ values of these flags are equal, but for relatime */
	uint64_t flags = now.f_flag & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME);
	if (now.f_flag & ST_RELATIME)
		flags |= MS_RELATIME;
	if (flags_set & ATIME_FLAGS)
		flags &= ~(uint64_t)ATIME_FLAGS;
	flags = (flags & ~flags_clear) | (flags_set & MOUNT_FLAGS);
	int r = mount_at_fd(NULL, fd, NULL, MS_REMOUNT | MS_BIND | flags, NULL);
	return r == -EINVAL ? -ENOSYS : r; /* not attached yet */
}

int mount_set_flags(int fd, uint64_t flags_set, uint64_t flags_clear, bool recursive)
{
	struct mount_attr attr = { 0 };

	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if (flags_set & attributes[i].flag)
			attr.attr_set |= attributes[i].attribute;
		else if (flags_clear & attributes[i].flag)
			attr.attr_clr |= attributes[i].attribute;
	}
	set_atime(&attr, flags_set, flags_clear);
	if (attr.attr_set == 0 && attr.attr_clr == 0)
		return 0;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr)) == 0)
		return 0;
	return errno != ENOSYS || recursive ? -errno : remount(fd, flags_set, flags_clear);
}

int mount_set_idmap(int fd, int userns_fd, bool recursive)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns_fd,
		.propagation = MS_SLAVE };

	return result(mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr)));
}

int mount_at_path(const char *source, const char *target, const char *type, uint64_t flags, const char *data)
{
	return result(mount(source, target, type, flags, data));
}

int mount_at_name(const char *source, int dir_fd, const char *name, const char *type, uint64_t flags, const char *data)
{
	char path[MOUNT_FD_PATH_SIZE + 1 + NAME_MAX] = "";
	char *end = path + strlen(mount_fd_path(dir_fd, path));

	if (*name && snprintf(end, 2 + NAME_MAX, "/%s", name) >= 2 + NAME_MAX)
		return -ENAMETOOLONG;
	return result(mount(source, path, type, flags, data));
}

int mount_at_fd(const char *source, int target_fd, const char *type, uint64_t flags, const char *data)
{
	return mount_at_name(source, target_fd, "", type, flags, data);
}

int mount_pivot_here(bool is_shared)
{
	auto_close int old_fd = is_shared ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	/* pivot_root(2), "NOTES": the old root comes to lie over the new one and is what "." is unmounted from */
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		/* what is unmounted here must not go away on the host */
		if (is_shared && (fchdir(old_fd) < 0 || mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0))
			return -errno;
		if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
			return -errno;
		return 0;
	}
	if (errno != EINVAL)
		return -errno;
	/* the old root is the initial ramfs: it can not be replaced, only covered */
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

int mount_open_procfs(void)
{
	struct statfs stat;
	struct stat root;

	int fd = mount_new_detached("proc", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (fd != -EPERM && fd != -EACCES)
		return fd;
	auto_close int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (proc_fd < 0 || fstatfs(proc_fd, &stat) < 0 || fstat(proc_fd, &root) < 0)
		return -errno;
	if (stat.f_type != PROC_SUPER_MAGIC || root.st_ino != 1) /* its root, not one of its directories */
		return -EXDEV;
	return take_fd(&proc_fd);
}
