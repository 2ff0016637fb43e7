#pragma once
#include "base/error.h"
#include "network/network.h"
#include "spec/spec.h"

#include <sys/types.h>

/*
 * The engine's public side: what front ends (liblxc, tools) call. Everything identifies a container by
 * dialect, base path (lxcpath) and name; the truth is the run directory /run/wabe/DIALECT/KEY and the kernel,
 * so that each call also works when the supervisor was killed (it is replaced on the way).
 * All int functions return >= 0 or -errno with *err filled.
 */
struct container_id {
	const char *dialect;   /* "lxc" */
	const char *base_path; /* absolute, no trailing slash */
	const char *name;
	int answer_timeout_s; /* how long the supervisor may take to answer; 0 or less: for ever */
};

enum container_state {
	STATE_STOPPED,
	STATE_STARTING,
	STATE_RUNNING,
	STATE_STOPPING,
	STATE_ABORTING,
	STATE_FREEZING,
	STATE_FROZEN,
	STATE_THAWED,
	STATE_COUNT,
};

/* "STOPPED" ...; state_from_name: -EINVAL for an unknown one (any case). */
const char *state_name(enum container_state state);
int state_from_name(const char *name);

struct status {
	enum container_state state;
	pid_t init_pid;	      /* 0: none */
	pid_t supervisor_pid; /* 0: none */
};

/* Cheap: reads the run directory. 0 also for a container that does not run (STATE_STOPPED). */
int engine_status(const struct container_id *id, struct status *ret_status, struct error *err);

/* ---- start ---- */
struct start_options {
	bool foreground; /* the call returns when the container has ended; init dies with the supervisor */
	bool replace_process; /* with foreground: execve the supervisor in this process; returns only on failure */
	const char *command;  /* with replace_process: name of the command for error lines, "lxc-start" */
	bool close_all_fds;
	const char *pidfile; /* holds the supervisor's pid while it runs, or NULL */
	const int *keep_fds; /* fds that init may inherit (LISTEN_FDS), or NULL */
	size_t keep_fd_count;
};

struct start_result {
	pid_t init_pid;
	int wait_status; /* foreground: of init, as of waitpid */
	struct error warning; /* what the container lacks although it runs; *what is empty: nothing */
};

/*
 * Starts spec (complete: argv filled, validated here). Background: returns when the container is RUNNING.
 * -EBUSY: it runs already. A failed start leaves nothing behind.
 */
int engine_start(const struct spec *spec, const struct start_options *options, struct start_result *ret_result,
	struct error *err);

/* ---- running containers ---- */

/* The spec that the container was started with; the caller frees it. -ESRCH: not running. */
int engine_running_spec(const struct container_id *id, struct spec **ret_spec, struct error *err);

/* The pid of init; of a container that is being started, when there is one. -ESRCH: not running. */
pid_t engine_init_pid(const struct container_id *id, struct error *err);
/* A new pidfd of init. -ESRCH: not running. */
int engine_init_pidfd(const struct container_id *id, struct error *err);

/* Sends signal to init; thaws it first when thaw is set. -ESRCH: not running. */
int engine_signal(const struct container_id *id, int signal, bool thaw, struct error *err);

/*
 * Asks init to halt, by the configured signal, SIGRTMIN+3 if init blocks or catches it, else SIGPWR, and waits for the end
 * at most timeout_ms (-1: for ever, 0: not at all). An init that has no handler yet, or is a new one after a reboot, is
 * asked again. 0, also when it did not run; -ETIMEDOUT.
 */
int engine_shutdown(const struct container_id *id, int timeout_ms, struct error *err);

/*
 * Kills init and all in its cgroup (SIGKILL or lxc.signal.stop) and waits until everything is released, at
 * most timeout_ms (-1: for ever). 0, also when it did not run; -ETIMEDOUT.
 */
int engine_kill(const struct container_id *id, int timeout_ms, struct error *err);

/*
 * Waits until the state is one of the mask (1 << STATE_x). timeout_ms -1: for ever, 0: look once.
 * 0 or -ETIMEDOUT.
 */
int engine_wait(const struct container_id *id, uint32_t state_mask, int timeout_ms, struct error *err);

/*
 * As engine_wait for STOPPED, but a reboot counts too when until_reboot is set. Subscribe before the act that
 * changes the state: engine_watch_open, act, engine_watch_wait, engine_watch_close.
 */
struct engine_watch;
int engine_watch_open(const struct container_id *id, struct engine_watch **ret_watch, struct error *err);
int engine_watch_wait(struct engine_watch *watch, uint32_t state_mask, int timeout_ms, struct error *err);
void engine_watch_close(struct engine_watch *watch);

int engine_freeze(const struct container_id *id, struct error *err);
int engine_unfreeze(const struct container_id *id, struct error *err);

/*
 * One cgroup file of the running container (limits group); v1 names work on a v2 host where an equal exists
 * and the other way round. get: length of *ret_value (malloc'ed, as the kernel gives it, newline included).
 */
int engine_cgroup_get(const struct container_id *id, const char *file, char **ret_value, struct error *err);
int engine_cgroup_set(const struct container_id *id, const char *file, const char *value, struct error *err);

/* ---- console ---- */

/*
 * An fd of the master side of tty number *tty (0: console, -1: first free, then *tty is set), and in
 * *ret_hold_fd the connection that keeps it allocated while open. -EBUSY: in use or none free.
 */
