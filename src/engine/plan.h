#pragma once
#include "base/error.h"

#include <stdbool.h>

struct start;

/* The meeting points of the two halves of a start. */
enum signal_point {
	POINT_NONE,
	POINT_MAPPED,	     /* supervisor -> init: the id maps are written */
	POINT_NETWORK_READY, /* supervisor -> init: links are in init's namespace */
	POINT_ROOTFS_READY,  /* init -> supervisor: mounted, pivoted, ttys reported */
	POINT_MOUNTED,	     /* OCI: init -> supervisor: time for the hooks of the runtime */
	POINT_HOOKS_DONE,    /* OCI: supervisor -> init: they have run */
	POINT_GO,	     /* supervisor -> init: execute */
	POINT_COUNT,
};

enum step_kind { STEP_RUN, STEP_SIGNAL, STEP_AWAIT };

/* Out of a checkpoint criu makes the processes: there is no init's side that walks a plan of its own. */
enum step_when { WHEN_ALWAYS, WHEN_FRESH, WHEN_RESTORED };

/* One row of a plan. */
struct step {
	const char *name; /* "mount-proc": in errors, traces, fault injection */
	bool (*needed)(const struct start *start); /* NULL: always; looks only at what is fixed before clone-init */
	int (*run)(struct start *start, struct error *err); /* 0 or -errno with *err filled */
	enum step_kind kind;
	enum signal_point point;
	enum step_when when;
};

#define RUN(name, needed, function) { name, needed, function, STEP_RUN, POINT_NONE, WHEN_ALWAYS }
#define FRESH(name, needed, function) { name, needed, function, STEP_RUN, POINT_NONE, WHEN_FRESH }
#define RESTORED(name, needed, function) { name, needed, function, STEP_RUN, POINT_NONE, WHEN_RESTORED }
#define SIGNAL(name, needed, point) { name, needed, NULL, STEP_SIGNAL, point, WHEN_FRESH }
#define AWAIT(name, needed, point)  { name, needed, NULL, STEP_AWAIT, point, WHEN_FRESH }

/* Ended by a row without a name. */
extern const struct step supervisor_plan[];
extern const struct step init_plan[];
