#pragma once
#include "rootfs/rootfs.h"

/*
 * The root of an OCI bundle, in the order of the calls; like the functions of rootfs.h they run in init, before the
 * root is changed, and reach the image only from root_fd. All return 0 or -errno with *err filled.
 */

/* Parts the mounts from the host's as rootfsPropagation says, attaches the rootfs at its own path, opens root_fd. */
int bundle_mount_root(struct rootfs_context *root, struct error *err);
/* mounts[] in their order. */
int bundle_mount_entries(struct rootfs_context *root, struct error *err);
/* Default devices, links of /dev, linux.devices. Nothing in a /dev that is bound from the host. */
int bundle_make_devices(struct rootfs_context *root, struct error *err);
/* The pty slave_fd, of the container's own devpts, as /dev/console. */
int bundle_bind_console(const struct rootfs_context *root, int slave_fd, struct error *err);
/* maskedPaths, readonlyPaths, what of /dev and "/" is read-only. */
int bundle_cover(struct rootfs_context *root, struct error *err);
/* Makes root_fd the root; without pivot_root(2) where no_pivot asks for it, and without a mount namespace. */
int bundle_enter(struct rootfs_context *root, bool has_own_mounts, struct error *err);
/* After bundle_enter: the propagation of "/". */
int bundle_set_propagation(const struct rootfs_context *root, struct error *err);

/* ---- for the files of this folder ---- */
int bundle_copy_up(int from_fd, int to_fd);
/* mounts[] of type cgroup at path. */
int rootfs_mount_cgroup_entry(const struct rootfs_context *root, const char *path, bool is_read_only);
/* Is it a path of a file in /proc that may be covered, or is it none of /proc? */
bool bundle_may_cover(const char *path);
