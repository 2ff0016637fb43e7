#pragma once
#include "tools/tool.h"

#include <sys/types.h>

/*
 * A line on the terminal while a long call of the library runs: "lxc-copy: copying web1: 12 s, 340 MiB written". Shown
 * after a second, taken away at the end; nothing without a terminal on standard error or with --quiet.
 */
struct progress {
	pid_t pid; /* of the process that shows it, or 0 */
};

/* what: "copying"; path: below it the file system whose use tells how far it is. */
void progress_start(struct progress *progress, const struct call *call, const char *what, const char *path);
void progress_end(struct progress *progress);
