#pragma once
#include "base/namespace_kind.h"

#include <sys/types.h>

/* CLONE_NEWx. */
int namespace_clone_flag(enum namespace_kind kind);
/* An fd of pid's namespace; pid 0: the caller's. For the pid namespace that of its children. -errno. */
int namespace_open(pid_t pid, enum namespace_kind kind);
