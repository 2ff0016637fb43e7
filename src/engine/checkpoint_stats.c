/* criu's file stats-dump: two magic numbers, the length, and a message of protobuf (criu: images/stats.proto). */
#include "engine/checkpoint_stats.h"

#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "engine/checkpoint.h"

#define HEAD_SIZE 12
enum { FIELD_DUMP = 1, FIELD_FREEZING = 1, FIELD_FROZEN = 2, FIELD_PAGES_WRITTEN = 7 };

struct reader {
	const unsigned char *next, *end;
};

/* A number of seven bits per byte, the lowest first; 0 at the end. */
static uint64_t read_number(struct reader *reader)
{
	uint64_t value = 0;

	for (int shift = 0; reader->next < reader->end && shift < 64; shift += 7) {
		unsigned char byte = *reader->next++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	return value;
}

static void take_field(struct checkpoint_times *times, uint64_t field, uint64_t value)
{
	if (field == FIELD_FREEZING || field == FIELD_FROZEN)
		times->frozen_us += value;
	else if (field == FIELD_PAGES_WRITTEN)
		times->pages_written = value;
}

/* All fields of the message that we look for are plain numbers (wire type 0); messages inside have type 2. */
static void read_message(struct reader *reader, struct checkpoint_times *times, bool is_inside)
{
	while (reader->next < reader->end) {
		uint64_t key = read_number(reader), value = read_number(reader);
		if ((key & 7) == 0) {
			if (is_inside)
				take_field(times, key >> 3, value);
			continue;
		}
		if ((key & 7) != 2 || value > (uint64_t)(reader->end - reader->next))
			return;
		struct reader inner = { reader->next, reader->next + value };
		if (!is_inside && key >> 3 == FIELD_DUMP)
			read_message(&inner, times, true);
		reader->next += value;
	}
}

void checkpoint_stats_read(int dir_fd, struct checkpoint_times *times)
{
	auto_free char *text = NULL;
	size_t length;

	if (file_read(dir_fd, "stats-dump", 65536, &text, &length) < 0 || length < HEAD_SIZE)
		return;
	struct reader reader = { (unsigned char *)text + HEAD_SIZE, (unsigned char *)text + length };
	read_message(&reader, times, false);
}
