#pragma once
#include <sys/types.h>

/* Moves the network interface into the network namespace of pid, where it is down. 0 or -errno (-ENODEV: no such link). */
int namespace_move_link(const char *name, pid_t pid);
