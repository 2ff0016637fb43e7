#pragma once
#include "tools/openvz/vz.h"

#define UUID_SIZE 39 /* "{...}" */

struct snapshot_arguments {
	const char *id, *name, *description, *target;
	bool skips_config;
};

/* One command on one snapshot: its files. */
struct snapshot_job {
	struct snapshot_arguments arguments;
	char id[UUID_SIZE];
	char *image, *directory;
	char *copy, *conf, *info, *current;
};
