#include "base/namespace_kind.h"

#include <errno.h>
#include <string.h>

static const char *const names[NAMESPACE_KINDS] = {
	[NAMESPACE_USER] = "user",
	[NAMESPACE_MOUNT] = "mnt",
	[NAMESPACE_PID] = "pid",
	[NAMESPACE_UTS] = "uts",
	[NAMESPACE_IPC] = "ipc",
	[NAMESPACE_NET] = "net",
	[NAMESPACE_CGROUP] = "cgroup",
	[NAMESPACE_TIME] = "time",
};

const char *namespace_name(enum namespace_kind kind)
{
	return names[kind];
}

int namespace_kind_from_name(const char *name)
{
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		if (strcmp(names[kind], name) == 0)
			return kind;
	return -EINVAL;
}
