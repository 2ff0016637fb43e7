#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * In a build with -Dfault_injection=true the variable WABE_FAULT names a step and what happens there: "STEP:fail",
 * "STEP:kill" (this process dies by SIGKILL), "STEP:kill-init" (init dies), "STEP:kill-caller" (the command that
 * waits for the start dies). 0: go on.
 */
#ifdef WABE_FAULTS
int fault_inject(const char *step, bool is_init, pid_t init_pid, int report_fd, struct error *err);
#else
static inline int fault_inject(const char *step, bool is_init, pid_t init_pid, int report_fd,
	struct error *err)
{
	(void)step, (void)is_init, (void)init_pid, (void)report_fd, (void)err;
	return 0;
}
#endif
