#pragma once
#include "base/error.h"
#include <stdbool.h>
#include <sys/stat.h>

struct lxc_container;

/* Helpers about a container's directory; see the comments in lxc-abi for the files' forms. */

bool directory_has_entries(const char *path);

/*
 * For who reads a container as a whole, and takes long: an fd of its directory, and in the end whether it has been there
 * all the time. Else what was read is not whole: others may remove, rename or restore it meanwhile. 0, fd or -errno.
 */
int container_open_source(const struct lxc_container *c, struct error *err);
int container_check_source(const struct lxc_container *c, int fd, struct error *err);

/*
 * Does the file lxc_snapshots name clones that live on this container's storage? Only those count that are there and have
 * this container in their file lxc_rdepends: lines are added before a clone is whole and removed after it is gone.
 */
bool container_has_clones(const struct lxc_container *c);
/* Notes in both directories that clone depends on origin. 0 or -errno; -ENOENT: origin is being changed. */
int container_note_clone(const struct lxc_container *origin, const struct lxc_container *clone);
/* With c's file "partial" there: -EBUSY, a clone was noted before that could be seen; else no more can be. */
int container_check_unused(const struct lxc_container *c);
/* Notes that clone depends on whatever other depends on: it has a copy of other's layer over the same lower ones. */
int container_share_origins(const struct lxc_container *other, const struct lxc_container *clone);
/* In the files of c's origins: what is noted by the name of old is by that of new, or not at all (NULL). */
void container_move_origins(const struct lxc_container *c, const char *old, const char *new);
/* Adds to the files of c's origins a line with the name that c is about to get. */
void container_add_name(const struct lxc_container *c, const char *name);
/* Takes the clone's lines out of its origins' files. */
void container_forget_origin(const struct lxc_container *clone);

/*
 * Is it one of the small files beside the configuration that this may name (hooks, fstab), which go where the container
 * goes? dir_fd: the container's directory. *ret_info gets its attributes.
 */
#define COMPANION_MAX (1024 * 1024)
bool is_companion(int dir_fd, const char *name, struct stat *ret_info);

/*
 * Where a rootfs that belongs to the container really lies, malloc'ed: links but the last one resolved. NULL: it can
 * not be the container's own, as it is the host's root or one of its first level, holds the container, or lies in another container.
 */
char *own_rootfs(const struct lxc_container *c, const char *rootfs);

/* text with each path old (whole, or followed by a slash) replaced by new. 0 or -ENOMEM. */
int replace_path(const char *text, const char *old, const char *new, char **ret);
