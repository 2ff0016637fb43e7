#pragma once
#include <stddef.h>
#include <stdint.h>

/* FNV-1a, 64 bit: for names, not against an adversary. */
uint64_t hash_fnv1a64(const void *data, size_t length);
