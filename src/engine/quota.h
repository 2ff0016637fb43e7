#pragma once
#include <stdbool.h>

struct seccomp_notif;
struct seccomp_notif_resp;
struct start;

/*
 * quotactl(2) and quotactl_fd(2) for the root of a container with lxc.rootfs.quota: users and groups of its own file
 * system, by the ids that it knows. The kernel would ask for CAP_SYS_ADMIN of the first user namespace.
 */

/* Is it one of these calls, and does the container have it served? */
bool quota_is_served(const struct start *start, const struct seccomp_notif *call);

/* Carries it out and fills error, val and flags of *answer. listener_fd tells whether the caller still waits. It
 * looks at paths, descriptors and memory of the container's, which may keep it waiting for ever. */
void quota_serve(const struct start *start, int listener_fd, const struct seccomp_notif *call,
	struct seccomp_notif_resp *answer);
