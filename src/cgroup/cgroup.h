#pragma once
#include "base/error.h"
#include "base/vector.h"
#include "kernel/device_filter.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct spec;

/* Where processes go that are in the way of handing controllers down; LXC has the name for lxc.cgroup.dir.monitor.pivot. */
#define CGROUP_PIVOT "lxc.pivot"

/* One hierarchy that the host has mounted. */
struct cgroup_hierarchy {
	bool is_v2;
	char *controllers; /* v1: "cpu,cpuacct", "name=systemd", as mount(8) takes them for -o; v2: "" */
	char *mount;	   /* where it is mounted, without a slash at the end */
	char *root;	   /* group that is seen at mount: "" or "/docker/1" */
	char *base;	   /* group below which containers are made: "" or "/user.slice", no slash at the end */
};

/* The hierarchies of the host; a zeroed object is empty. The cgroup2 hierarchy, if any, is the first. */
struct cgroup_layout {
	VECTOR(struct cgroup_hierarchy) hierarchies;
};

/* The container's group in one hierarchy. */
struct cgroup_group {
	bool is_v2;
	char *controllers; /* as in struct cgroup_hierarchy */
	char *mount;
	char *base;
	char *limit_path; /* below mount, with a leading slash: limits are written here */
	char *inner_path; /* the same or one below: processes are here */
};

/* The container's group in every hierarchy. Zeroed means empty. */
struct cgroup_set {
	VECTOR(struct cgroup_group) groups; /* the cgroup2 one first */
	struct device_rules devices;	    /* what the cgroup2 device program lets pass; empty list: no program */
	char *name;			    /* path below base, without the number at its end */
	char *inner;			    /* name below that, or NULL */
	char *monitor, *monitor_pivot;	    /* paths below base, or NULL */
	char *v2_controllers;		    /* "+memory +pids": what the settings need on cgroup2, or NULL */
	char *v2_counters;		    /* the same of what only counts, where that disturbs nobody, or NULL */
	bool is_left_out;		    /* in some hierarchy the caller may make none */
	bool is_name_fixed;		    /* the user gave the exact path: no number is added */
	bool may_exist;			    /* somebody else, systemd, has made the group where it has the hierarchy */
	bool has_owner;			    /* hand the group to owner_uid, owner_gid: init's root outside */
	uid_t owner_uid;
	gid_t owner_gid;
	bool is_open_failed; /* no CLONE_INTO_CGROUP: cgroup_set_enter must write the pid */
};

/* How the journal learns what is about to be made: kind and argument of one entry. 0 or -errno. */
typedef int (*cgroup_journal)(void *data, const char *kind, const char *argument);

/*
 * Finds the hierarchies and the groups below which containers are made: that of pid 1 (without /init.scope), or
 * the caller's own when relative is set or the caller is not root. A layout that is filled already is kept, so
 * that a reboot costs nothing.
 */
int cgroup_layout_detect(struct cgroup_layout *layout, bool relative, struct error *err);
/* The same with the mounts themselves as the groups below which containers are made. */
int cgroup_layout_detect_mounts(struct cgroup_layout *layout, struct error *err);
void cgroup_layout_clear(struct cgroup_layout *layout);
/* The v1 hierarchy that has controller, NULL: none (then it is on cgroup2, if anywhere). */
const struct cgroup_hierarchy *cgroup_layout_find_v1(const struct cgroup_layout *layout, const char *controller);

/*
 * Decides the paths: lxc.payload.NAME below the base (below spec's dir when given), or exactly dir_container.
 * Makes nothing. Checks the device rules when they go into a cgroup2 program.
 */
int cgroup_set_plan(struct cgroup_set *set, const struct cgroup_layout *layout, const struct spec *spec,
	struct error *err);
void cgroup_set_clear(struct cgroup_set *set);

/*
 * Makes the groups and enables the cgroup2 controllers that the settings need. A name that is taken gets -1, -2
 * ...; an old group without processes is replaced. Each path is put in the journal before it is made.
 */
int cgroup_set_create(struct cgroup_set *set, cgroup_journal journal, void *data, struct error *err);
/* Removes the groups of a planned set with a fixed name that are there and have no process: who made them died at it. */
void cgroup_set_drop_unused(struct cgroup_set *set);

/*
 * Gives the groups to user 0, and to group keeper, by which their maker can still put processes in: for an ordinary
 * user's container, called as root of its user namespace.
 */
int cgroup_set_give(const struct cgroup_set *set, gid_t keeper, struct error *err);

