#pragma once
#include "base/error.h"
#include "cgroup/cgroup.h"
#include "engine/engine.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#define CHECKPOINT_LOCK "checkpoint.lock" /* in the run directory; see engine/checkpoint_turn.h */

/*
 * The run directory of one container: /run/wabe/DIALECT/NAME-HASH (root) or below $XDG_RUNTIME_DIR. It exists
 * from the first moment of a start until everything is released. A flock on the directory itself, held for
 * life by the supervisor, says who is in charge; the kernel drops it when the supervisor dies.
 * Files: spec (flat), state, journal, devices (rules set at run time).
 */
struct rundir {
	int fd;
	char path[PATH_MAX];
};

/* OCI containers have none: whoever is init's parent sees its end. */
static inline bool container_has_supervisor(const struct container_id *id)
{
	return strcmp(id->dialect, "oci") != 0;
}

/* Parent directory of all run directories of a dialect, for lists and monitors. */
int rundir_parent(const char *dialect, char *buffer, size_t size);

/*
 * Where the states of OCI's --root DIR given are: DIR itself, or, where that lies on a disk, a directory in memory that is
 * kept for it: a state is worth nothing after a reboot, and ext4 makes a file the slower the more have been deleted of late
 * (it passes over inodes freed in the last minutes). make: DIR is made when it is missing. 0 or -errno.
 */
int rundir_root(const char *given, bool make, char *buffer, size_t size);

/* What the directory's name has behind the container's: "-HASH" of the base path. size >= 10. */
void rundir_suffix(const char *base_path, char *buffer, size_t size);

/* Opens the directory of a container. -ENOENT: it does not run. */
int rundir_open(const struct container_id *id, struct rundir *ret);

/* Makes and locks it. -EBUSY: somebody holds it, *err says so. A directory that nobody holds is returned with
 * *ret_is_stale set: a crash left it, the caller must clean up what its journal names before using it. */
int rundir_create(const struct container_id *id, struct rundir *ret, bool *ret_is_stale, struct error *err);

/* Takes the lock of an open directory. 0, -EBUSY (held), -ENOENT (it was removed meanwhile). */
int rundir_lock(const struct rundir *dir);

/* Whether it has none of the files: a start has just made it, or was killed at once. */
bool rundir_is_empty(const struct rundir *dir);

/* For who holds the lock of what has only a spec and a journal: false when there is more, for rundir_remove then. */
bool rundir_remove_few(const struct rundir *dir);
/* Removes the known files and the directory, and closes it. */
void rundir_remove(struct rundir *dir);
void rundir_close(struct rundir *dir);

/* What the state file says. */
struct run_state {
	enum container_state state;
	pid_t init_pid;
	uint64_t init_start_ticks; /* guards against reuse of the pid */
	pid_t supervisor_pid;
	bool foreground;
	bool starts_plainly; /* OCI: start needs nothing of the spec */
	char *cgroups; /* text for cgroup_set_from_text, malloc'ed */
};
int run_state_read(int run_fd, struct run_state *ret);
int run_state_write(int run_fd, const struct run_state *state);
/* The same in two steps: what the first has written is the state from the second on. */
int run_state_prepare(int run_fd, const struct run_state *state);
int run_state_commit(int run_fd);
void run_state_clear(struct run_state *state);

/* A pidfd of the init that state names, or -ESRCH when that process is gone. */
int run_state_open_init(const struct run_state *state);
/* The same; -ESRCH also when it has ended and nobody has reaped it. */
int run_state_open_living_init(const struct run_state *state);
