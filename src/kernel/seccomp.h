#pragma once
#include <stdbool.h>
#include <stddef.h>

struct sock_filter;

/*
 * Loads a filter into the caller. -EACCES: neither CAP_SYS_ADMIN nor no_new_privs. 0 or -errno.
 * ret_listener_fd: gets the fd on which the filter's "notify" calls arrive (5.0; -EBUSY: the caller is below
 * a filter with a listener already). NULL: none is asked for. flags: SECCOMP_FILTER_FLAG_*.
 */
int seccomp_load_filter(struct sock_filter *instructions, size_t count, unsigned flags, int *ret_listener_fd);

/* Does a program answer some call with SECCOMP_RET_USER_NOTIF? */
bool seccomp_filter_notifies(const struct sock_filter *instructions, size_t count);

/* Is the caller below a filter already? */
bool seccomp_is_active(void);
