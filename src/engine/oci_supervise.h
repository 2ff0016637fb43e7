#pragma once
#include "engine/oci.h"

/* create and run: the exit status of the command. The run directory is locked, has the spec, and is closed at the end. */
int oci_supervise(const struct container_id *id, const struct rundir *dir, struct spec *spec);
/* exec: the same; container->spec says which process. */
int oci_exec(struct oci_container *container);
