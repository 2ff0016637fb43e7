/* prlimit(2) and the names of the resources. */
#include "kernel/rlimit.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	int resource;
} resources[] = {
	{ "as", RLIMIT_AS },
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

int rlimit_from_name(const char *name)
{
	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++)
		if (strcmp(name, resources[i].name) == 0)
			return resources[i].resource;
	return -EINVAL;
}

int rlimit_set(pid_t pid, int resource, uint64_t soft, uint64_t hard)
{
	/* UINT64_MAX is RLIM64_INFINITY; two 64-bit numbers on every architecture, prlimit(2) */
	uint64_t limit[2] = { soft, hard };

	return syscall(SYS_prlimit64, pid, resource, limit, NULL) < 0 ? -errno : 0;
}
