#pragma once
#include "tools/openvz/request.h"

/* What set does to a container that runs. An exit status; *ret_needs_restart: something holds only from the next start on. */
int vz_apply_live(struct vz *vz, const struct vz_request *request, bool *ret_needs_restart);
