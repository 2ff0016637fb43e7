#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * In a build with -Dfaults=true the variable WABE_FAULT names a step and what happens there:
 * "STEP:fail", "STEP:kill" (this process dies by SIGKILL), "STEP:kill-init" (init dies). 0: go on.
 */
#ifdef WABE_FAULTS
int fault_inject(const char *step, bool is_init, pid_t init_pid, struct error *err);
#else
static inline int fault_inject(const char *step, bool is_init, pid_t init_pid, struct error *err)
{
	(void)step, (void)is_init, (void)init_pid, (void)err;
	return 0;
}
#endif
