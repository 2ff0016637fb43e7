#pragma once
#include "base/error.h"

#include <stdbool.h>

/*
 * OpenVZ's own images ("expanded" ploop, the format of Parallels' disks: QEMU docs/interop/parallels.txt): a header, a table
 * with the place of each cluster, the clusters. The file system is in the first partition, or is all of it.
 */
bool ploop_is_image(const char *path);
/* Writes its file system to a new file, sparse. 0 or -errno with *err filled; nothing half-made stays. */
int ploop_expand(const char *path, const char *target, struct error *err);
