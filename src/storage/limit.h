#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct spec;

/* Limits of the disk space and of the number of files of a root file system. Root of the first user namespace alone. */

enum limit_kind {
	LIMIT_NONE,    /* the file system can not */
	LIMIT_PROJECT, /* project quota of ext4 or XFS */
	LIMIT_GROUP,   /* quota group of btrfs: bytes alone */
	LIMIT_DATASET, /* quota of a ZFS dataset: bytes alone */
	LIMIT_IMAGE,   /* a file system of its own in a file: its size is the limit */
	LIMIT_VOLUME,  /* the same on a block device: whoever made it changes its size */
};

struct storage_usage {
	enum limit_kind kind;
	uint64_t bytes, bytes_limit, inodes, inodes_limit; /* limits: 0 for none; LIMIT_GROUP and LIMIT_DATASET count no inodes */
};

/* "project quota", "btrfs quota group", ... */
const char *storage_limit_name(enum limit_kind kind);

/*
 * store and path: of lxc.rootfs.path, store NULL: found by looking. mounted_fd: the root file system as the running
 * container has it, -1: it does not run; matters to an image alone.
 *
 * set: from now on; 0: no limit, UINT64_MAX: as it is. A limit below what is used lets nothing more be written. The first
 * time every file of a directory is visited. An image grows at any time, and shrinks while the container is stopped.
 * Killed in between, a second call completes it.
 */
int storage_limit_set(const char *store, const char *path, int mounted_fd, uint64_t bytes, uint64_t inodes,
	struct error *err);
int storage_limit_get(const char *store, const char *path, int mounted_fd, struct storage_usage *ret, struct error *err);
/* Before a destruction: what set has left in the file system's tables. 0 as well where there is nothing. */
int storage_limit_clear(const char *store, const char *path, struct error *err);

/*
 * What holds the limit against the container's own root: bits of enum spec_guard. No system call for a spec without a
 * limit; what can not be found out is assumed to be needed.
 */
uint32_t storage_limit_guard(const struct spec *spec);

/*
 * Device number of the root file system, if it is one of its own: image or block device, while it is mounted, or a
 * directory where a whole one is mounted. 0: not.
 */
uint64_t storage_own_device(const struct spec *spec);
