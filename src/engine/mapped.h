#pragma once
#include "base/error.h"

#include <stdbool.h>

struct spec;

/* Is the caller an ordinary user whose container has ids of its own, so that its files are not the caller's? */
bool engine_needs_mapping(const struct spec *spec);

typedef int (*mapped_work)(void *data, struct error *err);

/*
 * Runs work where the caller may change files of the container: for an ordinary user in a child process that is root
 * of a user namespace with spec's id maps, to which the caller's own user and group are added, and of a mount namespace;
 * otherwise, and without id maps, here. What work changes in memory is lost in the first case. 0 or -errno with *err
 * filled, work's own among them.
 */
int engine_run_mapped(const struct spec *spec, mapped_work work, void *data, struct error *err);

/* The same for the host's root too, so that work sees the owners that the container sees. Without id maps: here. */
int engine_run_inside(const struct spec *spec, mapped_work work, void *data, struct error *err);
