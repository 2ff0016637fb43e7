#pragma once
#include <stdbool.h>
#include <stddef.h>

struct sock_filter;

/* Loads a filter into the caller. -EACCES: neither CAP_SYS_ADMIN nor no_new_privs. 0 or -errno. */
int seccomp_load_filter(struct sock_filter *instructions, size_t count);

/* Is the caller below a filter already? */
bool seccomp_is_active(void);
