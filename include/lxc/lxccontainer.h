/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LXC_LXCCONTAINER_H
#define LXC_LXCCONTAINER_H

#include <malloc.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <lxc/attach_options.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Containers as objects: made by lxc_container_new, counted by get and put, used through their functions. */

#define LXC_CLONE_KEEPNAME	 (1 << 0) /* host name stays */
#define LXC_CLONE_KEEPMACADDR	 (1 << 1) /* hardware addresses stay */
#define LXC_CLONE_SNAPSHOT	 (1 << 2) /* share the storage with the original */
#define LXC_CLONE_KEEPBDEVTYPE	 (1 << 3) /* the same kind of storage */
#define LXC_CLONE_MAYBE_SNAPSHOT (1 << 4) /* snapshot where the storage can, else copy */
#define LXC_CLONE_MAXFLAGS	 (1 << 5)
#define LXC_CLONE_ALLOW_RUNNING	 (1 << 6) /* the original may run */
#define LXC_CREATE_QUIET	 (1 << 0) /* the template's output is dropped */
#define LXC_CREATE_MAXFLAGS	 (1 << 1)
#define LXC_MOUNT_API_V1	 1

struct bdev_specs;
struct lxc_snapshot;
struct lxc_lock;
struct lxc_conf;
struct migrate_opts;
struct lxc_console_log;

struct lxc_mount {
	int version; /* LXC_MOUNT_API_V1 */
};

