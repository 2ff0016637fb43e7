#include "kernel/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80 /* Linux 5.6 */
#endif

static const int flags[NAMESPACE_KINDS] = {
	[NAMESPACE_USER] = CLONE_NEWUSER,
	[NAMESPACE_MOUNT] = CLONE_NEWNS,
	[NAMESPACE_PID] = CLONE_NEWPID,
	[NAMESPACE_UTS] = CLONE_NEWUTS,
	[NAMESPACE_IPC] = CLONE_NEWIPC,
	[NAMESPACE_NET] = CLONE_NEWNET,
	[NAMESPACE_CGROUP] = CLONE_NEWCGROUP,
	[NAMESPACE_TIME] = CLONE_NEWTIME,
};

int namespace_clone_flag(enum namespace_kind kind)
{
	return flags[kind];
}

bool namespace_is_own(pid_t pid, enum namespace_kind kind)
{
	char path[64], own[64] = "", other[64] = "";
	snprintf(path, sizeof(path), "/proc/self/ns/%s", namespace_name(kind));
	if (readlink(path, own, sizeof(own) - 1) <= 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, namespace_name(kind));
	return readlink(path, other, sizeof(other) - 1) > 0 && strcmp(own, other) == 0;
}

int namespace_open(pid_t pid, enum namespace_kind kind)
{
	char path[64];
	if (pid == 0)
		snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", namespace_name(kind));
	else
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, namespace_name(kind));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
