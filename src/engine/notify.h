#pragma once
#include "base/error.h"

#include <stdbool.h>

struct start;

/*
 * System calls that a seccomp policy answers with "notify": each is passed to the program that listens on
 * lxc.seccomp.notify.proxy, and its answer back to the kernel. Without a proxy, or without its answer, the
 * call fails with ENOSYS. Those of lxc.rootfs.quota (quota.h) are carried out by a process of their own, which has 5 s: then
 * the call fails with EIO. One at a time for each filter, and never blocking the supervisor. Where the limit of a btrfs subvolume is shown, nothing else notifies,
 * and the listener goes to wabe-statfs (src/programs/statfs.c), which outlives the supervisor.
 */
struct notify {
	int epoll_fd; /* -1: no listener */
	struct listener *first;
};

void notify_init(struct notify *notify);
/* Closes all listeners: calls that wait fail with ENOSYS. */
void notify_clear(struct notify *notify);

/* Takes over a filter's listener, of init or of an attached program; closed when it can not. 0 or -errno. */
int notify_add(struct start *start, int listener_fd);

/* The listener of init's filter, borrowed, or -1. */
int notify_listener_of_init(const struct notify *notify);

/* When epoll_fd is readable. */
void notify_serve(struct start *start);
