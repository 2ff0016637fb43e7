#pragma once
#include "base/error.h"
#include "migrate/migrate.h"

#include <stdbool.h>

/*
 * What each side has noted of a migration, in the file "migration" of the container's directory: pairs, replaced as a
 * whole and on the disk before the act that they name. Who works holds the lock of "migration.lock".
 */
struct record {
	const struct migrate_place *place;
	int dir_fd, lock_fd;
	struct pairs pairs; /* role, id, state, ... */
};

/*
 * Takes the lock and reads what there is. make: the directory is made where it is missing. take_over: a program of before
 * that still waits for its lost link is ended. -ENOENT: no such directory; -EBUSY: another works.
 */
int record_open(struct record *record, const struct migrate_place *place, bool make, bool take_over, struct error *err);
/* Without the lock: what is noted, -ENOENT when nothing is; does somebody work? */
int record_peek(const struct migrate_place *place, struct pairs *ret);
bool record_is_locked(const struct migrate_place *place);
const char *record_state(const struct record *record);
/* Notes the state, and the other pairs as they are. */
int record_save(struct record *record, const char *state, struct error *err);
/* Removes it: the migration is over. */
void record_remove(struct record *record);
void record_close(struct record *record);

/* Renames a file of the configuration, to the disk. suffixes: "" , ".incoming", ".migrated". */
int record_rename_config(const struct record *record, const char *from, const char *to, struct error *err);
bool record_has_config(const struct record *record, const char *suffix);

/* Makes the directory of the images of memory; that it is there is no error. The root of an id-mapped container has to pass through it. */
int record_make_memory(const struct record *record, struct error *err);
/* Removes a tree in the directory; nothing there is no fault. */
int record_remove_tree(const struct record *record, const char *name, struct error *err);
