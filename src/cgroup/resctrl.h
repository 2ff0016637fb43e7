#pragma once
#include <sys/types.h>

#include "cgroup/cgroup.h"

/*
 * linux.intelRdt: cache ways and memory bandwidth of processors that divide them, by groups of the resctrl file system
 * (kernel: Documentation/filesystems/resctrl.rst). The group is the one named by closID, or the container's own, and below it
 * may be one that only counts. root: where resctrl is mounted; the functions take it, so that a directory can play it.
 */
struct error;
struct spec;

/* Where it is mounted in the caller's mount namespace; malloc'ed. Error: it is not. */
int resctrl_find(const struct spec *spec, char **ret_root, struct error *err);

/*
 * Makes the groups that are missing, or compares what is asked for with what another has set for closID. What it makes for
 * this container alone goes into the journal first (kind "DIRECTORY"); a group of a closID is others' too, and stays.
 */
int resctrl_make(const char *root, const struct spec *spec, cgroup_journal journal, void *data, struct error *err);

/* pid and what it forks from now on count to the container's groups. */
int resctrl_enter(const char *root, const struct spec *spec, pid_t pid, struct error *err);

/* Other schemata (lines) for the group of a container that runs. */
int resctrl_set(const char *root, const struct spec *spec, const struct string_list *schemata, struct error *err);
