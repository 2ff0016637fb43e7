/* linux/loop.h, loop(4). LOOP_CONFIGURE: Linux 5.8. */
#include "kernel/loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"

#define TRIES 64 /* another may take the device that was free */

static int open_device(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The device node, made where neither udev nor devtmpfs does. */
static int open_number(long number, int flags, char path[LOOP_PATH_SIZE])
{
	snprintf(path, LOOP_PATH_SIZE, "/dev/loop%ld", number);
	int fd = open_device(path, flags);
	if (fd != -ENOENT)
		return fd;
	if (mknod(path, S_IFBLK | 0660, makedev(7, (unsigned)number)) < 0 && errno != EEXIST)
		return -errno;
	return open_device(path, flags);
}

static int configure(int device_fd, int image_fd, uint32_t flags)
{
	struct loop_config config = { .fd = (uint32_t)image_fd, .info.lo_flags = flags };
	char link[40];

	/* the name is only shown: losetup */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", image_fd);
	ssize_t length = readlink(link, (char *)config.info.lo_file_name, LO_NAME_SIZE - 1);
	if (length < 0)
		*config.info.lo_file_name = '\0';
	return ioctl(device_fd, LOOP_CONFIGURE, &config) < 0 ? -errno : 0;
}

int loop_attach(int image_fd, bool read_only, char ret_path[LOOP_PATH_SIZE])
{
	uint32_t flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0U);
	auto_close int control_fd = open_device("/dev/loop-control", O_RDWR);

	if (control_fd < 0)
		return control_fd;
	for (int i = 0; i < TRIES; i++) {
		long number = ioctl(control_fd, LOOP_CTL_GET_FREE);
		if (number < 0)
			return -errno;
		auto_close int fd = open_number(number, read_only ? O_RDONLY : O_RDWR, ret_path);
		if (fd == -EBUSY || fd == -ENXIO)
			continue;
		if (fd < 0)
			return fd;
		int r = configure(fd, image_fd, flags | LO_FLAGS_DIRECT_IO);
		if (r == -EINVAL)
			r = configure(fd, image_fd, flags);
		if (r == 0)
			return take_fd(&fd);
		if (r != -EBUSY)
			return r;
	}
	return -EBUSY;
}

/* 0: it is; -ENOENT: another's or nobody's. */
static int has_file(int device_fd, const struct stat *image)
{
	struct loop_info64 info;

	if (ioctl(device_fd, LOOP_GET_STATUS64, &info) < 0)
		return -ENOENT;
	return info.lo_device == (uint64_t)image->st_dev && info.lo_inode == image->st_ino ? 0 : -ENOENT;
}

int loop_find(int image_fd, char ret_path[LOOP_PATH_SIZE])
{
	struct stat image;
	auto_closedir DIR *devices = opendir("/sys/block");

	if (!devices || fstat(image_fd, &image) < 0)
		return -errno;
	for (struct dirent *entry; (entry = readdir(devices));) {
		char *end, path[LOOP_PATH_SIZE];
		if (strncmp(entry->d_name, "loop", 4) != 0)
			continue;
		long number = strtol(entry->d_name + 4, &end, 10);
		if (*end || end == entry->d_name + 4 || number < 0 || number > 1048575)
			continue;
		auto_close int fd = open_number(number, O_RDONLY, path);
		if (fd >= 0 && has_file(fd, &image) == 0) {
			memcpy(ret_path, path, LOOP_PATH_SIZE);
			return take_fd(&fd);
		}
	}
	return -ENOENT;
}

int loop_update_size(int device_fd)
{
	return ioctl(device_fd, LOOP_SET_CAPACITY) < 0 ? -errno : 0;
}
