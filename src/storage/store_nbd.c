/* A disk image that qemu-nbd(8) serves. Source: FILE[:PARTITION]. Such a container can be started, not made. */
#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/nbd.h"
#include "storage/stores.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Devices come up some time after they were asked for. */
static int open_soon(const char *path)
{
	for (int i = 0; i < 300; i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		usleep(10000);
	}
	return -errno;
}

/* The server forks when it listens, and ends with its first client: the kernel, when the device is let go. */
static int serve(const char *file, const char *directory, char device[NBD_PATH_SIZE], struct error *err)
{
	auto_free char *socket_path = NULL, *option = NULL;
	int r = text_format(&socket_path, "%s/socket", directory);
	r = r ?: text_format(&option, "--socket=%s", socket_path);
	if (r < 0)
		return error_set(err, r, "serve %s", file);
	r = store_run(err, "qemu-nbd", "--fork", option, file, NULL);
	if (r < 0)
		return r;
	r = nbd_connect(socket_path, device);
	(void)unlink(socket_path);
	if (r == -ENOENT) {
		(void)error_set_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP, "the kernel has no network block devices for %s", file);
		return error_hint(err, "modprobe nbd");
	}
	return r < 0 ? error_set(err, r, "make a device of %s", file) : 0;
}

static int open_image(const char *source, const char *options, struct error *err)
{
	char directory[] = "/run/wabe-nbd-XXXXXX", device[NBD_PATH_SIZE];
	const char *colon = strrchr(source, ':');
	bool has_partition = colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1);
	auto_free char *file = strndup(source, has_partition ? (size_t)(colon - source) : strlen(source)), *path = NULL;
	if (!file || !mkdtemp(directory))
		return error_set(err, errno, "serve %s", source);
	int r = serve(file, directory, device, err);
	(void)rmdir(directory);
	if (r < 0)
		return r;
	auto_close int device_fd = open_soon(device); /* held until it is mounted: it would go with the partition's */
	if (text_format(&path, "%s%s%s", device, has_partition ? "p" : "", has_partition ? colon + 1 : "") < 0)
		return error_set(err, ENOMEM, "open %s", device);
	auto_close int fd = open_soon(path);
	if (fd < 0) {
		(void)error_set(err, fd, "open %s of %s", path, file);
		return has_partition ? error_hint(err, "modprobe nbd max_part=16") : fd;
	}
	return store_open_device(path, options, store_wants_read_only(options), err);
}

const struct store store_nbd = { .name = "nbd", .mount = open_image };
