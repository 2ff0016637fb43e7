#pragma once
#include "base/namespace_kind.h"
#include "base/vector.h"
#include "tools/tool.h"

#include <stdint.h>
#include <sys/types.h>

/* What isolates a running container, as the kernel tells it: lxc-info --security. */

enum verdict {
	VERDICT_ISOLATED,  /* its own; nothing of the host's is reached */
	VERDICT_SHARED,	   /* the host's */
	VERDICT_LIMITED,   /* the host's, and something holds it back */
	VERDICT_UNLIMITED, /* nothing holds it back */
	VERDICT_UNKNOWN,   /* the kernel does not tell, or not to this caller */
	VERDICTS,
};

struct security_row {
	const char *area, *name;
	enum verdict verdict;
	char *detail;
};

struct security_view {
	pid_t init, supervisor; /* supervisor 0: not known */
	pid_t program; /* of an application container the command below the tiny init; else init */
	char *mountinfo; /* of program; "" when it can not be read */
	unsigned own_namespaces; /* bits of 1 << NAMESPACE_x that are not the host's */
	bool has_host_root;	 /* its "/" is the host's */
	bool is_out_of_memory;
	VECTOR(struct security_row) rows;
};

static inline bool view_has_own(const struct security_view *view, enum namespace_kind kind)
{
	return view->own_namespaces & 1U << kind;
}

/* area and name: literals. Control characters, which a container may have put into a name, become '?'. */
void view_add(struct security_view *view, const char *area, const char *name, enum verdict verdict, const char *detail,
	...) __attribute__((format(printf, 5, 6)));

/* The file /proc/PID/NAME, malloc'ed; NULL: it can not be read. */
char *view_read(pid_t pid, const char *name);
/* The value of a line "KEY:\tVALUE" of /proc/PID/status, without its end; "" when there is none. */
void view_status(const char *status, const char *key, char *ret, size_t size);
/* Names of a mask of capabilities, or all but which, into a malloc'ed text; NULL: no memory. */
char *view_capabilities(uint64_t mask);

/* One function per area. */
void view_namespaces(struct security_view *view);
void view_process(struct security_view *view);
void view_others(struct security_view *view);
void view_files(struct security_view *view);
void view_descriptors(struct security_view *view);
void view_limits(struct security_view *view);

/* Reads it all: c runs. security_print: text or (json not NULL) members of an object. security_clear in any case. */
void security_read(struct security_view *view, struct lxc_container *c, const char *lxcpath, const char *name);
void security_print(const struct security_view *view, struct json *json);
void security_clear(struct security_view *view);
