/* What is missing in the memory of a process. */
#include "memory/space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static uint64_t end_of(const struct memory_range *range)
{
	return range->address + range->pages * MEMORY_PAGE;
}

static int append(struct memory_space *space, const struct memory_range *range)
{
	struct memory_range *item = vector_add(&space->missing);

	if (!item)
		return -ENOMEM;
	*item = *range;
	return 0;
}

int memory_space_init(struct memory_space *space, int fd, const struct memory_table *table)
{
	*space = (struct memory_space){ .fd = fd };
	if (!table)
		return 0;
	vector_for_each (range, &table->ranges)
		if (range->is_lazy && append(space, range) < 0)
			return -ENOMEM;
	return 0;
}

int memory_space_fork(struct memory_space *space, int fd, const struct memory_space *parent)
{
	*space = (struct memory_space){ .fd = fd };
	for (size_t i = parent->first; i < parent->missing.count; i++)
		if (append(space, parent->missing.items + i) < 0)
			return -ENOMEM;
	return 0;
}

void memory_space_clear(struct memory_space *space)
{
	close_fd(&space->fd);
	free(space->missing.items);
	memset(&space->missing, 0, sizeof(space->missing));
	space->first = 0;
}

/* The first that ends behind address. */
static size_t index_of(const struct memory_space *space, uint64_t address)
{
	size_t low = space->first, high = space->missing.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (end_of(space->missing.items + middle) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Makes room for one behind index. */
static int insert_behind(struct memory_space *space, size_t index, const struct memory_range *range)
{
	if (append(space, range) < 0)
		return -ENOMEM;
	struct memory_range *to = space->missing.items + index + 1;
	memmove(to + 1, to, (space->missing.count - index - 2) * sizeof(*to));
	*to = *range;
	return 0;
}

static void cut_front(struct memory_range *range, uint64_t start)
{
	range->data += start - range->address;
	range->pages -= (start - range->address) / MEMORY_PAGE;
	range->address = start;
}

int memory_space_drop(struct memory_space *space, uint64_t start, uint64_t end)
{
	for (size_t i = index_of(space, start); i < space->missing.count; i++) {
		struct memory_range *range = space->missing.items + i, behind = *range;
		if (range->address >= end)
			break;
		if (range->address >= start) {
			cut_front(range, end < end_of(range) ? end : end_of(range));
			continue;
		}
		range->pages = (start - range->address) / MEMORY_PAGE;
		if (end_of(&behind) <= end)
			continue;
		cut_front(&behind, end);
		return insert_behind(space, i, &behind);
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct memory_range *left = a, *right = b;

	return left->address < right->address ? -1 : left->address > right->address;
}

int memory_space_move(struct memory_space *space, uint64_t from, uint64_t to, uint64_t length)
{
	VECTOR(struct memory_range) moved = { 0 };
	int r = 0;

	for (size_t i = index_of(space, from); r == 0 && i < space->missing.count; i++) {
		struct memory_range part = space->missing.items[i];
		if (part.address >= from + length)
			break;
		if (part.address < from)
			cut_front(&part, from);
		if (end_of(&part) > from + length)
			part.pages = (from + length - part.address) / MEMORY_PAGE;
		part.address = part.address - from + to;
		struct memory_range *item = vector_add(&moved);
		r = item ? 0 : -ENOMEM;
		if (item)
			*item = part;
	}
	r = r ?: memory_space_drop(space, from, from + length);
	r = r ?: memory_space_drop(space, to, to + length); /* what it lies upon is gone */
	for (size_t i = 0; r == 0 && i < moved.count; i++)
		r = append(space, moved.items + i);
	free(moved.items);
	if (space->first < space->missing.count)
		qsort(space->missing.items + space->first, space->missing.count - space->first, sizeof(*space->missing.items), compare);
	return r;
}

const struct memory_range *memory_space_find(const struct memory_space *space, uint64_t address)
{
	size_t i = index_of(space, address);

	return i < space->missing.count && space->missing.items[i].address <= address ? space->missing.items + i : NULL;
}

const struct memory_range *memory_space_first(struct memory_space *space)
{
	while (space->first < space->missing.count && space->missing.items[space->first].pages == 0)
		space->first++;
	return space->first < space->missing.count ? space->missing.items + space->first : NULL;
}
