#pragma once
#include <stdbool.h>

/* Subvolumes of btrfs, by its ioctls (linux/btrfs.h). All return 0 or -errno. */

/* Is what path names on a btrfs? */
bool btrfs_is(const char *path);
/* Is it the top of a subvolume? */
bool btrfs_is_subvolume(const char *path);

/* path: of the new one; what is above it must be there. */
int btrfs_create_subvolume(const char *path);
int btrfs_snapshot(const char *original, const char *path);

/* With those below it, by their paths. An ordinary user can only where the mount has user_subvol_rm_allowed. */
int btrfs_destroy_subvolume(const char *path);
