#pragma once
#include <stdint.h>

/* Capability sets of the calling process: capabilities(7). All return 0 or -errno. */

#define CAPABILITY_NUMBERS 64 /* room in the kernel's masks; the kernel knows fewer */

struct capability_sets {
	uint64_t effective, permitted, inheritable;
};

int capability_get(struct capability_sets *ret);
int capability_set(const struct capability_sets *sets);

/* Takes one out of the bounding set for ever. -EINVAL: this kernel does not know it. */
int capability_drop_bound(unsigned number);

/* The highest number that this kernel knows, found without /proc. */
int capability_last(void);

/* Number of a name in lower case without "cap_", or -EINVAL. */
int capability_from_name(const char *name);

/* Lower case, without "cap_"; NULL: newer than this table. */
const char *capability_name(unsigned number);

/* Permitted capabilities outlive the change to another user until exec. */
int capability_keep_on_setuid(void);
