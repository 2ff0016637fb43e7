#pragma once
#include "base/log.h"
#include "cgroup/cgroup.h"
#include "engine/console.h"
#include "engine/engine.h"
#include "engine/handover.h"
#include "engine/notify.h"
#include "engine/pages.h"
#include "engine/plan.h"
#include "engine/rundir.h"
#include "network/network.h"
#include "rootfs/rootfs.h"
#include "security/security.h"

/* How the supervisor was asked to behave; from its command line. */
struct supervisor_options {
	bool foreground;	 /* init dies with the supervisor */
	bool restore;		 /* the first start is out of the checkpoint that the run directory names */
	bool adopt;		 /* take over a container whose supervisor was killed */
	bool print_errors;	 /* nobody waits on the report socket: errors go to standard error */
	bool container_status;	 /* end with init's exit status rather than 0 */
	bool close_all_fds;
	const char *command;	 /* who started it, for error lines: "lxc-start" */
	const char *pidfile;
	int report_fd;		 /* struct message to the caller; -1: none */
};

/*
 * All that one start needs, owned by the supervisor; init has the copy that the clone gave it. Everything up
 * to `init_pid` is fixed before clone-init.
 */
struct start {
	struct spec *spec;
	const struct supervisor_options *options;
	struct container_id id;
	struct rundir dir;
	int journal_fd;
	struct log *log;
	uint32_t namespaces; /* bits 1 << NAMESPACE_x: new ones */
	int join_fds[NAMESPACE_KINDS]; /* namespaces to join, or -1 */
	struct cgroup_layout layout;
	struct cgroup_set cgroups;
	bool has_cgroups;
	struct rootfs_hierarchy *hierarchies; /* what layout and cgroups say to the rootfs */
	int cgroup_fd; /* of the group on v2: for CLONE_INTO_CGROUP and the device filter; or -1 */
	bool is_placed_by_clone;
	struct network *network;
	struct seccomp_filter seccomp;
	struct security_labels labels;
	struct notify notify;
	struct console console;
	struct handover handover;
	struct rootfs_context root;
	int *mount_fds; /* per mount entry, then the rootfs: idmapped source or -1; NULL: none has one */
	int netns_fd; /* of the container, so that its interfaces can be taken back */
	int control_fd;
	int signal_fd; /* of an OCI command in the foreground; else -1 or unset */
	int keeper_fd; /* of oci_systemd.h; -1: none */
	int ready_fd;  /* of oci_ready.h; -1: none */
	pid_t keeper_pid;
	bool is_reboot; /* this start follows a reboot */
	bool is_init;	/* this process is init's side */
	bool has_prepared_state; /* OCI: what is to be the state has been written */
	pid_t init_pid;
	int init_pidfd;
	int init_stat_fd; /* adopted: /proc/PID/stat, for its exit status */
	uint64_t init_start_ticks;
	const char *running_step;
	const struct step *init_plan; /* what init walks */
	struct pages pages;	 /* of a restored container, as long as not all of its memory is there */
	struct restore *restore; /* out of a checkpoint; NULL: a fresh start */
};

/* Tells who starts the container what it will lack; the start goes on. */
void start_warn(const struct start *start, const struct error *warning);

/* Everything of one start at its beginning. */
void start_prepare(struct start *start);

/* Tells the rootfs which hierarchies the host has and where the container is in them. 0 or -ENOMEM. */
int start_describe_hierarchies(struct start *start);

/* Lent devices must not go down with the namespace of init when all are killed together: the run directory holds it. */
int start_keep_network(struct start *start, struct error *err);

/* Walks a plan; stops at the first failure. 0 or -errno with *err naming the step's fault. */
int plan_run(const struct step *plan, struct start *start, struct error *err);

/* Replays the journal backwards and releases what start holds; safe to call at any point and twice. */
void start_release(struct start *start);

/* Writes the state file and tells the monitors. */
int start_set_state(struct start *start, enum container_state state, struct error *err);
