#pragma once
#include <stdint.h>

#include "rootfs/rootfs.h"
#include "spec/mount_options.h"

/* Shared by the files of this folder; not for others. */

/*
 * Attaches a detached mount at path in the root, whatever links the image has there. What is missing is made.
 * create: enum path_create of kernel/path_in_root.h. 0 or -errno.
 */
int root_attach(const struct rootfs_context *root, int tree_fd, const char *path, int create);

/*
 * Puts an empty read-only file or directory over each path below the working directory that exists (NULL-ended lists,
 * directories needs one that exists where files has any). The files and directories of a procfs or sysfs just made:
 * no link of the image is on their paths. One tmpfs serves them all. 0 or -errno.
 */
int root_mask(const char *const *files, const char *const *directories);

/* The read-only covers of proc:mixed in the procfs proc_fd. Changes the working directory. 0 or -errno. */
int root_cover_proc(int proc_fd);

/* fd, stdin, stdout, stderr, core. keeps_existing: a name that the image has already stays what it is. 0 or -errno. */
int dev_make_links(int dev_fd, bool keeps_existing, struct error *err);
