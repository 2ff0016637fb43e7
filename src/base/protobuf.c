#include "base/protobuf.h"

uint64_t protobuf_number(struct protobuf *message)
{
	uint64_t value = 0;

	for (int shift = 0; message->next < message->end && shift < 64; shift += 7) {
		unsigned char byte = *message->next++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	return value;
}

size_t protobuf_put(unsigned char *to, unsigned field, uint64_t value)
{
	size_t length = 0;

	to[length++] = (unsigned char)(field << 3 | PROTOBUF_NUMBER);
	for (; value >= 0x80; value >>= 7)
		to[length++] = (unsigned char)(value | 0x80);
	to[length++] = (unsigned char)value;
	return length;
}
