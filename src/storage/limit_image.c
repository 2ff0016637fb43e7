/*
 * Size of an image. It grows while it is mounted or not, and shrinks only unmounted: then ext4 by e2fsck and resize2fs, the
 * only ones that can, btrfs by the kernel, XFS never.
 */
#include "storage/limit_internal.h"

#include "base/cleanup.h"
#include "base/talk.h"
#include "kernel/btrfs.h"
#include "kernel/fs_resize.h"
#include "kernel/loop.h"
#include "kernel/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

extern char **environ;

static int image_error(const char *path, int r, const char *act, struct error *err)
{
	return error_set(err, r, "%s image %s", act, path);
}

/* A program of e2fsprogs on path; statuses up to max_status are good. */
static int run_program(const char *const argv[], const char *path, int max_status, struct error *err)
{
	struct talk talk;
	char line[200] = "";
	int r = talk_open(&talk);

	if (r == 0)
		r = talk_run(&talk, (char *const *)(uintptr_t)argv, environ);
	if (r > max_status)
		talk_line(&talk, 2, line, sizeof(line));
	talk_close(&talk);
	if (r < 0) {
		r = error_set(err, r, "run %s on %s", argv[0], path);
		return r == -ENOENT ? error_hint(err, "install e2fsprogs") : r;
	}
	return r <= max_status ? 0 : error_set(err, EIO, "%s %s: %s", argv[0], path, line);
}

static int resize_ext(const char *path, uint64_t bytes, struct error *err)
{
	char size[32];
	const char *check[] = { "e2fsck", "-f", "-p", path, NULL };
	const char *resize[] = { "resize2fs", path, size, NULL };

	(void)snprintf(size, sizeof(size), "%" PRIu64 "K", bytes / 1024);
	int r = run_program(check, path, 1, err);
	return r ?: run_program(resize, path, 0, err);
}

/* By the kernel, in a mount that nobody else sees. */
static int resize_detached(int image_fd, enum fs_type type, uint64_t bytes)
{
	char device[LOOP_PATH_SIZE];
	auto_close int device_fd = loop_attach(image_fd, false, device);

	if (device_fd < 0)
		return device_fd;
	auto_close int mount_fd = mount_device_detached(type == FS_XFS ? "xfs" : "btrfs", device, NULL, false);
	if (mount_fd < 0)
		return mount_fd;
	auto_close int root_fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0 ? -errno : fs_resize(root_fd, bytes);
}

static int resize_unmounted(const char *path, int image_fd, uint64_t bytes, struct error *err)
{
	int type = fs_probe(image_fd);

	if (type == FS_EXT)
		return resize_ext(path, bytes, err);
	int r = type < 0 ? type : type == FS_UNKNOWN ? -ENOTSUP : resize_detached(image_fd, (enum fs_type)type, bytes);
	if (r == -ENOTSUP && type == FS_XFS)
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
		r = resize_unmounted(path, image_fd, bytes, err);
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

static int shrink(const char *path, int image_fd, uint64_t bytes, struct error *err)
{
	int r = resize_unmounted(path, image_fd, bytes, err);

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
	if (bytes == before)
		return 0;
	auto_close int device_fd = loop_find(image_fd, device);
	if (device_fd < 0 && device_fd != -ENOENT)
		return image_error(path, device_fd, "find the loop device of", err);
	if (device_fd >= 0 && bytes < before) {
		(void)error_set_kind(err, ERROR_BUSY, EBUSY, "image %s can not shrink while it is mounted", path);
		return error_hint(err, "stop the container first");
	}
	if (device_fd >= 0 && !is_mount_of(mounted_fd, device_fd))
		return error_set_kind(err, ERROR_BUSY, EBUSY, "image %s is in use on %s", path, device);
	return bytes > before ? grow(path, image_fd, device_fd, mounted_fd, before, bytes, err) :
				shrink(path, image_fd, bytes, err);
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
