#pragma once
#include "base/error.h"

struct spec;
struct start;

/* The container's cgroup as a scope of systemd (--systemd-cgroup), by the program wabe-systemd. All: 0 or -errno. */

/*
 * Notes the scope of spec->oci.systemd_unit in the journal and makes it; spec's cgroup becomes where systemd has put it.
 * start->keeper_fd keeps a process in it until oci_unit_leave: an empty scope ends.
 */
int oci_unit_start(struct start *start, struct error *err);
void oci_unit_leave(struct start *start);
/* The limits of spec, changed, as the unit's properties: a reload of systemd would undo them else. unit: as in the spec. */
int oci_unit_update(const char *unit, const struct spec *spec, struct error *err);
/* By a journal entry; best effort. */
void oci_unit_stop(const char *argument);
