/* FNV-1a, and one for much data. */
#include "base/hash.h"

#include <string.h>

uint64_t hash_fnv1a64(const void *data, size_t length)
{
	const unsigned char *bytes = data;
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	return hash;
}

/* Odd numbers without a pattern: digits of pi, e, the square roots of 2 and 3. */
static const uint64_t factors[4] = { 0x243f6a8885a308d3ULL, 0xb7e151628aed2a6bULL, 0x6a09e667f3bcc909ULL, 0xbb67ae8584caa73bULL };

/*
 * For one word, and for one value of hash, this never gives two the same: a change of one word is always seen. Between two
 * multiplications, for what one alone makes of the highest bit the next word could undo by a single bit.
 */
static inline uint64_t mix(uint64_t hash, uint64_t word)
{
	hash += word * factors[0];
	return (hash << 31 | hash >> 33) * factors[1];
}

uint64_t hash_bulk64(const void *data, size_t length)
{
	const unsigned char *at = data, *end = at + length;
	uint64_t lanes[4] = { factors[3], factors[2], factors[1], factors[0] }, words[4];
	uint64_t hash = length;

	for (; end - at >= (ptrdiff_t)sizeof(words); at += sizeof(words)) {
		memcpy(words, at, sizeof(words));
		for (int i = 0; i < 4; i++) /* four chains that do not wait for each other */
			lanes[i] = mix(lanes[i], words[i]);
	}
	memset(words, 0, sizeof(words));
	memcpy(words, at, (size_t)(end - at));
	for (int i = 0; i < 4; i++)
		hash = mix(hash, mix(lanes[i], words[i]));
	return hash ^ hash >> 32;
}
