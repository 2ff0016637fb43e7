#pragma once
#include "base/error.h"

#include <stdbool.h>

struct spec;

/* Root file systems on disk: directories, and overlays of them. */

/*
 * Removes a directory tree. Never follows a link and never enters another file system, so that something that is
 * still mounted below keeps its content. keep: name of an entry at the top that stays (then the top stays too), or
 * NULL. 0, or -errno with the first path that could not be removed.
 */
int storage_remove_tree(const char *path, const char *keep, struct error *err);

/*
 * Copies a tree with owners, modes, times, xattrs (ACLs and file capabilities among them), hard links, holes and
 * device nodes; file contents are shared where the file system can (reflink). to must not exist. Links are copied,
 * not followed; other file systems below are left out. A failed copy is removed.
 */
int storage_copy_tree(const char *from, const char *to, struct error *err);

/*
 * Gives a tree that the host's root has filled to the owners that the spec's id map says, once: nothing is done when
 * its top belongs to the container's root already. Set-id bits stay, file capabilities become the container's; ids in
 * ACLs are left as they are. Other file systems below are left out. -EOVERFLOW: an owner is not in the map.
 */
int storage_shift_tree(const char *path, const struct spec *spec, struct error *err);
