#include "kernel/btrfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

/* The number of a subvolume's top: BTRFS_FIRST_FREE_OBJECTID of linux/btrfs_tree.h. */
#define TOP_INODE 256

bool btrfs_is(const char *path)
{
	struct statfs info;

	return statfs(path, &info) == 0 && info.f_type == BTRFS_SUPER_MAGIC;
}

bool btrfs_is_subvolume(const char *path)
{
	struct stat info;

	return lstat(path, &info) == 0 && S_ISDIR(info.st_mode) && info.st_ino == TOP_INODE && btrfs_is(path);
}

/* The directory that path is in, opened; its last component in *ret_name. */
static int open_parent(const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");

	*ret_name = slash ? slash + 1 : path;
	int fd = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return fd < 0 ? -errno : fd;
}

/* fd: of the original of a snapshot. */
static int call(unsigned long request, const char *path, int fd)
{
	struct btrfs_ioctl_vol_args_v2 arguments = { .fd = fd };
	const char *name;
	auto_close int parent_fd = open_parent(path, &name);

	if (parent_fd < 0)
		return parent_fd;
	if (!*name || strlen(name) > BTRFS_SUBVOL_NAME_MAX)
		return -EINVAL;
	memcpy(arguments.name, name, strlen(name) + 1);
	return ioctl(parent_fd, request, &arguments) < 0 ? -errno : 0;
}

int btrfs_create_subvolume(const char *path)
{
	return call(BTRFS_IOC_SUBVOL_CREATE_V2, path, 0);
}

int btrfs_snapshot(const char *original, const char *path)
{
	auto_close int fd = open(original, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : call(BTRFS_IOC_SNAP_CREATE_V2, path, fd);
}

static int destroy_one(int parent_fd, const char *name)
{
	struct btrfs_ioctl_vol_args arguments = { 0 };

	if (strlen(name) > BTRFS_PATH_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(arguments.name, name, strlen(name) + 1);
	return ioctl(parent_fd, BTRFS_IOC_SNAP_DESTROY, &arguments) < 0 ? -errno : 0;
}

static bool has_other_device(const struct stat *info, dev_t device)
{
	return info->st_dev != device && info->st_ino == TOP_INODE;
}

/* Those below: only directories of theirs are of another device and have the number of a top. */
static int destroy_below(int dir_fd, dev_t device)
{
	auto_close int own_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *dir = own_fd < 0 ? NULL : fdopendir(own_fd);
	int r = 0;

	if (!dir)
		return -errno;
	own_fd = -1; /* dir's */
	for (struct dirent *entry; r == 0 && (entry = readdir(dir));) {
		struct stat info;
		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		auto_close int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &info) < 0)
			continue;
		r = destroy_below(fd, info.st_dev);
		if (r == 0 && has_other_device(&info, device))
			r = destroy_one(dirfd(dir), entry->d_name);
	}
	return r;
}

int btrfs_destroy_subvolume(const char *path)
{
	const char *name;
	struct stat info;
	auto_close int parent_fd = open_parent(path, &name);

	if (parent_fd < 0)
		return parent_fd;
	int r = destroy_one(parent_fd, name);
	if (r != -ENOTEMPTY)
		return r;
	auto_close int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) < 0)
		return -errno;
	r = destroy_below(fd, info.st_dev);
	return r ?: destroy_one(parent_fd, name);
}
