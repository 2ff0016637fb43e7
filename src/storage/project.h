#pragma once
#include "base/error.h"

#include <stdint.h>

/* Shared by the files of this folder; not for others. */

/*
 * Gives the tree at path a project of its own, with its limits before any file bears it, or completes what was cut off.
 * A tree that has one keeps it. like: a number to take, 0: a free one.
 */
int project_claim(const char *path, uint32_t like, uint64_t bytes, uint64_t inodes, uint32_t *ret_project, struct error *err);
