#pragma once
#include "base/namespace_kind.h"

#include <stdbool.h>
#include <sys/types.h>

/* CLONE_NEWx. */
int namespace_clone_flag(enum namespace_kind kind);
/* Is pid in the same one as the caller? No, if that can not be found out. */
bool namespace_is_own(pid_t pid, enum namespace_kind kind);
/* An fd of pid's namespace; pid 0: the caller's. For the pid namespace that of its children. -errno. */
int namespace_open(pid_t pid, enum namespace_kind kind);
