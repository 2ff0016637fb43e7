#pragma once
#include <stddef.h>
#include <stdint.h>

/* The little of protobuf's encoding (protobuf.dev, "Encoding") that criu's images are read and written with. */

/* What is left of a message. */
struct protobuf {
	const unsigned char *next, *end;
};

enum { PROTOBUF_NUMBER = 0, PROTOBUF_BYTES = 2 }; /* wire types, the lowest three bits of a key; the rest is the field */
#define PROTOBUF_FIELD_MAX 20 /* bytes of a number with its key */

/* A number of seven bits per byte, the lowest first; 0 at the end. */
uint64_t protobuf_number(struct protobuf *message);
/* Writes field (1 to 15) with a number to PROTOBUF_FIELD_MAX bytes at to; what it took. */
size_t protobuf_put(unsigned char *to, unsigned field, uint64_t value);
