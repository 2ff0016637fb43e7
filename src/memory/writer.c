/* Writes criu's images of memory. */
#include "memory/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/protobuf.h"

static const struct memory_tables nothing;

int memory_writer_open(struct memory_writer *writer, const char *name)
{
	char pages[64];

	writer->number++;
	(void)snprintf(pages, sizeof(pages), "pages-%u.img", writer->number);
	writer->name = strdup(name);
	if (!writer->name)
		return -ENOMEM;
	writer->table = memory_table_find(writer->old ?: &nothing, name);
	writer->cursor = 0;
	writer->pages_fd = openat(writer->dir_fd, pages, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return writer->pages_fd < 0 ? -errno : 0;
}

/* The page that old has there, or NULL. */
static const unsigned char *find_old(struct memory_writer *writer, uint64_t address)
{
	if (!writer->table)
		return NULL;
	for (; writer->cursor < writer->table->ranges.count; writer->cursor++) {
		const struct memory_range *range = writer->table->ranges.items + writer->cursor;
		if (address < range->address)
			return NULL;
		if (address - range->address < range->pages * MEMORY_PAGE)
			return range->data + (address - range->address);
	}
	return NULL;
}

/* The memcmp of musl, which some programs have, takes byte by byte. */
static bool is_same_page(const unsigned char *a, const unsigned char *b)
{
	uint64_t left[8], right[8];

	for (size_t at = 0; at < MEMORY_PAGE; at += sizeof(left)) {
		uint64_t difference = 0;
		memcpy(left, a + at, sizeof(left));
		memcpy(right, b + at, sizeof(right));
		for (size_t i = 0; i < sizeof(left) / sizeof(*left); i++)
			difference |= left[i] ^ right[i];
		if (difference)
			return false;
	}
	return true;
}

static int add_entry(struct memory_writer *writer, uint64_t address, unsigned flags)
{
	struct memory_entry *last = writer->entries.count > 0 ? writer->entries.items + writer->entries.count - 1 : NULL;

	if (last && last->flags == flags && last->address + last->pages * MEMORY_PAGE == address) {
		last->pages++;
		return 0;
	}
	struct memory_entry *entry = vector_add(&writer->entries);
	if (!entry)
		return -ENOMEM;
	*entry = (struct memory_entry){ address, 1, flags };
	return 0;
}

static int write_pages(struct memory_writer *writer, const unsigned char *data, uint64_t pages)
{
	writer->written += pages;
	return pages == 0 ? 0 : write_full(writer->pages_fd, data, pages * MEMORY_PAGE);
}

int memory_writer_add(struct memory_writer *writer, uint64_t address, uint64_t pages, const unsigned char *data, unsigned flags)
{
	uint64_t first = 0; /* of those that are different, up to the page at hand */

	for (uint64_t i = 0; i < pages; i++) {
		const unsigned char *page = data ? data + i * MEMORY_PAGE : NULL;
		const unsigned char *old = page ? find_old(writer, address + i * MEMORY_PAGE) : NULL;
		bool is_same = old && is_same_page(old, page);
		int r = add_entry(writer, address + i * MEMORY_PAGE,
			flags | (is_same ? IMAGE_PARENT : page ? IMAGE_PRESENT : 0));
		if (r == 0 && is_same) {
			r = write_pages(writer, data + first * MEMORY_PAGE, i - first);
			first = i + 1;
		}
		if (r < 0)
			return r;
	}
	return data ? write_pages(writer, data + first * MEMORY_PAGE, pages - first) : 0;
}

static bool put_message(FILE *file, const unsigned char *message, size_t size)
{
	uint32_t length = (uint32_t)size;

	return fwrite(&length, sizeof(length), 1, file) == 1 && fwrite(message, size, 1, file) == 1;
}

/* A range that has more pages than older versions have room for is one for newer versions alone. */
static bool put_entry(FILE *file, const struct memory_entry *entry)
{
	unsigned char message[4 * PROTOBUF_FIELD_MAX];
	bool is_small = entry->pages <= UINT32_MAX;
	size_t length = protobuf_put(message, IMAGE_FIELD_ADDRESS, entry->address);

	length += protobuf_put(message + length, IMAGE_FIELD_PAGES_32, is_small ? entry->pages : 0);
	length += protobuf_put(message + length, IMAGE_FIELD_FLAGS, entry->flags);
	if (!is_small)
		length += protobuf_put(message + length, IMAGE_FIELD_PAGES, entry->pages);
	return put_message(file, message, length);
}

static int write_pagemap(struct memory_writer *writer)
{
	static const uint32_t magic[2] = { IMAGE_COMMON_MAGIC, IMAGE_PAGEMAP_MAGIC };
	unsigned char head[PROTOBUF_FIELD_MAX];
	auto_close int fd = openat(writer->dir_fd, writer->name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	auto_fclose FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file)
		return -errno;
	(void)take_fd(&fd); /* the stream's now */
	bool is_good = fwrite(magic, sizeof(magic), 1, file) == 1;
	is_good = is_good && put_message(file, head, protobuf_put(head, IMAGE_FIELD_NUMBER, writer->number));
	vector_for_each (entry, &writer->entries)
		is_good = is_good && put_entry(file, entry);
	return is_good && fflush(file) == 0 ? 0 : -EIO;
}

int memory_writer_close(struct memory_writer *writer)
{
	int r = write_pagemap(writer);

	memory_writer_clear(writer);
	return r;
}

void memory_writer_clear(struct memory_writer *writer)
{
	if (!writer->name)
		return;
	close_fd(&writer->pages_fd);
	free(writer->name);
	free(writer->entries.items);
	writer->name = NULL;
	memset(&writer->entries, 0, sizeof(writer->entries));
}
