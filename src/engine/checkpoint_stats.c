/* criu's file stats-dump: two magic numbers, the length, and a message of protobuf (criu: images/stats.proto). */
#include "engine/checkpoint_stats.h"

#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/protobuf.h"
#include "engine/checkpoint.h"

#define HEAD_SIZE 12
enum { FIELD_DUMP = 1, FIELD_FREEZING = 1, FIELD_FROZEN = 2, FIELD_PAGES_WRITTEN = 7 };

static void take_field(struct checkpoint_times *times, uint64_t field, uint64_t value)
{
	if (field == FIELD_FREEZING || field == FIELD_FROZEN)
		times->frozen_us += value;
	else if (field == FIELD_PAGES_WRITTEN)
		times->pages_written = value;
}

/* All fields of the message that we look for are plain numbers (wire type 0); messages inside have type 2. */
static void read_message(struct protobuf *message, struct checkpoint_times *times, bool is_inside)
{
	while (message->next < message->end) {
		uint64_t key = protobuf_number(message), value = protobuf_number(message);
		if ((key & 7) == PROTOBUF_NUMBER) {
			if (is_inside)
				take_field(times, key >> 3, value);
			continue;
		}
		if ((key & 7) != PROTOBUF_BYTES || value > (uint64_t)(message->end - message->next))
			return;
		struct protobuf inner = { message->next, message->next + value };
		if (!is_inside && key >> 3 == FIELD_DUMP)
			read_message(&inner, times, true);
		message->next += value;
	}
}

void checkpoint_stats_read(int dir_fd, struct checkpoint_times *times)
{
	auto_free char *text = NULL;
	size_t length;

	if (file_read(dir_fd, "stats-dump", 65536, &text, &length) < 0 || length < HEAD_SIZE)
		return;
	struct protobuf message = { (unsigned char *)text + HEAD_SIZE, (unsigned char *)text + length };
	read_message(&message, times, false);
}
