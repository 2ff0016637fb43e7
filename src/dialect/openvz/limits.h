#pragma once
#include "dialect/openvz/ct.h"

/* Resources of a container as files of its control group. */
struct vz_limit {
	bool is_v2;
	char file[64];
	char value[160];
};
struct vz_limits {
	struct vz_limit *items;
	size_t count, capacity;
};

/*
 * What the parameter key asks for (NULL: all of them), in the order of writing. While a container runs a limit that has
 * been taken away is written too: is_live.
 */
int vz_limits(const struct vz_ct *ct, const char *key, bool is_live, struct vz_limits *ret);

/* Limits of processes: RLIMIT_MEMLOCK, RLIMIT_SIGPENDING. */
int vz_rlimits(const struct vz_ct *ct, struct spec *spec);
/* Numbers of the disk that has the private area, for limits per device. 0, -ENODEV: it lies on none. */
int vz_disk_of(const char *path, unsigned *ret_major, unsigned *ret_minor);
