#include "kernel/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80 /* Linux 5.6 */
#endif

static const struct {
	const char *name;
	int flag;
} kinds[NAMESPACE_KINDS] = {
	[NAMESPACE_USER] = { "user", CLONE_NEWUSER },
	[NAMESPACE_MOUNT] = { "mnt", CLONE_NEWNS },
	[NAMESPACE_PID] = { "pid", CLONE_NEWPID },
	[NAMESPACE_UTS] = { "uts", CLONE_NEWUTS },
	[NAMESPACE_IPC] = { "ipc", CLONE_NEWIPC },
	[NAMESPACE_NET] = { "net", CLONE_NEWNET },
	[NAMESPACE_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
	[NAMESPACE_TIME] = { "time", CLONE_NEWTIME },
};

const char *namespace_name(enum namespace_kind kind)
{
	return kinds[kind].name;
}

int namespace_kind_from_name(const char *name)
{
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		if (strcmp(kinds[kind].name, name) == 0)
			return kind;
	return strcmp(name, "mount") == 0 ? NAMESPACE_MOUNT : -EINVAL;
}

int namespace_clone_flag(enum namespace_kind kind)
{
	return kinds[kind].flag;
}

int namespace_open(pid_t pid, enum namespace_kind kind)
{
	char path[64];
	if (pid == 0)
		snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", kinds[kind].name);
	else
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kinds[kind].name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
