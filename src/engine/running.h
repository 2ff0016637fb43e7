#pragma once
#include "cgroup/cgroup.h"
#include "engine/engine.h"
#include "engine/rundir.h"
#include "memory/memory.h"

/* A container that runs, as any process sees it: no supervisor is asked. */
struct running {
	struct rundir dir;
	struct run_state state;
	pid_t init_pid;
	int init_pidfd;
	struct spec *spec; /* as it was started; NULL unless asked for */
	struct cgroup_set cgroups; /* valid when has_cgroups */
	bool has_cgroups;
};

enum running_parts { RUNNING_SPEC = 1, RUNNING_CGROUPS = 2 };

/*
 * Fills *ret with what parts (enum running_parts, ored) name. Replaces a supervisor that was killed.
 * -ESRCH with *err: not running. running_clear takes a zeroed or cleared object.
 */
int container_load(const struct container_id *id, unsigned parts, struct running *ret, struct error *err);
void running_clear(struct running *running);

/* CLONE_NEW* of the namespaces that init has of its own: what the start made or joined. */
int running_namespaces(const struct spec *spec);

/* Adds those in the container's group and below, or init alone where it has no group. 0 or -errno. */
int running_processes(const struct running *running, struct memory_pids *pids);
