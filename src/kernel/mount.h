#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * The mount interfaces of the kernel: fsopen, open_tree, move_mount, mount_setattr (5.2, the last 5.12) and
 * mount(2). All return >= 0 or -errno; every fd is close-on-exec.
 */

/* Room for "/proc/self/fd/N": a path for mount(2) that no rename or link can redirect. */
#define MOUNT_FD_PATH_SIZE 32
const char *mount_fd_path(int fd, char buffer[MOUNT_FD_PATH_SIZE]);

/* A detached copy of the mount at path (empty: dir_fd itself), with what is mounted below it if recursive. */
int mount_clone_tree(int dir_fd, const char *path, bool recursive);
/* The same, read-only as far as path itself goes. -ENOSYS: before Linux 5.12. */
int mount_clone_read_only(int dir_fd, const char *path, bool recursive);

/*
 * A new file system, not attached: its fd. attributes: MOUNT_ATTR_*. Only for file systems without options;
 * with some, mount(2) takes fewer calls.
 */
int mount_new_detached(const char *type, unsigned attributes);

/*
 * The file system on source (a device, a dataset), not attached: its fd. data: mount options "KEY[=VALUE],..." or NULL;
 * they are changed in place. A read-only device needs is_read_only.
 */
int mount_device_detached(const char *type, const char *source, char *data, bool is_read_only);

/*
 * Attaches the detached mount tree_fd at name below dir_fd (empty: at dir_fd itself). The last component of
 * name is never followed when it is a link: -EINVAL or -ENOTDIR.
 */
int mount_attach(int tree_fd, int dir_fd, const char *name);

/* Moves the mount at path to the directory or file target_fd. */
int mount_move(const char *path, int target_fd);

/*
 * Sets and clears MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_NODIRATIME, MS_RELATIME,
 * MS_STRICTATIME, MS_NOSYMFOLLOW of the mount that fd is the root of; all other flags stay. Before 5.12:
 * a remount, only possible once attached and not recursive: -ENOSYS for recursive or detached.
 */
int mount_set_flags(int fd, uint64_t flags_set, uint64_t flags_clear, bool recursive);

/*
 * Maps the owners of the detached mount fd by a user namespace, and parts it from the mount that it was cloned from:
 * what is mounted below it must not come up there. Linux 5.12, else -ENOSYS.
 */
int mount_set_idmap(int fd, int userns_fd, bool recursive);

/* mount(2), unmount and pivot_root as functions that return -errno. */
int mount_at_path(const char *source, const char *target, const char *type, uint64_t flags, const char *data);
/* mount(2) on what target_fd is, through /proc/self/fd. */
int mount_at_fd(const char *source, int target_fd, const char *type, uint64_t flags, const char *data);
/* The same on name (one component, which is followed when it is a link; empty: dir_fd itself) in a directory that nobody else changes. */
int mount_at_name(const char *source, int dir_fd, const char *name, const char *type, uint64_t flags, const char *data);

/*
 * Makes the working directory the root and drops the old root; the working directory is "/" then. is_shared: the old
 * root's mounts are shared with the host, so that they are parted from it first.
 */
int mount_pivot_here(bool is_shared);

/*
 * A procfs of the caller's pid namespace that nobody can have covered or replaced: detached, or where the
 * kernel refuses that (a user namespace that sees no whole procfs), /proc after a check that it is one.
 */
int mount_open_procfs(void);
