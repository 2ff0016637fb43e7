#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/paths.h"
#include "base/log.h"
#include "kernel/fd_pile.h"
#include "spec/spec.h"

/* One cgroup hierarchy of the host, for lxc.mount.auto. */
struct rootfs_hierarchy {
	const char *mount;	 /* where the host has it: "/sys/fs/cgroup/cpu,cpuacct" */
	const char *controllers; /* option of a v1 mount: "cpu,cpuacct", "name=systemd"; NULL: cgroup2 */
	const char *own;	 /* the container's group below mount: "/lxc.payload.web1"; NULL: it has none */
};

/*
 * From nothing to the container's "/". Everything here runs in init, after the clone, in a mount namespace of
 * its own and with a single thread, but for rootfs_open_idmapped (supervisor). The functions are called in the
 * order below. Paths of the image are only walked from root_fd and never leave it, whatever its links say.
 */
struct rootfs_context {
	const struct spec *spec;
	int root_fd;		     /* the container's root; set by rootfs_mount, closed by rootfs_pivot */
	int dev_fd;		     /* the tmpfs on /dev of a bundle, from its mount until its devices are made; else -1 or unset */
	struct fd_pile pile;	     /* of a bundle: what is done with, closed by bundle_enter */
	int source_fd;		     /* rootfs.path as the host's root reaches it; -1: not opened */
	char *layers;		     /* the same of an overlay's layers: its mount options by fds; NULL: not opened */
	const char *mount_point;     /* NULL: WABE_ROOTFS_MOUNT */
	int devpts_fd;		     /* devpts made by the supervisor, not attached yet; -1: none */
	int console_index;	     /* N of /dev/pts/N for /dev/console; -1: no console */
	const int *tty_indexes;	     /* tty_count: /dev/pts/N for /dev/tty1 ... */
	size_t tty_count;
	bool has_user_namespace;     /* device nodes can not be made: those of the host are bound */
	const int *mount_fds;	     /* per entry of spec->mounts: idmapped source, -1: none; NULL: no entry has one */
	const int *rootfs_source_fd; /* rootfs that the supervisor has mounted (a volume, option idmap=); NULL: none */
	const struct rootfs_hierarchy *hierarchies; /* hierarchy_count */
	size_t hierarchy_count;
	const struct log *log;
};

/*
 * A detached copy of source (option idmap= of an entry or of the rootfs), made with host rights before init is cloned.
 * idmap: the path of a user namespace file, whose map it gets; or "container": rootfs_set_idmap is to follow, once the
 * container's id map is written. Returns the fd to put into mount_fds or rootfs_source_fd. Linux 5.12.
 */
int rootfs_open_idmapped(const struct spec *spec, const struct origin *origin, const char *source, bool recursive,
	const char *idmap, struct error *err);

/* The same for a detached mount tree_fd that is there already. 0 or -errno. */
int rootfs_map_opened(const struct spec *spec, const struct origin *origin, const char *source, bool recursive, int tree_fd,
	const char *idmap, struct error *err);

/* Maps the owners of such a copy, that nobody has mounted yet. init's descriptor is of the same. 0 or -errno. */
int rootfs_set_idmap(const struct spec *spec, const struct origin *origin, const char *source, bool recursive,
	int tree_fd, int userns_fd, struct error *err);

/* The value of idmap= in lxc.rootfs.options, malloc'ed in *ret_idmap; NULL when there is none. 0 or -errno. */
int rootfs_options_idmap(const char *options, char **ret_idmap);

/*
 * Before init becomes the root of an id map: opens the rootfs, which may lie below directories that only the host's
 * root can pass. rootfs_mount comes back to it when it can not reach the path any more; what a hook has mounted there
 * in between would be missed by always using it.
 */
void rootfs_open_source(struct rootfs_context *root);

/* Nothing that is mounted from here on reaches the host. */
int rootfs_make_private(const struct rootfs_context *root, struct error *err);

/* Mounts the rootfs at the mount point and opens root_fd; without a rootfs root_fd is the host's "/". */
int rootfs_mount(struct rootfs_context *root, struct error *err);

/* Application container on the host's root: a /proc of its own pid namespace. Keeps the working directory. */
int rootfs_prepare_host_root(const struct rootfs_context *root, struct error *err);

/* The tmpfs on /dev with its nodes and links (lxc.autodev). Independent of the caller's umask. */
int rootfs_mount_dev(const struct rootfs_context *root, struct error *err);
/* Attaches devpts_fd to /dev/pts, makes /dev/ptmx. Needs devpts_fd >= 0. */
int rootfs_mount_devpts(const struct rootfs_context *root, struct error *err);

/* lxc.mount.auto: proc and sys with their read-only covers. */
int rootfs_mount_auto_proc_sys(const struct rootfs_context *root, struct error *err);
/* lxc.mount.auto: cgroup, cgroup-full, cgroup2. */
int rootfs_mount_auto_cgroup(const struct rootfs_context *root, struct error *err);

/* The shared mounts of lxc.mount.auto, lxc.mount.fstab, then lxc.mount.entry in their order. */
int rootfs_mount_entries(const struct rootfs_context *root, struct error *err);

/* /dev/console (or /dev/TTYDIR/console and a link); nothing without a console. Needs devpts_fd attached. */
int rootfs_setup_console(const struct rootfs_context *root, struct error *err);
/* /dev/tty1 ... of the container, the same way. */
int rootfs_setup_ttys(const struct rootfs_context *root, struct error *err);

/* Makes root_fd the root of the mount namespace and drops the old one. Working directory: "/". */
int rootfs_pivot(struct rootfs_context *root, struct error *err);

/* After the pivot: lxc.uts.name and domain, lxc.sysctl.*. */
int rootfs_set_hostname(const struct spec *spec, struct error *err);
int rootfs_write_sysctls(const struct spec *spec, struct error *err);
