#pragma once
#include "base/error.h"

struct spec;

/*
 * linux.netDevices: an interface loses its addresses when it moves; those that are to be kept (permanent ones that others can
 * reach) become the spec's, so that init gives them back to it. Before the clone. 0 or -errno.
 */
int oci_net_keep_addresses(struct spec *spec, struct error *err);
