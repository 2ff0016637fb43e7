#pragma once
#include "base/error.h"
#include "cgroup/cgroup.h"
#include "engine/rundir.h"

/*
 * OCI containers: the same engine without a supervisor that stays. `create` leaves when init waits for its start, init is
 * then a child of whoever is the subreaper, and every later command finds it by the run directory ROOT/ID.
 */
enum oci_status { OCI_CREATING, OCI_CREATED, OCI_RUNNING, OCI_PAUSED, OCI_STOPPED };
const char *oci_status_name(enum oci_status status);

#define OCI_START_SOCKET "start" /* in the run directory; there as long as the container is created and not started */

struct oci_container {
	struct container_id id;
	struct rundir dir;
	struct run_state state;
	struct spec *spec; /* NULL: create was killed before it had written it, or OCI_WITHOUT_SPEC */
	struct cgroup_set cgroups;
	bool has_cgroups;
	int init_pidfd; /* -1: stopped */
	enum oci_status status;
};

enum oci_load_flags {
	/* as the only command of those that do, which waits at most ten seconds for the others and finds what is there then */
	OCI_LOCK = 1 << 0,
	/* for who needs only its state and cgroups, and start, which reads the spec when the state says that it has to */
	OCI_WITHOUT_SPEC = 1 << 1,
};
/* flags: of enum oci_load_flags. -ENOENT: "container does not exist". Clear a zeroed or loaded object. */
int oci_load(const char *root, const char *name, unsigned flags, struct oci_container *ret, struct error *err);
void oci_clear(struct oci_container *container);
/* Removes the run directory (has_few: what a run that ended at once has), and the directory of all when it is the default one and empty. */
void oci_remove_rundir(struct rundir *dir, const char *root, bool has_few);
/* Is the caller an ordinary user, or root of a user namespace? */
bool oci_is_rootless(void);

int oci_start(struct oci_container *container, struct error *err);
/* all: every process in its cgroup, also when init has ended. */
int oci_kill(struct oci_container *container, int signal, bool all, struct error *err);
/* A container that runs only goes with force. Then nothing is left of it, and its poststop hooks have run. */
int oci_delete(struct oci_container *container, bool force, struct error *err);
int oci_pause(struct oci_container *container, struct error *err);
int oci_resume(struct oci_container *container, struct error *err);
/* The settings of spec on the running container. */
int oci_update(struct oci_container *container, const struct spec *spec, struct error *err);

typedef VECTOR(pid_t) oci_pid_list;
/* All processes in its cgroup, as the host numbers them. */
int oci_pids(const struct oci_container *container, oci_pid_list *ret, struct error *err);

/* "/root/id" of all containers below root, sorted. A root that is missing has none. */
int oci_list(const char *root, struct string_list *ret, struct error *err);

/* The state as JSON, with a newline at its end; pid 0 is shown when stopped. created: seconds since 1970, or 0. */
int oci_state_text(const struct spec *spec, enum oci_status status, pid_t pid, long long created, bool is_full, char **ret);
/* Seconds since 1970 at which the container was created. */
long long oci_created(const struct oci_container *container);
/* "2026-01-31T12:00:00.000000000Z" */
void oci_time_text(long long seconds, char buffer[32]);
/* Text as a JSON string, with its quotes. */
int oci_quote(const char *text, char **ret);

/* Runs the hooks of a moment. pid: as the hooks' namespace numbers it. For poststop all run, whatever fails. */
int oci_run_hooks(const struct spec *spec, enum oci_moment moment, enum oci_status status, pid_t pid, struct error *err);
bool oci_has_hooks(const struct spec *spec, enum oci_moment moment);

/* Tells a fault on standard error and in the log file of spec (NULL: none). */
void oci_report(const struct spec *spec, const struct error *err);

/* A stream socket connected to path, however long. fd or -errno. */
int oci_connect(int type, const char *path);
/* The listener of a seccomp filter to who asked for it by listenerPath. */
int oci_send_listener(const struct spec *spec, int listener_fd, pid_t pid, enum oci_status status, struct error *err);
/* A pidfd of pid to who asked for it by --pidfd-socket or the annotation run.oci.pidfd_receiver. */
int oci_send_pidfd(const struct spec *spec, pid_t pid, struct error *err);
/* The value of an annotation, or NULL. */
const char *oci_annotation(const struct spec *spec, const char *name);
/* PID without newline, by a temporary name. */
int oci_write_pid_file(const char *path, pid_t pid, struct error *err);
