#pragma once
#include "engine/start.h"

/*
 * The supervisor's life: starts (or adopts) the container that the run directory describes, watches it,
 * starts it again at a reboot, releases everything. Returns the exit status of the process.
 */
int supervise(struct start *start);