int engine_console_open(const struct container_id *id, int *tty, int *ret_master_fd, int *ret_hold_fd,
	struct error *err);
/* The console's ring buffer: malloc'ed copy (NULL when not read), cleared when clear is set.
 * -ENODATA empty, -EFAULT none configured. max: at most so many bytes from the end, 0: all. */
int engine_console_log(const struct container_id *id, bool read, bool clear, uint64_t max, char **ret_data,
	size_t *ret_length, struct error *err);

/* ---- seccomp ---- */

/* A copy of the fd on which the "notify" calls of init's seccomp filter arrive. -EBADF: it has no such call. */
int engine_seccomp_listener(const struct container_id *id, struct error *err);

/* ---- attach ---- */
struct attach_options {
	int namespaces;	       /* CLONE_NEW* mask; -1: all of init's that differ from the caller's */
	bool move_to_cgroup, drop_capabilities, set_personality, apply_lsm, no_new_privs, remount_proc_sys;
	bool setgroups;	       /* use groups below */
	long personality;      /* -1: the container's */
	uid_t uid;	       /* (uid_t)-1: 0 */
	gid_t gid;	       /* (gid_t)-1: 0 */
	const gid_t *groups;
	size_t group_count;
	bool clear_environment;
	char *const *keep_environment;	/* NULL-ended: names kept with clear_environment, or NULL */
	char *const *extra_environment; /* NULL-ended NAME=VALUE, or NULL */
	const char *initial_cwd;	/* NULL: the caller's cwd if it exists inside, else / */
	const char *lsm_label;
	int stdin_fd, stdout_fd, stderr_fd;
};

/* Runs function(payload) in the container as a child of the caller; *ret_pid must be waited for. */
int engine_attach(const struct container_id *id, int (*function)(void *payload), void *payload,
	const struct attach_options *options, pid_t *ret_pid, struct error *err);

/* ---- what is inside ---- */

/* Names of the interfaces, and addresses as network_addresses (network/network.h) gives them. */
int engine_interfaces(const struct container_id *id, struct string_list *ret_names, struct error *err);
int engine_addresses(const struct container_id *id, const char *interface, const char *family, int scope,
	struct string_list *ret_addresses, struct error *err);
/* Moves an interface in (inside_name NULL: keeps its name) or out. */
int engine_attach_interface(const struct container_id *id, const char *host_name, const char *inside_name,
	struct error *err);
int engine_detach_interface(const struct container_id *id, const char *inside_name, const char *host_name,
	struct error *err);

/*
 * Gives the container's (first) venet an address until it stops, or takes one away: filter, routes, announcement, the
 * interface inside. -EADDRINUSE: another has it; -EADDRNOTAVAIL: the container does not have it.
 */
int engine_add_address(const struct container_id *id, const char *address, struct error *err);
int engine_remove_address(const struct container_id *id, const char *address, struct error *err);

/* Counters of the container's cgroups; UINT64_MAX: this host does not have it. */
struct engine_stats {
	uint64_t memory_bytes, kernel_memory_bytes, cpu_ns, block_io_bytes;
	uint64_t oom_kills, memory_limit_hits, pids;
};
int engine_stats(const struct container_id *id, struct engine_stats *ret_stats, struct error *err);

/* Host sides of the container's veths with their counters as the host sees them. Number of links. */
struct engine_link {
	char host_name[16];
	uint64_t rx_bytes, tx_bytes;
};
int engine_links(const struct container_id *id, struct engine_link *links, size_t max, struct error *err);
/* See network_use; no supervisor is asked. Clear with link_use_list_clear. */
int engine_network_use(const struct container_id *id, bool totals_only, struct link_use_list *ret_list, struct error *err);
/* Limits the host side of lxc.net.INDEX until the container stops or reboots. */
int engine_set_rate(const struct container_id *id, uint32_t index, const struct link_rate *rate, struct error *err);

/* ---- lists ---- */

/* Names that have a run directory below base_path with a live init, sorted. */
int engine_list_active(const char *dialect, const char *base_path, struct string_list *ret_names,
	struct error *err);

/*
 * Events of all containers of base_path, for lxc-monitor: an fd of datagrams, each one struct monitor_event.
 * Closing: engine_monitor_close.
 */
struct monitor_event {
	uint32_t version;     /* 1 */
	uint32_t type;	      /* 0: state, 1: exit */
	int32_t value;	      /* enum container_state, or the wait status of init */
	char name[256];
	char base_path[512];
};
struct engine_monitor;
int engine_monitor_open(const char *dialect, struct engine_monitor **ret_monitor, struct error *err);
int engine_monitor_fd(const struct engine_monitor *monitor);
void engine_monitor_close(struct engine_monitor *monitor);

/*
 * Runs the hooks of moment that belong to no running container (clone, destroy). source_name: of what is cloned, or
 * NULL; extra: further arguments, or NULL.
 */
int engine_run_hooks(const struct spec *spec, enum hook_moment moment, const char *source_name, char *const *extra,
	struct error *err);

struct storage_usage;

/*
 * Disk space and number of files of the container that spec describes, whether it runs or not: as storage_limit_get and
 * storage_limit_set. set: 1 when its root could lift the limit until it is started again, because it was started without
 * one. spec has the new limits already.
 */
int engine_disk_get(const struct container_id *id, const struct spec *spec, struct storage_usage *ret, struct error *err);
int engine_disk_set(const struct container_id *id, const struct spec *spec, uint64_t bytes, uint64_t inodes,
	struct error *err);
