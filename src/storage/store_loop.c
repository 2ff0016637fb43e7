/* A file system in a file. Source: the file, LXCPATH/NAME/rootdev. */
#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/loop.h"
#include "storage/storage.h"
#include "storage/stores.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool detect(const char *source)
{
	struct stat info;
	return stat(source, &info) == 0 && S_ISREG(info.st_mode);
}

static int name(const struct store_request *request, char **ret)
{
	return text_format(ret, "%s/rootdev", request->directory);
}

static int destroy(const char *source, struct error *err)
{
	return unlink(source) < 0 && errno != ENOENT ? error_set(err, errno, "remove %s", source) : 0;
}

static int make_file(const char *source, uint64_t size, struct error *err)
{
	auto_close int fd = open(source, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, errno, "make %s", source);
	return ftruncate(fd, (off_t)size) < 0 ? error_set(err, errno, "make %s", source) : 0;
}

static int create(const char *source, const struct store_request *request, struct error *err)
{
	int r = make_file(source, request->size ?: STORE_SIZE_DEFAULT, err);
	r = r ?: store_make_file_system(request, source, err);
	if (r < 0)
		(void)unlink(source);
	return r;
}

/* The file's blocks are shared where its file system can do that; holes stay holes anywhere. */
static int snapshot(const char *original, const char *source, const struct store_request *request, struct error *err)
{
	(void)request;
	return storage_copy_file(original, source, err);
}

static int open_image(const char *source, const char *options, struct error *err)
{
	char device[LOOP_PATH_SIZE];
	bool is_read_only = store_wants_read_only(options);
	auto_close int file_fd = open(source, (is_read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (file_fd < 0)
		return error_set(err, errno, "open %s", source);
	auto_close int device_fd = loop_attach(file_fd, is_read_only, device);
	if (device_fd < 0)
		return error_set(err, device_fd, "open %s as a loop device", source);
	return store_open_device(device, options, is_read_only, err);
}

const struct store store_loop = {
	.name = "loop",
	.detect = detect,
	.name_source = name,
	.exists = store_path_exists,
	.create = create,
	.snapshot = snapshot,
	.destroy = destroy,
	.mount = open_image,
};
