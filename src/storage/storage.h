#pragma once
#include "base/error.h"

#include <stdbool.h>

struct spec;

/* The files of root file systems, whatever they lie on (storage/store.h). */

/*
 * Removes a directory tree. Never follows a link and never enters another file system, so that something that is
 * still mounted below keeps its content. keep: names of entries at the top that stay (then the top stays too), NULL-ended,
 * or NULL. 0, or -errno with the first path that could not be removed.
 */
int storage_remove_tree(const char *path, const char *const *keep, struct error *err);

/*
 * Copies a tree with owners, modes, times, xattrs (ACLs and file capabilities among them), hard links, holes and
 * device nodes; file contents are shared where the file system can (reflink). to must not exist. Links are copied,
 * not followed; other file systems below are left out. A failed copy is removed.
 */
int storage_copy_tree(const char *from, const char *to, struct error *err);

/* The same for one file with its owner, mode and times; holes stay holes. A failed copy is removed. */
int storage_copy_file(const char *from, const char *to, struct error *err);

/* The same between open files, the second one empty; both borrowed. 0 or -errno. */
int storage_copy_content(int from_fd, int to_fd);

/*
 * The same for what is below a directory: out of the one that from_fd is open on into the one of to_fd, which is empty or
 * has an empty lost+found; both borrowed. What a failed copy has made stays. from and to: their names for the error.
 */
int storage_copy_into(int from_fd, int to_fd, const char *from, const char *to, struct error *err);

/*
 * The root file system of a container that does not run as a directory: its fd. Volumes and overlays are mounted,
 * attached nowhere, until the last fd of them is closed: that needs to be root, be it of a user namespace for an overlay.
 */
int storage_open_root(const struct spec *spec, struct error *err);

/*
 * Gives a tree that the host's root has filled to the owners that the spec's id map says, once: nothing is done when
 * its top belongs to the container's root already. Set-id bits stay, file capabilities become the container's; ids in
 * ACLs are left as they are. Other file systems below are left out. -EOVERFLOW: an owner is not in the map.
 */
int storage_shift_tree(const char *path, const struct spec *spec, struct error *err);

/* Attaches what storage_open_root and the stores have opened at the directory path. 0 or -errno. */
int storage_attach(int tree_fd, const char *path);
