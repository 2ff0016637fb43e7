/* Reads criu's images of memory. */
#include "memory/table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/protobuf.h"
#include "base/text.h"

enum { PARENTS_MAX = 64, PAGEMAP_MAX_BYTES = 512 << 20 };

struct entry {
	uint64_t address, pages, flags;
};

const struct memory_table *memory_table_find(const struct memory_tables *tables, const char *name)
{
	vector_for_each (table, &tables->tables)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

void memory_tables_clear(struct memory_tables *tables)
{
	vector_for_each (table, &tables->tables) {
		free(table->name);
		free(table->ranges.items);
	}
	vector_for_each (map, &tables->maps)
		(void)munmap(map->start, map->length);
	free(tables->tables.items);
	free(tables->maps.items);
	*tables = (struct memory_tables){ 0 };
}

/* The next message of a file, behind its length. 1, 0 at the end. */
static int next_message(struct protobuf *file, struct protobuf *ret)
{
	uint32_t length;

	if (file->next == file->end)
		return 0;
	if ((size_t)(file->end - file->next) < sizeof(length))
		return -EBADMSG;
	memcpy(&length, file->next, sizeof(length));
	file->next += sizeof(length);
	if (length > (size_t)(file->end - file->next))
		return -EBADMSG;
	*ret = (struct protobuf){ file->next, file->next + length };
	file->next += length;
	return 1;
}

static int read_entry(struct protobuf *message, struct entry *ret)
{
	uint64_t values[16] = { 0 };

	while (message->next < message->end) {
		uint64_t key = protobuf_number(message), value = protobuf_number(message);
		if ((key & 7) != PROTOBUF_NUMBER)
			return -EBADMSG;
		if (key >> 3 < 16)
			values[key >> 3] = value;
	}
	*ret = (struct entry){ values[IMAGE_FIELD_ADDRESS], values[IMAGE_FIELD_PAGES] ?: values[IMAGE_FIELD_PAGES_32],
		values[IMAGE_FIELD_FLAGS] };
	return ret->address % MEMORY_PAGE || ret->pages > (UINT64_MAX - ret->address) / MEMORY_PAGE ? -EBADMSG : 0;
}

static int add_range(struct memory_table *table, uint64_t address, uint64_t pages, const unsigned char *data, bool is_lazy)
{
	struct memory_range *range = vector_add(&table->ranges);

	if (!range)
		return -ENOMEM;
	*range = (struct memory_range){ address, pages, data, is_lazy };
	return 0;
}

/* What the parent has of a range; both are in order. */
static int add_inherited(struct memory_table *table, const struct entry *entry, const struct memory_table *parent, size_t *cursor)
{
	uint64_t end = entry->address + entry->pages * MEMORY_PAGE;

	for (; parent && *cursor < parent->ranges.count; (*cursor)++) {
		const struct memory_range *range = parent->ranges.items + *cursor;
		uint64_t range_end = range->address + range->pages * MEMORY_PAGE;
		uint64_t from = range->address > entry->address ? range->address : entry->address;
		uint64_t to = range_end < end ? range_end : end;
		if (range->address >= end)
			break;
		if (from < to && add_range(table, from, (to - from) / MEMORY_PAGE, range->data + (from - range->address),
					 entry->flags & IMAGE_LAZY) < 0)
			return -ENOMEM;
		if (range_end > end)
			break;
	}
	return 0;
}

/* The pages of a file stay mapped. */
static int map_pages(struct memory_tables *tables, int dir_fd, uint64_t number, struct memory_map *ret)
{
	char name[64];
	struct stat info;

	(void)snprintf(name, sizeof(name), "pages-%llu.img", (unsigned long long)number);
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) < 0)
		return -errno;
	*ret = (struct memory_map){ .length = (size_t)info.st_size };
	if (ret->length == 0)
		return 0;
	struct memory_map *map = vector_add(&tables->maps);
	if (!map)
		return -ENOMEM;
	ret->start = mmap(NULL, ret->length, PROT_READ, MAP_SHARED, fd, 0);
	if (ret->start == MAP_FAILED) {
		tables->maps.count--;
		return -errno;
	}
	*map = *ret;
	return 0;
}

