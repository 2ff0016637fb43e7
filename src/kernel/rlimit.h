#pragma once
#include <stdint.h>
#include <sys/types.h>

/* RLIMIT_* of a lower case name without RLIMIT_, or -EINVAL. */
int rlimit_from_name(const char *name);

/* Sets both limits of a process (0: the caller); UINT64_MAX: unlimited. 0 or -errno. */
int rlimit_set(pid_t pid, int resource, uint64_t soft, uint64_t hard);
