/*
 * A disk image that qemu-nbd(8) serves. Source: FILE[:PARTITION]. Those that are made here are qcow2, without partitions,
 * LXCPATH/NAME/rootdev.qcow2; any other is somebody else's, and stays when its container goes.
 */
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

#define OWN_NAME "rootdev.qcow2"

static bool has_partition(const char *source)
{
	const char *colon = strrchr(source, ':');
	return colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1);
}

/* malloc'ed; NULL: no memory. */
static char *file_of(const char *source)
{
	return strndup(source, has_partition(source) ? (size_t)(strrchr(source, ':') - source) : strlen(source));
}

/* ---- made, copied, removed ---- */

static int name(const struct store_request *request, char **ret)
{
	const char *beside = request->beside;
	return text_format(ret, "%s/" OWN_NAME "%s", request->directory, beside && has_partition(beside) ? strrchr(beside, ':') : "");
}

static bool exists(const char *source)
{
	auto_free char *file = file_of(source);
	return file && store_path_exists(file);
}

static bool is_own(const char *file)
{
	const char *slash = strrchr(file, '/');
	return slash && strcmp(slash + 1, OWN_NAME) == 0;
}

static int destroy(const char *source, struct error *err)
{
	auto_free char *file = file_of(source), *raw = NULL;
	if (!file || text_format(&raw, "%s.raw", file) < 0)
		return error_set(err, ENOMEM, "remove %s", source);
	if (!is_own(file))
		return 0;
	(void)unlink(raw); /* of a creation that was killed */
	return unlink(file) < 0 && errno != ENOENT ? error_set(err, errno, "remove %s", file) : 0;
}

static int make_raw(const char *raw, const struct store_request *request, struct error *err)
{
	auto_close int fd = open(raw, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)(request->size ?: STORE_SIZE_DEFAULT)) < 0)
		return error_set(err, errno, "make %s", raw);
	return store_make_file_system(request, raw, err);
}

static int convert(const char *original, const char *format, const char *file, struct error *err)
{
	return format ? store_run(err, "qemu-img", "convert", "-q", "-f", format, "-O", "qcow2", original, file, NULL) :
			store_run(err, "qemu-img", "convert", "-q", "-O", "qcow2", original, file, NULL);
}

/* The file system is made without a device, and moved into the image: holes take no time. */
static int create(const char *source, const struct store_request *request, struct error *err)
{
	auto_free char *raw = NULL;
	if (text_format(&raw, "%s.raw", source) < 0)
		return error_set(err, ENOMEM, "make %s", source);
	int r = make_raw(raw, request, err);
	r = r ?: convert(raw, "raw", source, err);
	(void)unlink(raw);
	if (r < 0)
		(void)unlink(source);
	return r;
}

/* A whole copy: an original that has a backing file, found by a relative name, is one without. */
static int snapshot(const char *original, const char *source, const struct store_request *request, struct error *err)
{
	auto_free char *from = file_of(original), *to = file_of(source);
	(void)request;
	if (!from || !to)
		return error_set(err, ENOMEM, "copy %s", original);
	int r = convert(from, NULL, to, err);
	if (r < 0)
		(void)unlink(to);
	return r;
}

/* ---- mounted ---- */

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
	/* the server before may still be on its way out, and hold the image's lock */
	int tries = access(file, F_OK) == 0 ? 30 : 1;
	while ((r = store_run(tries > 1 ? NULL : err, "qemu-nbd", "--fork", option, file, NULL)) < 0 && --tries > 0)
		usleep(100000);
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
	const char *partition = has_partition(source) ? strrchr(source, ':') + 1 : NULL;
	auto_free char *file = file_of(source), *path = NULL;
	if (!file || !mkdtemp(directory))
		return error_set(err, errno, "serve %s", source);
	int r = serve(file, directory, device, err);
	(void)rmdir(directory);
	if (r < 0)
		return r;
	auto_close int device_fd = open_soon(device); /* held until it is mounted: it would go with the partition's */
	if (text_format(&path, "%s%s%s", device, partition ? "p" : "", partition ?: "") < 0)
		return error_set(err, ENOMEM, "open %s", device);
	auto_close int fd = open_soon(path);
	if (fd < 0) {
		(void)error_set(err, fd, "open %s of %s", path, file);
		return partition ? error_hint(err, "modprobe nbd max_part=16") : fd;
	}
	return store_open_device(path, options, store_wants_read_only(options), err);
}

const struct store store_nbd = {
	.name = "nbd",
	.name_source = name,
	.exists = exists,
	.create = create,
	.snapshot = snapshot,
	.destroy = destroy,
	.mount = open_image,
};
