#pragma once
#include "engine/start.h"

/*
 * clone-init where a user namespace is joined: the new namespaces have to be its own, and we stay on the host. A helper
 * joins it and clones init as our child.
 */
int oci_clone_in_user_namespace(struct start *start, struct error *err);
