#pragma once
#include <stdbool.h>
#include <sys/stat.h>

/* Files with more than one name on the way through a tree: where each was met first. Zeroed at the beginning. */
struct seen_files {
	void *tree;
};

struct seen_file {
	dev_t device;
	ino_t inode;
	char *path;
	bool is_sent; /* as the caller of seen_add said */
};

/* What was noted for the same inode, which the set owns; NULL: nothing. */
const struct seen_file *seen_find(const struct seen_files *seen, const struct stat *info);

/* Notes a copy of path for an inode that is not there yet. 0, or -ENOMEM. */
int seen_add(struct seen_files *seen, const struct stat *info, const char *path, bool is_sent);

void seen_clear(struct seen_files *seen);
