#pragma once
#include "base/paths.h"
#include "engine/engine.h"

/* How the supervisor's program is called; the other side is programs/supervisor.c. */
struct supervisor_call {
	const struct container_id *id;
	int run_fd; /* locked run directory */
	bool adopt, restore, foreground, close_all_fds, container_status;
	const char *command; /* it prints its errors itself, as this command; NULL: it reports on fd 4 */
	const char *pidfile;
};

/*
 * Spawns it with the run directory as fd 3 and report_fd as fd 4. *ret_pid is a child to be waited for: in the
 * foreground the supervisor, else one in between that has ended already.
 */
int supervisor_spawn(const struct supervisor_call *call, int report_fd, pid_t *ret_pid, struct error *err);

struct spec;
/* engine_start; restore: text of the file of that name in the run directory (engine/restore.h), or NULL. */
int supervisor_start(const struct spec *spec, const struct start_options *options, const char *restore,
	struct start_result *ret_result, struct error *err);

/* Becomes it; returns only on failure. */
int supervisor_exec(const struct supervisor_call *call, struct error *err);
