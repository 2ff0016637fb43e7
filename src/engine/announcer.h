#pragma once
#include "engine/start.h"

/*
 * A container that came out of a checkpoint may be at another place of its network than its neighbours believe. They are told
 * a few times, in a second: a bridge may not forward yet what comes from a port that is new.
 */

/* An fd that can be read when announcer_serve is to be called; -1: there is no one to tell. */
int announcer_open(const struct start *start);
/* The fd is closed after the last time. */
void announcer_serve(const struct start *start, int *fd, unsigned *count);
