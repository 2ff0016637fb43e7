#pragma once
#include "engine/start.h"

/* Clones init into its namespaces and, on cgroup2, its cgroup; in the child runs init_plan and never returns. */
int placement_clone_init(struct start *start, struct error *err);
/* The child's side of that clone. */
void placement_run_init(struct start *start) __attribute__((noreturn));

/* Writes init's uid_map and gid_map. */
int placement_write_id_maps(struct start *start, struct error *err);
/* Opens what lxc.namespace.share.* names; in the supervisor. */
int placement_open_shared(struct start *start, struct error *err);
/* Joins them; in init. */
int placement_join(struct start *start, struct error *err);
/* Is there a source with option idmap=? And one that the host's root has to mount, which a volume is too? */
bool placement_has_idmapped(const struct start *start);
bool placement_has_sources(const struct start *start);
/* Room for one descriptor of each mount entry and of the root, which init inherits: none yet. */
int placement_make_sources(struct start *start, struct error *err);
/* Volumes, and copies of the sources with option idmap=, their owners mapped; before the clone. close: after it, or at the end. */
int placement_open_sources(struct start *start, struct error *err);
/* Those with idmap=container get the container's map, once that is written and before init mounts them. */
int placement_map_sources(struct start *start, struct error *err);
/* The same for a restore, whose init is made later, by criu. */
int placement_map_sources_early(struct start *start, struct error *err);
void placement_close_sources(struct start *start);
