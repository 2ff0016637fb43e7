#pragma once
#include "engine/oci.h"
#include "engine/start.h"

/* Between the files engine/oci_*.c. */

/* ---- terminal ---- */
/* A pty of the container's own devpts below root_fd. */
int oci_terminal_open(int root_fd, const struct spec *spec, int *ret_master, int *ret_slave, struct error *err);
/* To the console socket. */
int oci_terminal_send(int socket_fd, int master_fd, struct error *err);
/* The slave becomes standard input, output, error and controlling terminal. */
int oci_terminal_take(int slave_fd, struct error *err);

/* The end of a --console-socket, or of a pair whose other end is *ret_own_fd when there is none. */
int oci_console_open(const struct spec *spec, int *ret_socket, int *ret_own_fd, struct error *err);

/* ---- the program ---- */
/* Looks argv[0] up; at create, so that its absence is told there. */
int oci_find_program(struct spec *spec, struct error *err);
/*
 * AppArmor profile and SELinux context from the next execve on. Init does it at create, where a profile that is not loaded is
 * a fault; so the startContainer hooks have them, too, as below runc.
 */
int oci_set_label(const struct spec *spec, struct error *err);
/* process.oomScoreAdj of pid, by the host's /proc; an ordinary user's wish to lower it is let go. */
int oci_set_oom_score(const struct spec *spec, pid_t pid, struct error *err);
/* The last acts of init and of exec; returns only on failure. */
int oci_execute(struct spec *spec, const struct seccomp_filter *seccomp, int handover_fd, bool is_init, struct error *err);

/* What the caller ignores (conmon: SIGPIPE) is not to be ignored inside. Needs the host's /proc. */
void oci_reset_signals(void);

/* ---- the caller's side ---- */
/* A process that the caller waits for in the foreground; fds that are not there are -1. */
struct oci_waited {
	pid_t pid;
	int pidfd;
	int signal_fd, own_console_fd;
	bool has_terminal;
	int ready_fd; /* of oci_ready.h; closed when it has done its work */
	const struct spec *spec;
};
/* Until it has ended: passes signals, the terminal's bytes and READY=1 on. The wait status. */
int oci_wait(const struct oci_waited *waited);
/* Messages of a program about to be executed until it is. */
int oci_await_exec(const struct spec *spec, int fd, pid_t pid, enum oci_status status, struct error *err);

/* linux.intelRdt (cgroup/resctrl.h), where resctrl is mounted. data: for journal. */
int oci_join_resctrl(const struct spec *spec, pid_t pid, cgroup_journal journal, void *data, struct error *err);

/* Where a container's groups are; layout and set are the caller's to clear. */
int oci_plan_cgroups(const struct spec *spec, struct cgroup_layout *layout, struct cgroup_set *set, struct error *err);

/* prestart and createRuntime, when init's namespaces are there. */
int oci_run_early_hooks(struct start *start, struct error *err);

/* Steps: the state file. */
int oci_save_starting(struct start *start, struct error *err);
/* Writes beside init what oci_save_running makes the state then. */
int oci_prepare_running(struct start *start, struct error *err);
int oci_save_running(struct start *start, struct error *err);
/* A program of a run in the foreground: its state is written once it has lived for a moment, and then by who waits for it. */
bool oci_may_end_at_once(const struct start *start);

extern const struct step oci_supervisor_plan[];
extern const struct step oci_init_plan[];
