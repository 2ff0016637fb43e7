#pragma once
#include <stdint.h>

#include "rootfs/rootfs.h"

/* Shared by the files of this folder; not for others. */

/* Mount options of an fstab line or of lxc.rootfs.options that the kernel takes as flags. */
struct mount_flags {
	uint64_t set, clear; /* MS_* */
	uint64_t propagation; /* MS_PRIVATE, ... | MS_REC, or 0 */
};

/* Adds one option ("ro", "rslave"). False: it is no flag but data for the file system. */
bool mount_flags_add(struct mount_flags *flags, const char *option, size_t length);

/*
 * One line of fstab as a mount entry, as the configuration's parser makes it from lxc.mount.entry. The strings
 * are allocated: mount_entry_clear. 1: filled; 0: empty line or comment; -EINVAL, -ENOMEM.
 */
int mount_entry_parse(const char *line, struct spec_mount *ret);
void mount_entry_clear(struct spec_mount *entry);

/*
 * Attaches a detached mount at path in the root, whatever links the image has there. What is missing is made.
 * create: enum path_create of kernel/path_in_root.h. 0 or -errno.
 */
int root_attach(const struct rootfs_context *root, int tree_fd, const char *path, int create);

/* The read-only covers of proc:mixed in the procfs proc_fd. Changes the working directory. 0 or -errno. */
int root_cover_proc(int proc_fd);
