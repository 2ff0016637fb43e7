/*
 * Size of an image. It grows while it is mounted or not, and shrinks only unmounted: then ext4 by resize2fs
 * (resize_ext.c), btrfs by the kernel, XFS never.
 */
#include "storage/limit_internal.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/btrfs.h"
#include "kernel/fs_resize.h"
#include "kernel/loop.h"
#include "kernel/mount.h"
#include "kernel/superblock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int image_error(const char *path, int r, const char *act, struct error *err)
{
	return error_set(err, r, "%s image %s", act, path);
}

/* By the kernel, in a mount that nobody else sees. */
static int resize_detached(int image_fd, const char *type, uint64_t bytes)
{
	char device[LOOP_PATH_SIZE];
	auto_close int device_fd = loop_attach(image_fd, false, device);

	if (device_fd < 0)
		return device_fd;
	auto_close int mount_fd = mount_device_detached(type, device, NULL, false);
	if (mount_fd < 0)
		return mount_fd;
	auto_close int root_fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0 ? -errno : fs_resize(root_fd, bytes);
}

/* The file has the size already when it grows, and gets it afterwards when it shrinks. */
static int resize_unmounted(const char *path, int image_fd, uint64_t before, uint64_t bytes, struct error *err)
{
	const char *type = superblock_type(image_fd);
	bool is_ext = text_equal(type, "ext4"), is_xfs = text_equal(type, "xfs");

	if (is_ext && bytes < before)
		return image_resize_ext(path, image_fd, bytes, err);
	int r = type && (is_ext || is_xfs || text_equal(type, "btrfs")) ? resize_detached(image_fd, type, bytes) : -ENOTSUP;
	if (is_ext && r < 0) /* not allowed, or not in this ext4 */
		return image_resize_ext(path, image_fd, bytes, err);
	if (r == -ENOTSUP && is_xfs)
		return error_set_kind(err, ERROR_UNSUPPORTED, r, "XFS in image %s can not shrink", path);
	return r < 0 ? image_error(path, r, "resize the file system in", err) : 0;
}

/* What was added is taken off again when the file system can not use it. */
static int grow(const char *path, int image_fd, int device_fd, int mounted_fd, uint64_t before, uint64_t bytes,
	struct error *err)
{
	struct stat st;

	if (fstat(image_fd, &st) < 0 || ftruncate(image_fd, (off_t)bytes) < 0)
		return image_error(path, errno, "extend", err);
	int r = 0;
	if (device_fd < 0)
		r = resize_unmounted(path, image_fd, before, bytes, err);
	else if ((r = loop_update_size(device_fd)) < 0 || (r = fs_resize(mounted_fd, bytes)) < 0)
		(void)image_error(path, r, "grow the file system in", err);
	if (r < 0 && (st.st_size == (off_t)before)) {
		(void)ftruncate(image_fd, (off_t)before); /* nothing is lost by a larger file */
		if (device_fd >= 0)
			(void)loop_update_size(device_fd);
	}
	if (r == -EPERM && device_fd >= 0)
		error_hint(err, "ext4 asks for CAP_SYS_RESOURCE; without it, stop the container first");
	return r;
}

static int shrink(const char *path, int image_fd, uint64_t before, uint64_t bytes, struct error *err)
{
	int r = resize_unmounted(path, image_fd, before, bytes, err);

	if (r < 0)
		return r;
	return ftruncate(image_fd, (off_t)bytes) < 0 ? image_error(path, errno, "cut", err) : 0;
}

/* Is it the root of what is on the device? A container may have entered another file system. */
static bool is_mount_of(int mounted_fd, int device_fd)
{
	struct stat device, mounted;

	if (mounted_fd < 0 || fstat(device_fd, &device) < 0 || fstat(mounted_fd, &mounted) < 0)
		return false;
	dev_t found = mounted.st_dev;
	if (btrfs_is_btrfs(mounted_fd) && btrfs_device(mounted_fd, &found) < 0)
		return false;
	return found == device.st_rdev;
}

/*
 * Did somebody who was to grow it die when the file had its size and the file system not? What is less than a last group of ext4
 * needs for its own tables is left unused, and says nothing.
 */
static bool is_half_grown(int image_fd, uint64_t bytes)
{
	uint64_t used = superblock_bytes(image_fd);

	return used && used + (8 << 20) < bytes;
}

int image_set_size(const char *path, int mounted_fd, uint64_t bytes, struct error *err)
{
	struct stat st;
	char device[LOOP_PATH_SIZE];
	auto_close int image_fd = open(path, O_RDWR | O_CLOEXEC);

	if (image_fd < 0 || fstat(image_fd, &st) < 0)
		return image_error(path, errno, "open", err);
	if (bytes == 0) {
		(void)error_set_kind(err, ERROR_CONFIG, EINVAL, "image %s always has a size", path);
		return error_hint(err, "give one, as 10G");
	}
	bytes = (bytes + 4095) / 4096 * 4096;
	uint64_t before = (uint64_t)st.st_size;
	if (bytes == before && !is_half_grown(image_fd, bytes))
		return 0;
	auto_close int device_fd = loop_find(image_fd, device);
	if (bytes == before && device_fd >= 0)
		return 0; /* mounted: the superblock in the file need not be the newest */
	if (device_fd < 0 && device_fd != -ENOENT)
		return image_error(path, device_fd, "find the loop device of", err);
	if (device_fd >= 0 && bytes < before) {
		(void)error_set_kind(err, ERROR_BUSY, EBUSY, "image %s can not shrink while it is mounted", path);
		return error_hint(err, "stop the container first");
	}
	if (device_fd >= 0 && !is_mount_of(mounted_fd, device_fd))
		return error_set_kind(err, ERROR_BUSY, EBUSY, "image %s is in use on %s", path, device);
	return bytes >= before ? grow(path, image_fd, device_fd, mounted_fd, before, bytes, err) :
				shrink(path, image_fd, before, bytes, err);
}

int image_get(const char *path, int mounted_fd, struct storage_usage *ret, struct error *err)
{
	struct stat st;
	struct statvfs fs;

	if (stat(path, &st) < 0)
		return image_error(path, errno, "look at", err);
	ret->bytes_limit = (uint64_t)st.st_size;
	ret->bytes = (uint64_t)st.st_blocks * 512; /* of the disk; an upper bound of what is in it */
	if (mounted_fd < 0)
		return 0;
	if (fstatvfs(mounted_fd, &fs) < 0)
		return image_error(path, errno, "look into", err);
	ret->bytes = (fs.f_blocks - fs.f_bfree) * fs.f_frsize;
	ret->inodes = fs.f_files - fs.f_ffree;
	ret->inodes_limit = fs.f_files;
	return 0;
}
