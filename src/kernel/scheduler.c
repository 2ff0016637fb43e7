/* Core scheduling: who may share a physical core with whom. */
#include "kernel/scheduler.h"

#include <errno.h>
#include <sys/prctl.h>

#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE		    62
#define PR_SCHED_CORE_CREATE	    1
#endif
#ifndef PR_SCHED_CORE_SCOPE_THREAD_GROUP
#define PR_SCHED_CORE_SCOPE_THREAD_GROUP 1
#endif

int scheduler_new_core_cookie(void)
{
	int r = prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, PR_SCHED_CORE_SCOPE_THREAD_GROUP, 0);

	return r < 0 ? -errno : 0;
}
