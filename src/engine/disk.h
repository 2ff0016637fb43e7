#pragma once
#include "base/error.h"

#include <stdbool.h>

struct start;

bool disk_is_limited(const struct start *start);
/*
 * Limits of lxc.rootfs.size and .inodes before init is cloned; fills limit_guard of the spec. Refuses lxc.rootfs.quota on a
 * file system that is not the container's own. After the pre-start hooks,
 * and before an image is mounted.
 */
int disk_limit_start(struct start *start, struct error *err);
