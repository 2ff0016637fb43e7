#pragma once

/* Kinds in the order of joining them; also bit numbers of masks. */
enum namespace_kind {
	NAMESPACE_USER,
	NAMESPACE_MOUNT,
	NAMESPACE_PID,
	NAMESPACE_UTS,
	NAMESPACE_IPC,
	NAMESPACE_NET,
	NAMESPACE_CGROUP,
	NAMESPACE_TIME,
	NAMESPACE_KINDS,
};

/* Name below /proc/PID/ns and in configurations: "user", "mnt", "pid", "uts", "ipc", "net", "cgroup", "time". */
const char *namespace_name(enum namespace_kind kind);
/* The kind of that name, -EINVAL: there is none. */
int namespace_kind_from_name(const char *name);
