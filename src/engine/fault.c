/* Fault injection, compiled in by -Dfaults=true only. */
#include "engine/fault.h"

#ifdef WABE_FAULTS
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fault_inject(const char *step, bool is_init, pid_t init_pid, struct error *err)
{
	const char *wish = getenv("WABE_FAULT");
	size_t length = strlen(step);

	if (!wish || strncmp(wish, step, length) != 0 || wish[length] != ':')
		return 0;
	const char *act = wish + length + 1;
	if (strcmp(act, "fail") == 0)
		return error_set(err, EIO, "step %s made to fail", step);
	if (strcmp(act, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(act, "kill-init") == 0 && !is_init && init_pid > 0)
		kill(init_pid, SIGKILL);
	return 0;
}
#else
typedef int fault_injection_is_off; /* an empty file is no C */
#endif
