#pragma once
#include "engine/start.h"

/*
 * Becomes the tiny pid 1 of an application container: reaps, passes signals on, ends with the program's status.
 * The program is the child in which become_program runs, once the tiny init has given up its own rights; it shares
 * the memory and must end in exec or _exit. Returns only when there is no child: -errno with *err filled.
 */
int app_init_run(struct start *start, void (*become_program)(struct start *start), struct error *err);
