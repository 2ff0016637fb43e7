#pragma once

/* "MOUNT|PID|NETWORK" (any case, the kernel's names too, '|' or ','-separated) into CLONE_NEW* flags. 0, -EINVAL. */
int namespace_flags_from_names(const char *names, int *ret_flags);
