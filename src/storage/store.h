#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct spec_rootfs;

/*
 * Backing stores: how a root file system lies on the disk. Each has a file of this folder and a row of the table in
 * store.c. A source is what lxc.rootfs.path says behind "STORE:".
 */

/* What a new root file system is to be; a store looks at its own fields only. NULL and 0: its default. */
struct store_request {
	const char *directory; /* of the container: for what lies in files */
	const char *name;      /* of the container: for what is a volume */
	const char *beside; /* a source of the same store: the new one goes into the same group, pool or parent */
	const char *fstype;
	uint64_t size; /* bytes */
	const char *volume_group, *volume, *thin_pool; /* lvm */
	bool is_pool_default; /* nobody asked for the thin pool: without it the volume is an ordinary one */
	const char *zfs_root;
	const char *rbd_pool, *rbd_name, *rbd_user;
};

struct store {
	const char *name;
	/*
	 * The root file system is found at the source's own path, as a directory. Otherwise it has to be mounted first, and
	 * only root can do that.
	 */
	bool is_directory;
	/* Is source of this store? NULL: never found by looking. */
	bool (*detect)(const char *source);
	/* The source that a new root file system would have, malloc'ed in *ret. 0 or -errno. NULL: none is made by us. */
	int (*name_source)(const struct store_request *request, char **ret);
	bool (*exists)(const char *source);
	/* Makes an empty one at source, which name_source gave and that does not exist. Nothing half-made stays. */
	int (*create)(const char *source, const struct store_request *request, struct error *err);
	/* A copy at source that shares with its original what neither has changed since. As create. NULL: it can not. */
	int (*snapshot)(const char *original, const char *source, const struct store_request *request, struct error *err);
	/* Can what snapshot makes of source not be without it? NULL: it always can. */
	bool (*needs_original)(const char *source);
	/* Takes it away for good; 0 as well when it is gone already. */
	int (*destroy)(const char *source, struct error *err);
	/*
	 * The mounted root file system, attached nowhere: its fd, which is usable as a directory. It is unmounted with the
	 * last fd and namespace that has it. options: as lxc.rootfs.options, or NULL.
	 */
	int (*mount)(const char *source, const char *options, struct error *err);
};

/* The store of that name ("overlayfs" is "overlay"), or NULL. */
const struct store *store_find(const char *name);

/*
 * The store of a root file system: as it says, or by a look at what its path is. NULL: an overlay or nothing at all;
 * a directory is never NULL.
 */
const struct store *store_of(const struct spec_rootfs *rootfs);

/* Must a start mount it before init is cloned? Cheap for what a configuration calls a directory. */
bool store_is_volume(const struct spec_rootfs *rootfs);

/* store->mount of a rootfs with its own options. */
int store_open(const struct spec_rootfs *rootfs, struct error *err);
