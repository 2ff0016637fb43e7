/* A subvolume of btrfs. Source: its path, LXCPATH/NAME/rootfs. */
#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/btrfs.h"
#include "storage/entries.h"
#include "storage/stores.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
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

static bool detect(const char *source)
{
	auto_close int fd = open_directory(source);
	return fd >= 0 && btrfs_is_subvolume(fd);
}

static int name(const struct store_request *request, char **ret)
{
	return text_format(ret, "%s/rootfs", request->directory);
}

static int create(const char *source, const struct store_request *request, struct error *err)
{
	const char *top;
	auto_close int parent_fd = open_parent(source, &top);
	if (parent_fd < 0)
		return error_set(err, parent_fd, "open what %s is in", source);
	if (!btrfs_is_btrfs(parent_fd))
		return error_set_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP, "%s is not on btrfs", request->directory);
	int r = btrfs_subvolume_create(parent_fd, top);
	if (r == 0 && fchmodat(parent_fd, top, 0755, 0) < 0) /* the umask is the caller's own affair */
		r = -errno;
	return r < 0 ? error_set(err, r, "make subvolume %s", source) : 0;
}

static int snapshot(const char *original, const char *source, const struct store_request *request, struct error *err)
{
	const char *top;
	auto_close int original_fd = open(original, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int parent_fd = original_fd < 0 ? -errno : open_parent(source, &top);
	(void)request;
	int r = parent_fd < 0 ? parent_fd : btrfs_subvolume_snapshot(original_fd, parent_fd, top, false);
	return r < 0 ? error_set(err, r, "make a snapshot of %s at %s", original, source) : 0;
}

static int destroy_at(int parent_fd, const char *name);

/* Subvolumes below the directory. */
static int destroy_below(int dir_fd)
{
	auto_closedir DIR *dir = entries_open(dir_fd);
	int r = dir ? 0 : -errno;
	for (struct dirent *entry; r == 0 && (entry = entries_next(dir));) {
		if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
			continue;
		auto_close int fd = openat(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			r = btrfs_is_subvolume(fd) ? destroy_at(dir_fd, entry->d_name) : destroy_below(fd);
	}
	return r;
}

static int destroy_at(int parent_fd, const char *name)
{
	int r = btrfs_subvolume_destroy(parent_fd, name);
	if (r != -ENOTEMPTY)
		return r;
	auto_close int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? -errno : destroy_below(fd);
	return r ?: btrfs_subvolume_destroy(parent_fd, name);
}

static int destroy(const char *source, struct error *err)
{
	const char *top;
	if (!detect(source))
		return 0;
	auto_close int parent_fd = open_parent(source, &top);
	int r = parent_fd < 0 ? parent_fd : destroy_at(parent_fd, top);
	return r < 0 && r != -ENOENT ? error_set(err, r, "remove subvolume %s", source) : 0;
}

const struct store store_btrfs = {
	.name = "btrfs",
	.is_directory = true,
	.detect = detect,
	.name_source = name,
	.exists = store_path_exists,
	.create = create,
	.snapshot = snapshot,
	.destroy = destroy,
};
