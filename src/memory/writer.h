#pragma once
#include "memory/table.h"

/* Writes the two files of one process. */
struct memory_entry {
	uint64_t address, pages;
	unsigned flags;
};
struct memory_writer {
	int dir_fd;
	unsigned number;	       /* of the last pages-N.img in dir_fd; set to 0 before the first */
	const struct memory_tables *old; /* what is there already; NULL: nothing */
	uint64_t written;	       /* pages */
	/* private */
	int pages_fd;
	char *name;
	const struct memory_table *table;
	size_t cursor; /* in its ranges */
	VECTOR(struct memory_entry) entries;
};

/* name: "pagemap-1.img". 0 or -errno; so do the others. */
int memory_writer_open(struct memory_writer *writer, const char *name);
/*
 * Pages from address on, in rising order. data NULL: without content. flags: IMAGE_LAZY, or 0. Those that old has with this
 * content become IMAGE_PARENT.
 */
int memory_writer_add(struct memory_writer *writer, uint64_t address, uint64_t pages, const unsigned char *data, unsigned flags);
int memory_writer_close(struct memory_writer *writer);
/* Gives up what was open, after a failure. */
void memory_writer_clear(struct memory_writer *writer);