struct lxc_container {
	/* private */
	char *name;
	char *configfile;
	char *pidfile;
	struct lxc_lock *slock;
	struct lxc_lock *privlock;
	int numthreads;
	struct lxc_conf *lxc_conf;
	/* One line about the last fault, or NULL. */
	char *error_string;
	/* Its number. */
	int error_num;
	/* See want_daemonize. */
	bool daemonize;
	/* See get_config_path. */
	char *config_path;
	/* The container has a configuration file. */
	bool (*is_defined)(struct lxc_container *c);
	/* Name of the state: "RUNNING", ...; static. */
	const char *(*state)(struct lxc_container *c);
	/* Any state but STOPPED. */
	bool (*is_running)(struct lxc_container *c);
	/* Freezes all processes. */
	bool (*freeze)(struct lxc_container *c);
	/* Thaws them. */
	bool (*unfreeze)(struct lxc_container *c);
	/* Pid of init as the caller sees it, -1: not running. */
	pid_t (*init_pid)(struct lxc_container *c);
	/* Adds a file (NULL: the own one) to the configuration in memory. */
	bool (*load_config)(struct lxc_container *c, const char*);
	/* Starts it; argv NULL: its init. useinit: argv below a tiny init. */
	bool (*start)(struct lxc_container *c, int, char *const argv[]);
	/* start with a NULL-ended list. */
	bool (*startl)(struct lxc_container *c, int, ...);
	/* Kills it. */
	bool (*stop)(struct lxc_container *c);
	/* Whether start returns when it runs (true) or when it has ended. */
	bool (*want_daemonize)(struct lxc_container *c, bool);
	/* Whether the supervisor closes the fds that it inherits. */
	bool (*want_close_all_fds)(struct lxc_container *c, bool);
	/* Path of the configuration file; the caller frees it. */
	char *(*config_file_name)(struct lxc_container *c);
	/* Waits for one of "STATE|STATE"; timeout in seconds, -1: for ever, 0: look once. */
	bool (*wait)(struct lxc_container *c, const char*, int);
	/* Sets or adds a key; NULL or "" clears it. */
	bool (*set_config_item)(struct lxc_container *c, const char*, const char*);
	/* Removes a stopped container and its storage. */
	bool (*destroy)(struct lxc_container *c);
	/* Writes the configuration; NULL: to the own file. */
	bool (*save_config)(struct lxc_container *c, const char*);
	/* Makes storage and configuration, runs the template. */
	bool (*create)(struct lxc_container *c, const char*, const char*, struct bdev_specs*, int, char *const argv[]);
	/* create with a NULL-ended list of template arguments. */
	bool (*createl)(struct lxc_container *c, const char*, const char*, struct bdev_specs*, int, ...);
	/* Gives a stopped container a new name. */
	bool (*rename)(struct lxc_container *c, const char*);
	/* Asks init to reboot; does not wait. */
	bool (*reboot)(struct lxc_container *c);
	/* Asks init to halt; timeout in seconds, -1: for ever, 0: do not wait. */
	bool (*shutdown)(struct lxc_container *c, int);
	/* Forgets the configuration in memory. */
	void (*clear_config)(struct lxc_container *c);
	/* Back to unset. */
	bool (*clear_config_item)(struct lxc_container *c, const char*);
	/* Value into retv (NULL: only the length); the length, or negative errno. */
	int (*get_config_item)(struct lxc_container *c, const char*, char*, int);
	/* Value of the running container; the caller frees it. NULL: none. */
	char *(*get_running_config_item)(struct lxc_container *c, const char*);
	/* Names of the keys below key, a line each. */
	int (*get_keys)(struct lxc_container *c, const char*, char*, int);
	/* NULL-ended list of names; the caller frees list and strings. */
	char **(*get_interfaces)(struct lxc_container *c);
	/* NULL-ended list of addresses; family "inet", "inet6" or NULL. */
	char **(*get_ips)(struct lxc_container *c, const char*, const char*, int);
	/* A cgroup file as the kernel gives it; the length or -1. */
	int (*get_cgroup_item)(struct lxc_container *c, const char*, char*, int);
	/* Writes a cgroup file. */
	bool (*set_cgroup_item)(struct lxc_container *c, const char*, const char*);
	/* The directory that holds the containers. */
	const char *(*get_config_path)(struct lxc_container *c);
	/* Changes it; loads nothing. */
	bool (*set_config_path)(struct lxc_container *c, const char*);
	/* Copies a stopped container; the new one, or NULL. */
	struct lxc_container *(*clone)(struct lxc_container *c, const char*, const char*, int, const char*, const char*, uint64_t, char**);
	/* Reserves a tty while the returned fd is open; *ptxfd is its master side. */
	int (*console_getfd)(struct lxc_container *c, int*, int*);
	/* Connects the terminal until escape and q. */
	int (*console)(struct lxc_container *c, int, int, int, int, int);
	/* Runs exec_function in the container as a child of the caller. */
	int (*attach)(struct lxc_container *c, lxc_attach_exec_t, void*, lxc_attach_options_t*, pid_t*);
	/* Runs a program inside; its wait status, or negative. */
	int (*attach_run_wait)(struct lxc_container *c, lxc_attach_options_t*, const char*, const char *const argv[]);
	/* attach_run_wait with a NULL-ended list. */
	int (*attach_run_waitl)(struct lxc_container *c, lxc_attach_options_t*, const char*, const char*, ...);
	/* Number of the new snapshot, or -1. */
	int (*snapshot)(struct lxc_container *c, const char*);
	/* Number of snapshots; each entry has its own free. */
	int (*snapshot_list)(struct lxc_container *c, struct lxc_snapshot**);
	/* Makes newname (NULL: the container itself) from a snapshot. */
	bool (*snapshot_restore)(struct lxc_container *c, const char*, const char*);
	/* Removes one snapshot. */
	bool (*snapshot_destroy)(struct lxc_container *c, const char*);
	/* The caller may command the running container. */
	bool (*may_control)(struct lxc_container *c);
	/* Allows and makes a device node inside. */
	bool (*add_device_node)(struct lxc_container *c, const char*, const char*);
	/* Forbids and removes it. */
	bool (*remove_device_node)(struct lxc_container *c, const char*, const char*);
	/* Moves a host's interface in. */
	bool (*attach_interface)(struct lxc_container *c, const char*, const char*);
	/* Moves it out. */
	bool (*detach_interface)(struct lxc_container *c, const char*, const char*);
	/* Writes the state of a running container to a directory. */
	bool (*checkpoint)(struct lxc_container *c, char*, bool, bool);
	/* Starts it from there. */
	bool (*restore)(struct lxc_container *c, char*, bool);
	/* destroy, snapshots included. */
	bool (*destroy_with_snapshots)(struct lxc_container *c);
	/* Removes all snapshots. */
	bool (*snapshot_destroy_all)(struct lxc_container *c);
	/* A MIGRATE_ command; size is sizeof(struct migrate_opts) of the caller. */
	int (*migrate)(struct lxc_container *c, unsigned int, struct migrate_opts*, unsigned int);
	/* Reads or clears the ring buffer of the console. */
	int (*console_log)(struct lxc_container *c, struct lxc_console_log*);
	/* Asks init to reboot and waits for the next RUNNING. */
	bool (*reboot2)(struct lxc_container *c, int);
	/* Mounts into the running container. */
	int (*mount)(struct lxc_container *c, const char*, const char*, const char*, unsigned long, const void*, struct lxc_mount*);
	/* Takes a mount away. */
	int (*umount)(struct lxc_container *c, const char*, unsigned long, struct lxc_mount*);
	/* Listener of seccomp notifications, or -errno. */
	int (*seccomp_notify_fd)(struct lxc_container *c);
	/* The same, asked from the supervisor. */
	int (*seccomp_notify_fd_active)(struct lxc_container *c);
	/* A new pidfd of init, or -errno. */
	int (*init_pidfd)(struct lxc_container *c);
	/* A new fd of the container's devpts, or -errno. */
	int (*devpts_fd)(struct lxc_container *c);
	int rcv_timeout;
	/* Longest wait for an answer of the supervisor, in seconds; -1: none. */
	bool (*set_timeout)(struct lxc_container *c, int);
};

