#pragma once
#include "base/error.h"

#include <stdbool.h>

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
