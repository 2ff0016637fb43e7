#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the project's own commands need beyond the public API of lxc/lxccontainer.h. Not exported by liblxc.so.1.
 * All return >= 0 or -errno and set c->error_string to one rendered line where there is a container.
 */
struct lxc_container;

struct extra_start_options {
	bool foreground;     /* replaces the calling process by the supervisor; returns only on failure */
	bool application;    /* lxc-execute: argv below the tiny init, no rootfs needed */
	const char *command; /* for error lines: "lxc-start" */
	const char *pidfile; /* or NULL */
	bool close_all_fds;
	char *const *argv;   /* NULL: the container's init */
};
/* 1: it runs, but something that was asked for is missing; c->error_string says what. */
int extra_start(struct lxc_container *c, const struct extra_start_options *options);

struct extra_restore_options {
	const char *directory, *action_script; /* the latter or NULL */
	const char *command;		       /* for error lines */
	bool foreground, verbose;	       /* as of extra_start_options */
	bool lazy;			       /* the memory comes while it runs, where it can: extra_await_memory */
};
/* 1: as of extra_start. */
int extra_restore(struct lxc_container *c, const struct extra_restore_options *options);
/* Waits until all of the memory is there. Negative: the container has ended before. */
int extra_await_memory(struct lxc_container *c);
/* How much there is in a checkpoint. */
uint64_t extra_memory_bytes(const char *directory);
/* The container runs on. action_script or NULL. */
int extra_checkpoint(struct lxc_container *c, const char *directory, const char *action_script, bool verbose);

/* What keeps the running container from being checkpointed; fields as of struct checkpoint_blocker. Their number. */
struct extra_blocker {
	int pid;
	char *process, *service, *what;
};
int extra_blockers(struct lxc_container *c, struct extra_blocker **ret_blockers);
void extra_blockers_free(struct extra_blocker *blockers, size_t count);

/*
 * The file of a template by its name or path, malloc'ed: in LXC_TEMPLATE_PATH if that is set, else where ours are
 * installed, else where a distribution has others. It need not exist.
 */
int extra_find_template(const char *name, char **ret_path);

/* An object without loading the configuration that LXCPATH/NAME may have; lxcpath NULL: the configured one. */
struct lxc_container *extra_container_open(const char *name, const char *lxcpath);
/* Loads file on top of what c has (lxc-start -f). */
int extra_load_config(struct lxc_container *c, const char *file);
/* "KEY=VALUE" or "KEY = VALUE" of -s, --define. */
int extra_define(struct lxc_container *c, const char *definition);

struct extra_stats { /* UINT64_MAX: this host does not have it */
	uint64_t memory_bytes, kernel_memory_bytes, cpu_ns, block_io_bytes;
	uint64_t oom_kills, memory_limit_hits, pids;
};
int extra_stats(struct lxc_container *c, struct extra_stats *ret_stats);

/* Bytes and packets of the container's links as the host sees them (host side of a veth). */
struct extra_link {
	char host_name[16];
	uint64_t tx_bytes, rx_bytes; /* seen from the container: tx is what it sent */
};
int extra_links(struct lxc_container *c, struct extra_link *links, size_t max); /* number of links */

/* An interface of the container, all as the container sees it; where it can not be entered, only name and counters of
 * its veths' host sides. */
struct extra_interface {
	const char *name;      /* inside, NULL: not known */
	const char *host_name; /* of its other end; NULL: it has none */
	const char *kind;      /* "veth", "macvlan", ...; "phys" */
	uint64_t tx_bytes, tx_packets, tx_dropped, rx_bytes, rx_packets, rx_dropped; /* UINT64_MAX: not known */
	uint64_t egress_bits, ingress_bits; /* limits per second; 0: none */
	char *const *addresses;		    /* with prefix */
	size_t address_count;
};
struct extra_interfaces {
	struct extra_interface *items;
	size_t count;
	void *owned;
};
/* Number of interfaces that lead out of it. totals_only: without addresses, limits and what the limits dropped. */
int extra_interfaces(struct lxc_container *c, bool totals_only, struct extra_interfaces *ret);
void extra_interfaces_clear(struct extra_interfaces *interfaces);
/* Bytes of all of them. */
int extra_traffic(const char *lxcpath, const char *name, uint64_t *ret_tx_bytes, uint64_t *ret_rx_bytes);
/* Limits lxc.net.INDEX while the container runs. Texts as in the configuration, NULL: egress and ingress stay, burst fits. */
int extra_set_rate(struct lxc_container *c, unsigned index, const char *egress, const char *ingress, const char *burst);
/* Gives the container's venet an address until it stops, or takes one away. */
int extra_add_address(struct lxc_container *c, const char *address);
int extra_remove_address(struct lxc_container *c, const char *address);

