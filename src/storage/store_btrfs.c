/* A subvolume of btrfs. Source: its path, LXCPATH/NAME/rootfs. */
#include "kernel/btrfs.h"

#include "base/text.h"
#include "storage/stores.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static int name(const struct store_request *request, char **ret)
{
	return text_format(ret, "%s/rootfs", request->directory);
}

static bool exists(const char *source)
{
	return access(source, F_OK) == 0;
}

static int create(const char *source, const struct store_request *request, struct error *err)
{
	if (!btrfs_is(request->directory))
		return error_set_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP, "%s is not on btrfs", request->directory);
	int r = btrfs_create_subvolume(source);
	if (r == 0 && chmod(source, 0755) < 0) /* the umask is the caller's own affair */
		r = -errno;
	return r < 0 ? error_set(err, r, "make subvolume %s", source) : 0;
}

static int snapshot(const char *original, const char *source, const struct store_request *request, struct error *err)
{
	(void)request;
	int r = btrfs_snapshot(original, source);
	return r < 0 ? error_set(err, r, "make a snapshot of %s at %s", original, source) : 0;
}

static int destroy(const char *source, struct error *err)
{
	int r = btrfs_is_subvolume(source) ? btrfs_destroy_subvolume(source) : 0;
	return r < 0 && r != -ENOENT ? error_set(err, r, "remove subvolume %s", source) : 0;
}

const struct store store_btrfs = {
	.name = "btrfs",
	.is_directory = true,
	.detect = btrfs_is_subvolume,
	.name_source = name,
	.exists = exists,
	.create = create,
	.snapshot = snapshot,
	.destroy = destroy,
};
