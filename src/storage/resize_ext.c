/*
 * ext4 in an image, by e2fsck and resize2fs, which change it in place and leave it broken when they are killed: they work on
 * a copy, which has no name until it is right and then takes the image's place.
 */
#include "storage/limit_internal.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/loop.h"
#include "storage/storage.h"
#include "storage/stores.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct successor {
	char *path; /* the image, without links */
	char *name; /* of the copy, beside it */
	int fd;
	bool is_unnamed;
};

static int open_successor(const char *path, struct successor *ret)
{
	auto_free char *directory = NULL;

	ret->path = realpath(path, NULL);
	if (!ret->path)
		return -errno;
	int length = (int)(strrchr(ret->path, '/') + 1 - ret->path);
	if (text_format(&ret->name, "%s.resize", ret->path) < 0 || text_format(&directory, "%.*s", length, ret->path) < 0)
		return -ENOMEM;
	(void)unlink(ret->name); /* of one that was killed */
	ret->fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	ret->is_unnamed = ret->fd >= 0;
	if (ret->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) /* NFS, overlay before 6.1 */
		ret->fd = open(ret->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return ret->fd < 0 ? -errno : 0;
}

static void close_successor(struct successor *successor)
{
	if (successor->fd >= 0 && !successor->is_unnamed)
		(void)unlink(successor->name);
	close_fd(&successor->fd);
	free(successor->path);
	free(successor->name);
}

static int run_programs(const struct successor *successor, uint64_t bytes, struct error *err)
{
	char file[48], size[32];

	snprintf(file, sizeof(file), "/proc/%d/fd/%d", getpid(), successor->fd);
	snprintf(size, sizeof(size), "%" PRIu64 "K", bytes / 1024);
	int r = store_run_status(1, err, "e2fsck", "-f", "-p", file, NULL); /* 1: something was mended */
	return r ?: store_run(err, "resize2fs", file, size, NULL);
}

/* A container that has started from the image meanwhile keeps it. */
static int take_place(struct successor *successor, int image_fd)
{
	char link[48], device[LOOP_PATH_SIZE];
	auto_close int device_fd = loop_find(image_fd, device);

	if (device_fd != -ENOENT)
		return device_fd < 0 ? device_fd : -EBUSY;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", successor->fd);
	if (successor->is_unnamed && linkat(AT_FDCWD, link, AT_FDCWD, successor->name, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	successor->is_unnamed = rename(successor->name, successor->path) == 0; /* no name of its own any more */
	return successor->is_unnamed ? 0 : -errno;
}

int image_resize_ext(const char *path, int image_fd, uint64_t bytes, struct error *err)
{
	struct successor successor = { .fd = -1 };
	int r = open_successor(path, &successor);

	if (r < 0)
		r = error_set(err, r, "make a copy of image %s", path);
	else if ((r = storage_copy_content(image_fd, successor.fd)) < 0)
		(void)error_set(err, r, "copy image %s, which is resized as a copy", path);
	r = r ?: run_programs(&successor, bytes, err);
	if (r == 0) {
		if (ftruncate(successor.fd, (off_t)bytes) < 0 || fsync(successor.fd) < 0)
			r = -errno;
		r = r ?: take_place(&successor, image_fd);
		if (r < 0)
			(void)error_set(err, r, "replace image %s", path);
	}
	close_successor(&successor);
	return r;
}
