#pragma once
#include "base/vector.h"
#include "memory/image.h"

#include <stdbool.h>
#include <stddef.h>

/* What directories of images have of one process: ranges in the order of their addresses. */
struct memory_range {
	uint64_t address, pages;
	const unsigned char *data; /* of a mapped file */
	bool is_lazy;
};
struct memory_table {
	char *name; /* "pagemap-1.img" */
	VECTOR(struct memory_range) ranges;
};
struct memory_map {
	void *start;
	size_t length;
};
struct memory_tables {
	VECTOR(struct memory_table) tables;
	VECTOR(struct memory_map) maps;
};

/*
 * What a directory has, and the one that its link "parent" leads to, and so on. -EBADMSG: not what criu would have written. tables
 * must be zeroed or cleared.
 */
int memory_tables_load(struct memory_tables *tables, int dir_fd);
/* What the "parent" of a directory has, all of it in memory; empty when there is none. */
int memory_tables_load_parent(struct memory_tables *tables, int dir_fd);
void memory_tables_clear(struct memory_tables *tables);
/* That of a name, or NULL. */
const struct memory_table *memory_table_find(const struct memory_tables *tables, const char *name);
