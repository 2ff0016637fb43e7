#pragma once
#include "engine/start.h"

/*
 * Splits init into the tiny pid 1 of an application container and the child that becomes the program. Returns
 * 0 in the child; the parent reaps, passes signals on and ends with the program's status, it never returns.
 */
int app_init_fork(struct start *start, struct error *err);
