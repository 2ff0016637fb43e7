#pragma once
#include "base/log.h"
#include "engine/engine.h"

/* What the hooks of a moment are told beside the spec. */
struct hook_context {
	const struct spec *spec;
	const struct log *log;
	const char *rootfs_mount;
	const char *source_name; /* of what is cloned: LXC_SRC_NAME, or NULL */
	pid_t init_pid;	       /* > 0: LXC_PID */
	const char *target;    /* "stop" or "reboot": LXC_TARGET, or NULL */
	const char *console;   /* path of the console's device or NULL */
	const int *namespace_fds; /* NAMESPACE_KINDS fds of init's namespaces for stop hooks, or NULL */
	char *const *extra;    /* NULL-ended further arguments, or NULL */
};

/* Runs the hooks of moment in order; the first failure ends it. 0 or -errno with *err (status, last line). */
int hooks_run(const struct hook_context *context, enum hook_moment moment, struct error *err);
bool hooks_has(const struct spec *spec, enum hook_moment moment);
