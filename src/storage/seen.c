#include "storage/seen.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	const struct seen_file *first = a, *second = b;
	if (first->device != second->device)
		return first->device < second->device ? -1 : 1;
	return first->inode < second->inode ? -1 : first->inode > second->inode;
}

static void free_file(void *pointer)
{
	struct seen_file *file = pointer;
	free(file->path);
	free(file);
}

const struct seen_file *seen_find(const struct seen_files *seen, const struct stat *info)
{
	const struct seen_file key = { .device = info->st_dev, .inode = info->st_ino };
	struct seen_file **found = tfind(&key, &seen->tree, compare);
	return found ? *found : NULL;
}

int seen_add(struct seen_files *seen, const struct stat *info, const char *path, bool is_sent)
{
	struct seen_file *file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->device = info->st_dev;
	file->inode = info->st_ino;
	file->is_sent = is_sent;
	file->path = strdup(path);
	struct seen_file **found = file->path ? tsearch(file, &seen->tree, compare) : NULL;
	if (!found || *found != file)
		free_file(file);
	return found ? 0 : -ENOMEM;
}

void seen_clear(struct seen_files *seen)
{
	tdestroy(seen->tree, free_file);
	seen->tree = NULL;
}