static int read_entries(struct memory_table *table, struct protobuf *file, const struct memory_map *pages,
	const struct memory_table *parent)
{
	struct protobuf message;
	size_t used = 0, cursor = 0;
	uint64_t last = 0;
	int r;

	while ((r = next_message(file, &message)) == 1) {
		struct entry entry;
		if (read_entry(&message, &entry) < 0 || entry.address < last)
			return -EBADMSG;
		last = entry.address + entry.pages * MEMORY_PAGE;
		if (entry.flags & IMAGE_PRESENT) {
			if (entry.pages > (pages->length - used) / MEMORY_PAGE)
				return -EBADMSG;
			r = add_range(table, entry.address, entry.pages, (unsigned char *)pages->start + used,
				entry.flags & IMAGE_LAZY);
			used += entry.pages * MEMORY_PAGE;
		} else if (entry.flags & IMAGE_PARENT) {
			r = add_inherited(table, &entry, parent, &cursor);
		}
		if (r < 0)
			return r;
	}
	return r;
}

static int load_file(struct memory_tables *tables, int dir_fd, const char *name, const struct memory_tables *parents)
{
	static const uint32_t magic[2] = { IMAGE_COMMON_MAGIC, IMAGE_PAGEMAP_MAGIC };
	auto_free char *text = NULL;
	struct protobuf message;
	struct memory_map pages;
	size_t length;
	int r = file_read(dir_fd, name, PAGEMAP_MAX_BYTES, &text, &length);

	if (r < 0)
		return r;
	if (length < sizeof(magic) || memcmp(text, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	struct protobuf file = { (unsigned char *)text + sizeof(magic), (unsigned char *)text + length };
	if (next_message(&file, &message) != 1 || protobuf_number(&message) != (IMAGE_FIELD_NUMBER << 3 | PROTOBUF_NUMBER))
		return -EBADMSG;
	r = map_pages(tables, dir_fd, protobuf_number(&message), &pages);
	if (r < 0)
		return r;
	struct memory_table *table = vector_add(&tables->tables);
	if (!table || !(table->name = strdup(name)))
		return -ENOMEM;
	return read_entries(table, &file, &pages, memory_table_find(parents, name));
}

static int load_directory(struct memory_tables *tables, int dir_fd, const struct memory_tables *parents)
{
	auto_close int own_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *stream = own_fd < 0 ? NULL : fdopendir(own_fd);
	int r = 0;

	if (!stream)
		return -errno;
	(void)take_fd(&own_fd); /* the stream's now */
	for (struct dirent *entry; r == 0 && (entry = readdir(stream));)
		if (text_starts(entry->d_name, "pagemap-"))
			r = load_file(tables, dir_fd, entry->d_name, parents);
	return r;
}

/* Ranges of a parent point into its mapped files, which become the child's. */
static int take_maps(struct memory_tables *tables, struct memory_tables *parents)
{
	vector_for_each (map, &parents->maps) {
		struct memory_map *own = vector_add(&tables->maps);
		if (!own)
			return -ENOMEM;
		*own = *map;
		*map = (struct memory_map){ 0 };
	}
	return 0;
}

static int load_chain(struct memory_tables *tables, int dir_fd, int depth)
{
	struct memory_tables parents = { 0 };
	auto_close int parent_fd = openat(dir_fd, MEMORY_PARENT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = parent_fd >= 0 || errno == ENOENT ? 0 : -errno;

	if (r == 0 && parent_fd >= 0)
		r = depth < PARENTS_MAX ? load_chain(&parents, parent_fd, depth + 1) : -ELOOP;
	r = r ?: load_directory(tables, dir_fd, &parents);
	r = r ?: take_maps(tables, &parents);
	memory_tables_clear(&parents);
	return r;
}

int memory_tables_load(struct memory_tables *tables, int dir_fd)
{
	return load_chain(tables, dir_fd, 0);
}

int memory_tables_load_parent(struct memory_tables *tables, int dir_fd)
{
	auto_close int parent_fd = openat(dir_fd, MEMORY_PARENT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = parent_fd >= 0 ? load_chain(tables, parent_fd, 1) : errno == ENOENT ? 0 : -errno;

	if (r == 0)
		vector_for_each (map, &tables->maps)
			(void)madvise(map->start, map->length, MADV_POPULATE_READ); /* else later, page by page: Linux 5.14 */
	return r;
}
