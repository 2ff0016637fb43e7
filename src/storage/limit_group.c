/*
 * Quota groups of btrfs. The subvolume's own group does not hold what is in subvolumes below it, so the limit is on a
 * group of level 1 around all of them: 1/ID, by the number of the uppermost. Simple quota (6.7) puts those that are made
 * later in by itself.
 */
#include "storage/limit_internal.h"

#include "base/cleanup.h"
#include "kernel/btrfs.h"

#include <errno.h>
#include <fcntl.h>

#define MAX_DEPTH 16

/* Those below it that are there already; a chain that is longer was made to be followed. */
static int add_all(int fd, uint64_t id, uint64_t group, int depth)
{
	uint64_t child = 0;
	int r = btrfs_group_add(fd, BTRFS_GROUP(0, id), group);

	if (depth == MAX_DEPTH)
		return -ELOOP;
	while (r == 0 && btrfs_subvolume_next_child(fd, id, child, &child) == 0)
		r = add_all(fd, child++, group, depth + 1);
	return r;
}

/* Every change takes some space of the subvolume that it is asked for in: one that is full could not get a larger limit. */
static int open_outside(int fd)
{
	int parent_fd = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (parent_fd >= 0 && !btrfs_is_same(fd, parent_fd))
		close_fd(&parent_fd);
	return parent_fd >= 0 ? parent_fd : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int group_set(const char *path, int fd, uint64_t bytes, struct error *err)
{
	uint64_t id, group;
	auto_close int outer_fd = open_outside(fd);
	int r = outer_fd < 0 ? -errno : btrfs_subvolume_id(fd, &id);

	if (r == 0)
		r = btrfs_quota_enable(outer_fd);
	if (r < 0)
		return error_set(err, r, "turn quota on for the btrfs of %s", path);
	group = BTRFS_GROUP(1, id);
	r = btrfs_group_create(outer_fd, group);
	r = r ?: btrfs_group_set_limit(outer_fd, group, bytes);
	r = r ?: add_all(outer_fd, id, group, 0);
	return r < 0 ? error_set(err, r, "limit %s by quota group 1/%llu", path, (unsigned long long)id) : 0;
}

int group_clear(const char *path, int fd, struct error *err)
{
	uint64_t id;
	auto_close int outer_fd = open_outside(fd);
	int r = outer_fd < 0 ? -errno : btrfs_subvolume_id(fd, &id);

	if (r == 0 && btrfs_quota_get_mode(fd) > BTRFS_QUOTA_OFF)
		r = btrfs_group_destroy(outer_fd, BTRFS_GROUP(1, id));
	return r < 0 ? error_set(err, r, "remove the quota group of %s", path) : 0;
}

int group_get(const char *path, int fd, struct storage_usage *ret, struct error *err)
{
	uint64_t id;
	int r = btrfs_subvolume_id(fd, &id);

	r = r ?: btrfs_sync(fd);
	if (r == 0)
		r = btrfs_group_read(fd, BTRFS_GROUP(1, id), &ret->bytes, &ret->bytes_limit);
	if (r == -ENOENT) /* nobody has limited it */
		r = btrfs_group_read(fd, BTRFS_GROUP(0, id), &ret->bytes, &ret->bytes_limit);
	if (r == -ENOENT)
		return error_set_kind(err, ERROR_NOT_FOUND, ENODATA, "the btrfs of %s counts nothing: quota is off", path);
	return r < 0 ? error_set(err, r, "read the quota group of %s", path) : 0;
}
