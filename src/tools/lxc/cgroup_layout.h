#pragma once
#include "tools/lxc/kernel_probe.h"
#include "tools/tool.h"

/* Control groups as this host has them mounted, for lxc-checkconfig. */

/* cgroup2 alone. */
bool cgroup_layout_is_unified(void);
/* A controller by its name of version 2 or 1 ("io" is also "blkio"), wherever it is. */
enum probe_result cgroup_layout_find(const char *controller);
/* The mount points of both versions. json NULL: lines of text. */
void cgroup_layout_show(struct json *json);
