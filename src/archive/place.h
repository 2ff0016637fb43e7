#pragma once
#include <limits.h>
#include <stdbool.h>

/* Where an entry of an archive goes. All return 0 or -errno. */

struct place {
	int parent_fd;	     /* O_PATH; -1: not found yet */
	char path[PATH_MAX]; /* without "." and doubled slashes; "": the top */
	const char *name;    /* the last part of path */
};

/* name as the archive has it, cleaned; -EXDEV: it has "..", -ENAMETOOLONG. */
int place_set(struct place *place, const char *name);
/* Finds the directory; it and those above it are made where they are missing if make_parents is set. */
int place_find(struct place *place, int root_fd, bool make_parents);
/* Closes the directory. */
void place_clear(struct place *place);

/* Canonical paths that this run has made: layers must not take away their own files. */
struct made {
	void *tree;
};
int made_add(struct made *made, const struct place *place);
void made_clear(struct made *made);

/*
 * Removes an entry and all below it, links not followed. made: what is in it stays, with the directories above;
 * NULL: everything goes. Nothing there is no fault. only_below: the entry itself stays.
 */
int place_remove(int parent_fd, const char *name, const struct made *made, bool only_below);
