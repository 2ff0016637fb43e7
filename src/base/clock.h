#pragma once
#include <stdint.h>
#include <time.h>

/* Milliseconds that only ever grow, for timeouts. */
static inline int64_t clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
