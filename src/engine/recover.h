#pragma once
#include "engine/rundir.h"

/*
 * Called with every look at a container: when nobody holds the lock although its state is not stopped, the
 * supervisor was killed. init alive: a new supervisor adopts it (returns 0). init dead: everything the journal
 * names is released, the directory is removed (returns -ENOENT, dir closed). Held: 0.
 */
int recover_if_abandoned(const struct container_id *id, struct rundir *dir);

/* The same for a directory that the caller has locked for a start. -EBUSY: its init is alive and was adopted. */
int recover_stale(const struct container_id *id, struct rundir *dir, struct error *err);

/*
 * For the caller of a start that failed, which holds the lock too: what a supervisor that was killed, or never came
 * to life, did not release. Closes dir.
 */
void recover_failed_start(const struct container_id *id, struct rundir *dir);
