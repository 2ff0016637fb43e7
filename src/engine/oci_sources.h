#pragma once
#include "engine/start.h"

/* Mount sources that the command opens before init is cloned: mapped ones, and with a user namespace all. */
bool oci_has_sources(const struct start *start);
bool oci_has_container_maps(const struct start *start);
int oci_open_sources(struct start *start, struct error *err);
