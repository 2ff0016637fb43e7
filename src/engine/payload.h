#pragma once
#include "engine/start.h"

/* Gives up what the spec takes away and executes the program (below the tiny pid 1 when spec says so).
 * Returns only on failure. */
int payload_execute(struct start *start, struct error *err);
