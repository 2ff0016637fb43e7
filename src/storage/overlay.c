/* An overlay's layers as one directory. */
#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/mount.h"
#include "spec/spec.h"
#include "storage/storage.h"
#include "storage/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The layers by fds: an option of the kernel's fsconfig(2) has at most 255 characters, and a path may have a comma. */
static int add_layer(FILE *out, const char *before, const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fprintf(out, "%s/proc/self/fd/%d", before, fd);
	return fd < 0 ? -errno : 0;
}

static int add_layers(FILE *out, char *layers, const char *upper, const char *work, bool is_user_xattr)
{
	const char *before = "lowerdir=";
	int r = 0;
	for (char *layer; r == 0 && (layer = strsep(&layers, ":")); before = ":")
		r = add_layer(out, before, layer);
	r = r ?: add_layer(out, ",upperdir=", upper);
	r = r ?: add_layer(out, ",workdir=", work);
	fprintf(out, "%s", is_user_xattr ? ",userxattr" : "");
	return r;
}

static void close_layers(const char *data)
{
	static const char mark[] = "/proc/self/fd/";
	for (const char *at = data; (at = strstr(at, mark));) {
		at += sizeof(mark) - 1;
		(void)close(atoi(at));
	}
}

/* LOWER[:LOWER2...]:UPPER, the work directory beside UPPER. */
static int open_overlay(const struct spec *spec, struct error *err)
{
	const char *path = spec->rootfs.path, *upper = strrchr(path, ':'), *slash = upper ? strrchr(upper, '/') : NULL;
	auto_free char *lower = NULL, *work = NULL, *data = NULL;
	char *options = NULL;
	size_t size;
	if (!slash)
		return error_set_kind(err, ERROR_CONFIG, EINVAL, "rootfs %s is not overlay:LOWER:UPPER", path);
	lower = strndup(path, (size_t)(upper++ - path));
	int r = lower ? text_format(&work, "%.*solwork", (int)(slash + 1 - upper), upper) : -ENOMEM;
	if (r == 0 && mkdir(work, 0755) < 0 && errno != EEXIST)
		r = -errno;
	FILE *out = r == 0 ? open_memstream(&options, &size) : NULL;
	if (out) {
		r = add_layers(out, lower, upper, work, spec->idmaps.count > 0); /* as its start does */
		if (fclose(out) != 0)
			r = -ENOMEM;
	}
	data = options ? strdup(options) : NULL; /* the mount changes it */
	if (r == 0 && data)
		r = mount_device_detached("overlay", "overlay", options, false);
	if (data)
		close_layers(data);
	free(options);
	return r < 0 ? error_set(err, r, "mount overlay %s", path) : r;
}

int storage_open_root(const struct spec *spec, struct error *err)
{
	const struct spec_rootfs *rootfs = &spec->rootfs;
	if (!rootfs->path)
		return error_set_kind(err, ERROR_CONFIG, EINVAL, "the container has no root file system");
	bool is_overlay = rootfs->store && text_starts(rootfs->store, "overlay");
	if (!is_overlay && !store_is_volume(rootfs)) {
		int fd = open(rootfs->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? error_set(err, errno, "open %s", rootfs->path) : fd;
	}
	auto_close int tree_fd = is_overlay ? open_overlay(spec, err) : store_open(rootfs, err);
	if (tree_fd < 0)
		return tree_fd;
	/* that one is only a place (O_PATH); with it the mount is let go, and stays until this one is closed */
	int fd = openat(tree_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "open the top of %s", rootfs->path) : fd;
}

int storage_attach(int tree_fd, const char *path)
{
	return mount_attach(tree_fd, AT_FDCWD, path);
}
