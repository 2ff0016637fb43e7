/* A ZFS dataset. Source: POOL/.../NAME. zfs(8). */
#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/mount.h"
#include "spec/mount_options.h"
#include "storage/stores.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

static bool exists(const char *dataset)
{
	return store_run(NULL, "zfs", "list", "-H", "-o", "name", dataset, NULL) == 0;
}

static int name(const struct store_request *request, char **ret)
{
	if (request->beside)
		return store_name_beside(request, ret);
	return text_format(ret, "%s/%s", request->zfs_root ?: "lxc", request->name);
}

/* Nobody but the engine mounts it. */
static int create(const char *source, const struct store_request *request, struct error *err)
{
	(void)request;
	return store_run(err, "zfs", "create", "-p", "-o", "mountpoint=legacy", source, NULL);
}

static int snapshot(const char *original, const char *source, const struct store_request *request, struct error *err)
{
	auto_free char *point = NULL;
	if (text_format(&point, "%s@%s", original, request->name) < 0)
		return error_set(err, ENOMEM, "copy dataset %s", original);
	int r = store_run(err, "zfs", "snapshot", point, NULL);
	if (r < 0)
		return r;
	r = store_run(err, "zfs", "clone", "-o", "mountpoint=legacy", point, source, NULL);
	if (r < 0)
		(void)store_run(NULL, "zfs", "destroy", point, NULL);
	return r;
}

static bool needs_original(const char *source)
{
	(void)source;
	return true;
}

/* With the point of its original that it was cloned from, which nobody else has. */
static int destroy(const char *source, struct error *err)
{
	auto_free char *origin = NULL;
	if (!exists(source))
		return 0;
	int r = store_run_output(&origin, err, "zfs", "get", "-H", "-o", "value", "origin", source, NULL);
	r = r ?: store_run(err, "zfs", "destroy", "-r", source, NULL);
	if (r == 0 && strchr(origin, '@'))
		(void)store_run(NULL, "zfs", "destroy", origin, NULL); /* another clone of it may be left */
	return r;
}

static int open_dataset(const char *source, const char *options, struct error *err)
{
	struct root_options parsed = { 0 };
	int r = root_options_parse(options, &parsed);
	r = r ?: mount_device_detached("zfs", source, parsed.data, parsed.flags.set & MS_RDONLY);
	return r < 0 ? error_set(err, r, "mount dataset %s", source) : r;
}

const struct store store_zfs = {
	.name = "zfs",
	.name_source = name,
	.exists = exists,
	.create = create,
	.snapshot = snapshot,
	.needs_original = needs_original,
	.destroy = destroy,
	.mount = open_dataset,
};
