#pragma once
#include "memory/table.h"

/* What is still missing in the memory of a process. All functions return 0 or -errno. */
struct memory_space {
	int fd; /* userfaultfd; -1: the process has ended, or has all */
	VECTOR(struct memory_range) missing; /* in the order of their addresses; some may have no pages any more */
	size_t first; /* those before it have none */
};

/* Takes what may come late from a table; NULL: nothing. */
int memory_space_init(struct memory_space *space, int fd, const struct memory_table *table);
/* The same missing for a forked child. */
int memory_space_fork(struct memory_space *space, int fd, const struct memory_space *parent);
void memory_space_clear(struct memory_space *space);

/* Nothing is missing between these any more. */
int memory_space_drop(struct memory_space *space, uint64_t start, uint64_t end);
/* What was missing there is missing here. */
int memory_space_move(struct memory_space *space, uint64_t from, uint64_t to, uint64_t length);
/* The range with this address, or NULL. */
const struct memory_range *memory_space_find(const struct memory_space *space, uint64_t address);
/* The first, or NULL: nothing is missing. */
const struct memory_range *memory_space_first(struct memory_space *space);
