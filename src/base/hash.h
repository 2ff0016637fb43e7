#pragma once
#include <stddef.h>
#include <stdint.h>

/* FNV-1a, 64 bit: for names, not against an adversary. */
uint64_t hash_fnv1a64(const void *data, size_t length);
/*
 * For much data, in words of the host's order: to be compared with what this host has computed itself, or as the name of what it keeps in a cache. Not
 * against an adversary.
 */
uint64_t hash_bulk64(const void *data, size_t length);
