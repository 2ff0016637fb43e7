/* Walks a plan. In a test build each step can be made to fail, or the processes to die, by name. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/fault.h"
#include "engine/start.h"

static int own_fd(const struct start *start)
{
	return start->is_init ? start->handover.init_fd : start->handover.supervisor_fd;
}

static int run_step(const struct step *step, struct start *start, struct error *err)
{
	int r = fault_inject(step->name, start->is_init, start->init_pid, start->options->report_fd, err);
	if (r < 0)
		return r;
	switch (step->kind) {
	case STEP_SIGNAL:
		r = handover_signal(own_fd(start), step->point);
		if (r < 0 && handover_find_error(own_fd(start), err))
			return r; /* the other side told why before it went */
		return r < 0 ? error_set(err, r, "%s", step->name) : 0;
	case STEP_AWAIT:
		return handover_await(own_fd(start), step->point, err);
	case STEP_RUN:
		return step->run(start, err);
	}
	return 0;
}

/*
 * When init fails, the supervisor may be in the middle of work on it, and sees no more than "no such process". What
 * init said before it went is the reason.
 */
static void prefer_reason_of_init(const struct start *start, struct error *err)
{
	if (!start->is_init && start->init_pid > 0 && start->handover.supervisor_fd >= 0)
		(void)handover_find_error(start->handover.supervisor_fd, err); /* nothing said: err stays */
}

static long long microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int plan_run(const struct step *plan, struct start *start, struct error *err)
{
	for (const struct step *step = plan; step->name; step++) {
		if (step->when != WHEN_ALWAYS && (step->when == WHEN_RESTORED) != (start->restore != NULL))
			continue;
		if (step->needed && !step->needed(start))
			continue;
		start->running_step = step->name;
		log_info(start->log, "%s: %s", start->is_init ? "init" : "supervisor", step->name);
		long long begin = start->log ? microseconds() : 0;
		int r = run_step(step, start, err);
		if (start->log)
			log_trace(start->log, "%s: %s: %lld us", start->is_init ? "init" : "supervisor", step->name,
				microseconds() - begin);
		if (r < 0) {
			log_debug(start->log, "step %s failed", step->name);
			prefer_reason_of_init(start, err);
			return r;
		}
	}
	return 0;
}
