#pragma once
#include "engine/checkpoint.h"
#include "engine/checkpoint_image.h"
#include "engine/running.h"

/* What the parts of the check share. */
struct preflight {
	const struct container_id *id;
	struct running running;
	const struct image *image;
	struct checkpoint_blockers *blockers;
};

/* Adds one; pid 0: the container as a whole. 0 or -ENOMEM. */
int preflight_add(struct preflight *preflight, pid_t pid, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Each looks at one thing: 0 or -errno. What ends meanwhile is passed over. */
int preflight_files(struct preflight *preflight, pid_t pid);
