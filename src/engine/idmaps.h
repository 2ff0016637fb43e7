#pragma once
#include "base/error.h"
#include "spec/spec.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Writes spec's id maps into the user namespace of pid, newuidmap(1) being asked where the caller may not. with_self:
 * the caller's own user and group are mapped too, each to the first free id. A refused map is told with the range that
 * /etc/subuid or /etc/subgid lacks. 0 or -errno with *err filled.
 */
int idmaps_write(const struct spec *spec, pid_t pid, bool with_self, struct error *err);

/* The id inside that stands for the caller's own (outside) in the maps that with_self makes. */
uint32_t idmaps_self(const struct spec *spec, bool is_gid, uint32_t own);

/* Can the caller give a container spec's ids: has this kernel user namespaces, and the caller's own all those ids? */
bool idmaps_are_usable(const struct spec *spec);
