/* Disk limits of a container, from its start on and while it runs. */
#include "engine/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "engine/running.h"
#include "engine/start.h"
#include "storage/limit.h"

#define UNCHANGED UINT64_MAX

/* To shrink an image takes long, and can fail: not at a start. */
static bool is_too_large(const struct spec_rootfs *rootfs)
{
	struct storage_usage usage = { 0 };

	return rootfs->size_limit && storage_limit_get(rootfs->store, rootfs->path, -1, &usage, NULL) == 0 &&
	       usage.kind >= LIMIT_IMAGE && usage.bytes_limit > rootfs->size_limit;
}

bool disk_is_limited(const struct start *start)
{
	return spec_has_disk_limit(start->spec) || spec_serves_quota(start->spec);
}

/* Quotas of a file system that is the host's, too, are the host's. */
static int check_quota(const struct spec *spec, struct error *err)
{
	struct stat st;

	if (!spec_serves_quota(spec) || storage_own_device(spec) ||
		(stat(spec->rootfs.path, &st) == 0 && S_ISREG(st.st_mode)))
		return 0;
	(void)spec_error(err, ENOTSUP, spec, &spec->rootfs.limit_origin, "rootfs %s is no file system of its own",
		spec->rootfs.path);
	return error_hint(err, "make an image: lxc-create -B loop");
}

int disk_limit_start(struct start *start, struct error *err)
{
	struct spec_rootfs *rootfs = &start->spec->rootfs;
	uint64_t bytes = rootfs->size_limit ? rootfs->size_limit : UNCHANGED;
	struct error warning = { 0 };

	int r = check_quota(start->spec, err);
	if (r < 0 || !spec_has_disk_limit(start->spec))
		return r;
	if (is_too_large(rootfs)) {
		(void)spec_error(&warning, 0, start->spec, &rootfs->limit_origin, "rootfs %s is larger than that", rootfs->path);
		error_hint(&warning, "lxc-disk --size shrinks it while the container is stopped");
		start_warn(start, &warning);
		bytes = UNCHANGED;
	}
	r = storage_limit_set(rootfs->store, rootfs->path, -1, bytes,
		rootfs->inode_limit ? rootfs->inode_limit : UNCHANGED, err);
	if (r == 0)
		rootfs->limit_guard = storage_limit_guard(start->spec);
	return r;
}

/* The root of a running container, or -1. *ret_guard: what it runs with, of those that its rootfs needs now. */
static int open_running(const struct container_id *id, const struct spec *spec, bool *ret_is_guarded)
{
	struct running running = { .dir.fd = -1, .init_pidfd = -1 };
	char path[40];
	int fd = -1;

	*ret_is_guarded = true;
	if (container_load(id, RUNNING_SPEC, &running, NULL) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/root", running.init_pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*ret_is_guarded = spec_has_disk_limit(running.spec) || storage_limit_guard(spec) == 0;
	running_clear(&running);
	return fd;
}

int engine_disk_get(const struct container_id *id, const struct spec *spec, struct storage_usage *ret, struct error *err)
{
	bool is_guarded;
	auto_close int fd = open_running(id, spec, &is_guarded);

	return storage_limit_get(spec->rootfs.store, spec->rootfs.path, fd, ret, err);
}

int engine_disk_set(const struct container_id *id, const struct spec *spec, uint64_t bytes, uint64_t inodes,
	struct error *err)
{
	bool is_guarded;
	auto_close int fd = open_running(id, spec, &is_guarded);
	int r = storage_limit_set(spec->rootfs.store, spec->rootfs.path, fd, bytes, inodes, err);

	return r < 0 ? r : is_guarded ? 0 : 1;
}
