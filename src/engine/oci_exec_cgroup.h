#pragma once
#include "base/error.h"
#include "base/vector.h"

struct cgroup_set;

/*
 * exec --cgroup: set becomes the groups that wishes ("PATH" for all hierarchies, "CONTROLLER,...:PATH" for those of cgroup v1)
 * name below the container's own. They exist; none is made, and none outside of the container is reached. 0 or -errno.
 */
int oci_exec_cgroups(struct cgroup_set *set, const struct string_list *wishes, struct error *err);
