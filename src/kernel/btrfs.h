#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Subvolumes and quota groups of btrfs by its ioctls. All return >= 0 or -errno; fds are of any file or directory of the
 * file system unless said otherwise. Linux 5.10, but for the simple quota (6.7).
 */

bool btrfs_is_btrfs(int fd);
/* Is it the top directory of a subvolume? */
bool btrfs_is_subvolume(int fd);

/* The block device of a file system that has only one. */
int btrfs_device(int fd, dev_t *ret_device);

/* Are both of one file system, in whatever subvolumes? */
bool btrfs_is_same(int fd, int other_fd);

/* ---- subvolumes; name: one component below parent_fd ---- */

/* -EEXIST, -ENAMETOOLONG. Without privilege, too, where the directory may be written. */
int btrfs_subvolume_create(int parent_fd, const char *name);
/* source_fd: the top of a subvolume. Those below it come out as empty directories. */
int btrfs_subvolume_snapshot(int source_fd, int parent_fd, const char *name, bool read_only);
/* -ENOTEMPTY: one below it; -EPERM without privilege, unless the file system is mounted with user_subvol_rm_allowed. */
int btrfs_subvolume_destroy(int parent_fd, const char *name);
int btrfs_subvolume_set_read_only(int fd, bool read_only);
/* Number of the subvolume that fd lies in. Without privilege, too. */
int btrfs_subvolume_id(int fd, uint64_t *ret_id);

/* The first subvolume with a number from from on that lies directly in subvolume parent. -ENOENT: no more. CAP_SYS_ADMIN. */
int btrfs_subvolume_next_child(int fd, uint64_t parent, uint64_t from, uint64_t *ret_id);

/* Everything written so far is on the disk, and counted. */
int btrfs_sync(int fd);

/* ---- quota; all need CAP_SYS_ADMIN of the first user namespace ---- */

enum btrfs_quota_mode {
	BTRFS_QUOTA_OFF,
	BTRFS_QUOTA_FULL, /* counts shared extents; a subvolume made inside of a limited one is in no group */
	BTRFS_QUOTA_SIMPLE, /* counts by who wrote an extent first, from the time it is on; those made inside join the groups */
};

/* enum btrfs_quota_mode */
int btrfs_quota_get_mode(int fd);
/* Turns the simple quota on, where the kernel has none (before 6.7) the full one; one that is on stays. Its mode. */
int btrfs_quota_enable(int fd);

/* Groups: level in the upper 16 bits; 0/ID counts subvolume ID. */
#define BTRFS_GROUP(level, id) ((uint64_t)(level) << 48 | (id))

/* 0 as well when it is there. */
int btrfs_group_create(int fd, uint64_t group);
/* With all that it has in it taken out. 0 as well when there is none. */
int btrfs_group_destroy(int fd, uint64_t group);
/* member's level must be below group's. 0 as well when it is in it. */
int btrfs_group_add(int fd, uint64_t member, uint64_t group);
/* bytes 0: no limit. */
int btrfs_group_set_limit(int fd, uint64_t group, uint64_t bytes);
/* As of the last commit: btrfs_sync before. *ret_limit 0: none. -ENOENT: no such group. */
int btrfs_group_read(int fd, uint64_t group, uint64_t *ret_used, uint64_t *ret_limit);
