#pragma once
#include <lxc/lxccontainer.h>

#include "base/error.h"
#include "storage/store.h"

#include <stdbool.h>

/* A new container with the configuration and the files of another. */
struct clone_job {
	struct lxc_container *from;
	const char *name, *path; /* of the new one */
	int flags;
	char *directory; /* PATH/NAME */
	const char *store;   /* NULL: the original's */
	uint64_t size;	     /* bytes, of a new volume; 0: the original's */
	const char *comment; /* file of a snapshot's comment, or NULL */
	bool is_snapshot;    /* one of lxc-snapshot: has time and comment */
	bool stays_partial;  /* partial_fd is the caller's to end when all went well */
	/* what clone_container keeps here */
	int partial_fd;			 /* liblxc/partial.h */
	const struct store *made_store;	 /* of a volume that was made; NULL: none */
	char *made_source;
};

/* The new container; NULL with *err filled and nothing left. hookargs: for the clone hooks, NULL-ended, or NULL. */
struct lxc_container *clone_container(struct clone_job *job, char **hookargs, struct error *err);
