#include "kernel/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Others look for a free one too: between their answer and ours it may be gone. */
#define TRIES 64

static int open_device(int number, bool is_read_only, char device[LOOP_PATH_SIZE])
{
	(void)snprintf(device, LOOP_PATH_SIZE, "/dev/loop%d", number);
	int fd = open(device, (is_read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && mknod(device, S_IFBLK | 0600, makedev(7, (unsigned)number)) == 0) /* no udev */
		fd = open(device, (is_read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int loop_open(const char *path, bool is_read_only, char device[LOOP_PATH_SIZE])
{
	auto_close int file_fd = open(path, (is_read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	auto_close int control_fd = file_fd < 0 ? -1 : open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = { .fd = (__u32)file_fd,
		.info = { .lo_flags = LO_FLAGS_AUTOCLEAR | (is_read_only ? LO_FLAGS_READ_ONLY : 0) } };

	if (control_fd < 0)
		return -errno;
	(void)snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", path);
	for (int i = 0; i < TRIES; i++) {
		int number = ioctl(control_fd, LOOP_CTL_GET_FREE);
		if (number < 0)
			return -errno;
		auto_close int fd = open_device(number, is_read_only, device);
		if (fd < 0)
			return fd;
		if (ioctl(fd, LOOP_CONFIGURE, &config) == 0)
			return take_fd(&fd);
		if (errno != EBUSY)
			return -errno;
	}
	return -EBUSY;
}
