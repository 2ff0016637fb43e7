#pragma once
#include <stdbool.h>
#include <sys/types.h>

/*
 * Paths that are looked up with a directory as their root, as after chroot: "..", absolute paths and links
 * (also those that somebody changes meanwhile) stay below it, magic links of procfs are not followed.
 * openat2 (5.6), refused in some sandboxes: then a walk component by component. All return -errno.
 */

/* Opens path below root_fd. flags as open(2), with O_CLOEXEC added; mode for O_CREAT. */
int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode);

enum path_create { PATH_CREATE_NONE, PATH_CREATE_DIRECTORY, PATH_CREATE_FILE };

/*
 * An O_PATH fd of path below root_fd. What is missing is made first: parents with mode 0755, the last component
 * as a directory (0755) or an empty file (0644), whatever the umask.
 */
int path_create_in_root(int root_fd, const char *path, enum path_create create);

/* The same as path_open_in_root without openat2. Public for the test of the fallback. */
int path_walk_in_root(int root_fd, const char *path, int flags, mode_t mode);

/*
 * The same without ever leaving the mount that dir_fd is in (-EXDEV), so that no file system of somebody else's is asked.
 * is_root: dir_fd is the root of the look-up; else ".." above it is -EXDEV, too. openat2 alone.
 */
int path_open_in_mount(int dir_fd, bool is_root, const char *path, int flags);

/* Opens path for a write below dir_fd, which must not be left by "..", a link or a mount of procfs links. */
int path_open_beneath(int dir_fd, const char *path, int flags);