/* What the root file system has and may have. UINT64_MAX: not counted; limits: 0 for none. */
struct extra_disk {
	const char *mechanism; /* "project quota", "image", ... */
	uint64_t bytes, bytes_limit, inodes, inodes_limit;
};
int extra_disk(struct lxc_container *c, struct extra_disk *ret);
/*
 * Limits it from now on, and in the configuration. Texts as there, "0": no limit, NULL: as it is. 1: done, but
 * c->error_string says what does not hold yet.
 */
int extra_set_disk(struct lxc_container *c, const char *size, const char *inodes);

/* The halt signal, in or out of a wait: as lxc-stop. timeout_s -1: for ever. 0 or -ETIMEDOUT. */
int extra_stop(struct lxc_container *c, int timeout_s);   /* kill at once */
int extra_wait_states(struct lxc_container *c, uint32_t state_mask, int timeout_ms); /* as engine_wait */

/* Names (malloc'ed array of malloc'ed strings, sorted) that run below lxcpath, also undefined ones. Count. */
int extra_list_running(const char *lxcpath, char ***ret_names);
/* The containers of OpenVZ's dialect (malloc'ed array), which vzctl looks after. Count. */
struct extra_other {
	char name[12];
	bool starts_with_host, has_own_ids;
};
int extra_others(struct extra_other **ret);
/* The OCI runtime's containers below root (NULL: wabe's default one), malloc'ed array. Count. */
struct extra_oci {
	char name[256];
	int state; /* as below; a created one is starting */
	int init_pid;
};
int extra_oci_list(const char *root, struct extra_oci **ret);
/* State and pids without building a container object. lxcpath NULL: of OpenVZ's. */
struct extra_status {
	int state; /* engine's enum container_state */
	int init_pid, supervisor_pid;
};
int extra_status(const char *lxcpath, const char *name, struct extra_status *ret_status);
const char *extra_state_name(int state);
int extra_state_from_name(const char *name);

/* State changes of all containers. */
struct extra_event {
	int type; /* 0: state, 1: exit */
	int value;
	char name[256];
	char base_path[512];
};
struct extra_monitor;
int extra_monitor_open(struct extra_monitor **ret_monitor);
/* 1: *ret_event filled, 0: something else arrived. */
int extra_monitor_read(struct extra_monitor *monitor, struct extra_event *ret_event);
void extra_monitor_close(struct extra_monitor *monitor);

/* Interactive console of lxc-console: tty -1 = first free; escape: 1 = Ctrl+a. Returns after Ctrl+a q. */
int extra_console_attach(struct lxc_container *c, int tty, int in_fd, int out_fd, int escape);

/*
 * Writes a stopped container as one tar archive to out_fd: metadata, config, small files beside it, rootfs/, with owners
 * as the container sees them. compression: "none", "gzip", "xz", "bzip2" or "zstd".
 */
int extra_export(struct lxc_container *c, int out_fd, const char *compression);

/* To another host, or the end of what was left of that: migrate/migrate.h. name, spec and text of request are filled in. */
struct migrate_request;
struct migrate_result;
enum extra_migration { EXTRA_MIGRATE_SEND, EXTRA_MIGRATE_RESUME, EXTRA_MIGRATE_ABORT, EXTRA_MIGRATE_SETTLE };
int extra_migrate(struct lxc_container *c, enum extra_migration act, struct migrate_request *request, struct migrate_result *ret);
/* The other end of it. message: one line, size bytes. */
int extra_migrate_receive(const char *lxcpath, int in_fd, int out_fd, char *message, size_t size);

/* Checks a configuration as a start would (lxc-checkconfig FILE and lxc-start before anything is made). */
int extra_validate(struct lxc_container *c);
/* Rewrites 2012 keys of text (lxc-update-config). message: one line, size bytes. */
int extra_update_config(const char *text, const char *file, char **ret_text, char *message, size_t size);
