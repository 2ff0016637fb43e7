#pragma once
#include <lxc/lxccontainer.h>

#include "base/error.h"

#include <stdbool.h>

/*
 * The file "partial" in a container's directory: whoever changes the container as a whole holds its lock until the new
 * state is there. Where it is left without a lock, the one who did so is dead, and the next who opens the container
 * ends the work: forward where the new state is whole, else back. Its first word says what the work was.
 */
#define PARTIAL_NEW	 "new"	     /* making or removing it: what there is goes, with the volumes that are noted */
#define PARTIAL_CONFIG	 "config"    /* the same, in a directory that was there before: only the configuration goes */
#define PARTIAL_RENAME	 "rename"    /* OLD NEW: moves with its directory; config.new has the configuration of the new one */
#define PARTIAL_RESTORE	 "restore"   /* NAME COPY: a copy of a snapshot that changes places with the container */

/* Is somebody making or removing it, or was when he died? One that only changes names or places is whole. */
bool container_is_partial(const struct lxc_container *c);

/* Ends what was cut off, if anything. */
void container_recover(struct lxc_container *c);

/*
 * Of a container with a file "partial": ends what a dead one has left. False: somebody is still making or removing it, so
 * there is none.
 */
bool partial_settle(const char *lxcpath, const char *name);

/*
 * Makes the file with that line in it, locked: its fd. -EEXIST: another is at work. With work PARTIAL_NEW for a removal
 * that fails, partial_end leaves the container as it is then.
 */
int partial_begin(const struct lxc_container *c, const char *work) __attribute__((warn_unused_result));

/* Makes the directory, too, or takes one without anything of value: others remove an empty one. */
int partial_begin_in(const struct lxc_container *c, const char *directory, const char *work) __attribute__((warn_unused_result));

/* The same work goes on as another: the file is replaced, volumes that were noted are no more. 0 or -errno. */
int partial_change(const struct lxc_container *c, int *fd, const char *work) __attribute__((warn_unused_result));

/*
 * Before a volume is made or removed: a cut off work takes it away. is_own: of the copy in a restore, only when that does
 * not become the container. source as in lxc.rootfs.path. 0 or -errno.
 */
int partial_note_volume(int fd, bool is_own, const char *store, const char *source);

/* Removes the file and lets go of the lock. */
void partial_end(const struct lxc_container *c, int *fd);