/* Moves the caller (the supervisor) into the group that lxc.cgroup.dir.monitor names; nothing without that key. */
int cgroup_set_enter_monitor(struct cgroup_set *set, cgroup_journal journal, void *data, struct error *err);

/* Moves the caller out of it again, so that it can be removed: to the base, or the pivot group. */
void cgroup_set_leave_monitor(const struct cgroup_set *set);

/* A directory fd of the cgroup2 group for CLONE_INTO_CGROUP, or -1: there is none. */
int cgroup_set_open_v2(struct cgroup_set *set);

/*
 * Writes the settings but for device rules: each to its own version's file, or translated where the host has the
 * controller on the other version. A setting without an equal is ERROR_UNSUPPORTED with its origin. cgroup2
 * settings are passed over on a host without cgroup2, or where a v1 setting of the same controller is given too.
 */
int cgroup_set_apply(struct cgroup_set *set, const struct spec *spec, struct error *err);

/* Are there device rules, and are they in force all at once? Those of v1 are written one by one, the first forbids everything. */
bool cgroup_set_has_device_filter(const struct cgroup_set *set);
/* The device rules: init must have made its nodes before. made_fd: the group on v2 when it was made just now, or -1. */
int cgroup_set_apply_devices(struct cgroup_set *set, const struct spec *spec, int made_fd, struct error *err);
/* Removes the groups of a set when nothing is in or below them; false: something is, or was once. */
bool cgroup_set_remove_empty(const struct cgroup_set *set);

/* Does cgroup_set_enter have anything to do after a clone with CLONE_INTO_CGROUP? */
bool cgroup_set_needs_enter(const struct cgroup_set *set);

/*
 * Moves the calling process, which has one thread, into the group of every hierarchy; the cgroup2 one is left out
 * when have_clone_into_cgroup. On v1 by "0" to tasks: a thread that moves itself is the one case in which the kernel
 * takes no lock on all forks, so there is no RCU grace period to wait for (cgroup_procs_write_start; 10 ms else).
 */
int cgroup_set_enter(const struct cgroup_set *set, bool have_clone_into_cgroup, struct error *err);

/* The set as lines of text for the state file (malloc'ed, NULL: no memory), and back (0, -EINVAL, -ENOMEM). */
char *cgroup_set_to_text(const struct cgroup_set *set);
int cgroup_set_from_text(struct cgroup_set *ret, const char *text);

/*
 * Path of the limit group (inner: of the processes' group) below the mount of the hierarchy that has controller,
 * with a leading slash; NULL controller: cgroup2, else the first. NULL: there is none. Borrowed from set.
 */
const char *cgroup_path(const struct cgroup_set *set, const char *controller);
const char *cgroup_inner_path(const struct cgroup_set *set, const char *controller);

/* ---- a running container; all return 0 (or as said) or -errno ---- */

/* SIGKILL to all in the group, also to forked in the meantime; frozen ones die too. */
int cgroup_kill(const struct cgroup_set *set);

/* -ETIMEDOUT: not all stopped in time (a task in uninterruptible sleep); the request to freeze is taken back. */
int cgroup_freeze(const struct cgroup_set *set, int timeout_ms);
int cgroup_thaw(const struct cgroup_set *set, int timeout_ms);
/* 1 or 0. */
int cgroup_is_frozen(const struct cgroup_set *set);

/*
 * One file of the limit group, by the name of either version: what the kernel gives, or the translation of what
 * the other version gives. *ret_value is malloc'ed. -ENOENT: no such file nor an equal.
 */
int cgroup_get(const struct cgroup_set *set, const char *file, char **ret_value);

/*
 * The other way round. Device rules on cgroup2 change the list kept in devices_file (made at the first change;
 * NULL: the list is not kept) and replace the program without a gap. -EOPNOTSUPP: no equal.
 */
int cgroup_set_value(const struct cgroup_set *set, const char *file, const char *value, const char *devices_file);

/* Counters; UINT64_MAX: this host does not have it. */
struct cgroup_stats {
	uint64_t memory_bytes;
	uint64_t kernel_memory_bytes;
	uint64_t cpu_ns;
	uint64_t block_io_bytes;
	uint64_t oom_kills;
	uint64_t memory_limit_hits;
	uint64_t pids;
};
void cgroup_stats(const struct cgroup_set *set, struct cgroup_stats *ret_stats);

/* ---- release ---- */

/*
 * Undoes one journal entry of cgroup_set_create or cgroup_set_enter_monitor: removes the groups and the empty
 * ones that the container made below, deepest first. Waits (at most a second) for processes that are dying;
 * groups with living processes are left alone.
 */
void cgroup_remove_path(const char *argument);