struct lxc_snapshot {
	char *name;
	char *comment_pathname;
	char *timestamp;
	char *lxcpath;
	void (*free)(struct lxc_snapshot *s);
};

/* What kind of storage create makes; NULL members take the defaults. */
struct bdev_specs {
	char *fstype;
	uint64_t fssize; /* bytes */
	struct {
		char *zfsroot;
	} zfs;
	struct {
		char *vg;
		char *lv;
		char *thinpool;
	} lvm;
	char *dir;
	struct {
		char *rbdname;
		char *rbdpool;
		char *rbduser;
	} rbd;
};

enum {
	MIGRATE_PRE_DUMP,
	MIGRATE_DUMP,
	MIGRATE_RESTORE,
	MIGRATE_FEATURE_CHECK,
};

#define FEATURE_MEM_TRACK  (1ULL << 0)
#define FEATURE_LAZY_PAGES (1ULL << 1)

struct migrate_opts {
	char *directory;
	bool verbose;
	bool stop;
	char *predump_dir;
	char *pageserver_address;
	char *pageserver_port;
	bool preserves_inodes;
	char *action_script;
	bool disable_skip_in_flight;
	uint64_t ghost_limit;
	uint64_t features_to_check;
};

struct lxc_console_log {
	bool clear;
	bool read;
	uint64_t *read_max;
	char *data;
};

struct lxc_log {
	const char *name;
	const char *lxcpath;
	const char *file;
	const char *level;
	const char *prefix;
	bool quiet;
};

/* configpath NULL: the configured one. NULL: no memory, or an existing configuration does not parse. */
struct lxc_container *lxc_container_new(const char *name, const char *configpath);
int lxc_container_get(struct lxc_container *c);
int lxc_container_put(struct lxc_container *c);
/* Fills states (NULL: none) with static names; their number. */
int lxc_get_wait_states(const char **states);
const char *lxc_get_global_config_item(const char *key);
const char *lxc_get_version(void);
/* Number, or -1. Arrays are malloc'ed and sorted; NULL for what is not wanted. */
int list_defined_containers(const char *lxcpath, char ***names, struct lxc_container ***cret);
int list_active_containers(const char *lxcpath, char ***names, struct lxc_container ***cret);
int list_all_containers(const char *lxcpath, char ***names, struct lxc_container ***cret);
int lxc_log_init(struct lxc_log *log);
void lxc_log_close(void);
bool lxc_config_item_is_supported(const char *key);
bool lxc_has_api_extension(const char *extension);

#ifdef __cplusplus
}
#endif

#endif
