#pragma once
#include <stdarg.h>

/* What sort of fault it is. Decides the exit status per dialect; never derived from text. */
enum error_kind {
	ERROR_NONE,
	ERROR_USAGE,	   /* the command line is wrong */
	ERROR_CONFIG,	   /* the configuration is wrong */
	ERROR_NOT_FOUND,   /* no such container, file, interface */
	ERROR_BUSY,	   /* it runs, is locked, exists already */
	ERROR_PERMISSION,  /* EPERM, EACCES */
	ERROR_UNSUPPORTED, /* this kernel or this build cannot do it */
	ERROR_KERNEL,	   /* the kernel refused for another reason */
	ERROR_INTERNAL,	   /* our own fault */
};

/* One fault, of a fixed size: no allocation when memory is short, one send() from child to parent. */
struct error {
	int errnum; /* positive errno, or 0 */
	enum error_kind kind;
	char where[256]; /* FILE:LINE of the user's own file, or "" */
	char key[96];	 /* key as the user wrote it, or "" */
	char what[448];	 /* object and act, lower case, no errno text, no full stop */
	char hint[192];	 /* what to do, one imperative clause, or "" */
};

/*
 * Fills *err (may be NULL) with errnum (positive or negative errno, 0 for none) and a formatted "what".
 * The kind follows from errnum (ENOENT: NOT_FOUND, EPERM/EACCES: PERMISSION, EBUSY/EEXIST: BUSY,
 * EINVAL and the rest: KERNEL) unless set afterwards. Clears where, key and hint.
 * Returns -|errnum|, or -EINVAL when errnum is 0: "return error_set(err, r, ...)".
 */
int error_set(struct error *err, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with the kind given: for faults that are no errno pass errnum 0. Returns as error_set. */
int error_set_kind(struct error *err, enum error_kind kind, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Adds the one imperative clause that the user can follow. Returns -err->errnum (or -EINVAL). */
int error_hint(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets where the fault lies in the user's own file: "FILE:LINE" and key; NULL or line 0 leave a part out. */
void error_locate(struct error *err, const char *file, unsigned line, const char *key);

/*
 * Renders "WHERE: KEY: WHAT: STRERROR (HINT)" without the parts that are empty, without newline, control
 * characters shown as '?'. Returns buffer.
 */
const char *error_render(const struct error *err, char *buffer, unsigned long size);
