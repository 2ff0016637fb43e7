#pragma once
#include "base/error.h"
#include "engine/engine.h"
#include "migrate/pairs.h"

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Containers that move from host to host. One program here (the source) talks through a stream of bytes with one there
 * (the target); docs/migration-protocol.md says what they say, and who may run the container when.
 *
 * The right to run it is its configuration's name. Before the hand-over the file is CONFIG here and CONFIG.incoming there,
 * while the right is on its way CONFIG.migrated and CONFIG.incoming, then CONFIG.migrated and CONFIG.
 */

/* A container as the front end keeps it on this host. Strings are malloc'ed; see migrate_place_clear. */
struct migrate_place {
	struct container_id id; /* borrows */
	char *directory;	/* its own, where notes and memory are kept meanwhile */
	char *config;		/* file of its configuration */
};
void migrate_place_clear(struct migrate_place *place);

/* What the front end does. All int functions: 0 or -errno with *err filled. */
struct migrate_front {
	void *data;
	const char *criu; /* program; NULL: as engine/checkpoint.h has it */
	/* Where the container of that name is or would be; it need not be there. */
	int (*locate)(void *data, const char *name, struct migrate_place *ret, struct error *err);
	/*
	 * Target: *ret_text is text, which stood for the container in from_directory elsewhere, for the one in place, and
	 * *ret_root the directory that its root file system gets, or has. What it needs and this host has not becomes lines
	 * "missing" of answer.
	 */
	int (*adapt)(void *data, const struct migrate_place *place, const char *text, const char *from_directory, char **ret_text,
		char **ret_root, struct pairs *answer, struct error *err);
	/*
	 * Starts it, from the memory in directory images, or anew (NULL). Afterwards it runs, or nothing does. is_lazy: the memory
	 * may come while it runs already (engine/checkpoint.h).
	 */
	int (*start)(void *data, const struct migrate_place *place, const char *images, bool is_lazy, struct error *err);
	/* Source: ends it, at the latest after timeout_s; it may not run. */
	int (*stop)(void *data, const struct migrate_place *place, int timeout_s, struct error *err);
	/* Source: removes the container, whose configuration has the name config now. is_shared: its root file system stays. */
	int (*destroy)(void *data, const struct migrate_place *place, const char *config, bool is_shared, struct error *err);
	/* Is it a small file of place's directory that goes along? */
	bool (*is_companion)(int dir_fd, const char *name, struct stat *ret_info);
};

/* What the source tells whoever waits. */
struct migrate_progress {
	const char *step;     /* "root", "memory", "stop", "hand over", ...; "pages": it runs, bytes are to be filled, or were */
	unsigned pass;	      /* from 1; 0: the step has none */
	uint64_t entries, bytes; /* of this pass */
	uint64_t duration_us, estimated_freeze_us; /* 0: not known yet */
};

struct spec;

struct migrate_request {
	const char *name;
	const struct spec *spec; /* of the container here */
	const char *root_path;	 /* what is sent as its root file system; NULL: that of spec */
	const char *text;	 /* its configuration */
	const char *via;	 /* shell command that gives the stream; NULL with resume or abort: the one of before */
	bool online;		 /* with its memory; else it is stopped and started there */
	bool no_lazy;		 /* online: all of its memory is there before it runs */
	bool shared;		 /* the root file system is there already */
	bool keep;		 /* what is here is kept, as CONFIG.migrated */
	bool check;		 /* only say what is missing */
	bool force;		 /* abort: take it back although the target knows nothing of it */
	int timeout_s;		 /* how long the target may be silent, or away while the right to run is on its way */
	int stop_timeout_s;	 /* not online: how long it may take to shut down before it is killed */
	unsigned passes_max;	 /* over storage and over memory, while it runs */
	void (*progress)(void *data, const struct migrate_progress *progress);
	/* A line for the user: notes, and what is missing. */
	void (*tell)(void *data, const char *line);
	void *data;
};

/* How it went, in microseconds and bytes. */
struct migrate_result {
	uint64_t total_us, frozen_us; /* frozen: from the moment it stood still to the answer that it runs there */
	uint64_t bytes;
	bool is_here; /* it was given back, or never went: it runs, or does not, here as before */
};

/*
 * -EHOSTUNREACH: the right to run is on its way and the target can not be asked: migrate_resume or migrate_abort later.
 * After any other failure the container is here as it was.
 */
int migrate_send(const struct migrate_front *front, const struct migrate_request *request, struct migrate_result *ret,
	struct error *err);

/* Go on with, or take back, what a killed program or a lost link has left; request: as far as it matters. */
int migrate_resume(const struct migrate_front *front, const struct migrate_request *request, struct migrate_result *ret,
	struct error *err);
/* As resume, but what was cut before the hand-over is not begun anew: it is here then. Nothing left is no fault. */
int migrate_settle(const struct migrate_front *front, const struct migrate_request *request, struct migrate_result *ret,
	struct error *err);
int migrate_abort(const struct migrate_front *front, const struct migrate_request *request, struct migrate_result *ret,
	struct error *err);

/* Is there something that resume or abort would have to do? "source", "target" or NULL. */
const char *migrate_role(const struct migrate_place *place);

/* The target: serves one stream to its end. */
int migrate_receive(const struct migrate_front *front, int in_fd, int out_fd, struct error *err);
