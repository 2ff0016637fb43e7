#pragma once
#include "engine/engine.h"

/*
 * The turn to let criu at a container, waited for up to 30 s, and ten minutes for memory that comes after a restore: who is killed leaves a criu that is still about to take its
 * work back. An fd that holds the turn, for criu to inherit, or -errno with *err filled.
 */
int checkpoint_turn_take(const struct container_id *id, int run_fd, struct error *err);
