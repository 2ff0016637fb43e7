#pragma once
#include <stddef.h>
#include <stdint.h>

/* What lxc-top shows of one container. UINT64_MAX: this host does not have it. */
struct top_sample {
	char *name;
	uint64_t time_ms; /* since 1970 */
	uint64_t cpu_ns, system_ticks, user_ticks;
	uint64_t io_bytes, io_read_bytes, io_write_bytes, io_count;
	uint64_t memory_bytes, memory_swap_bytes, kernel_memory_bytes;
};

struct top_samples {
	struct top_sample *items;
	size_t count;
};

/* All running containers below lxcpath. 0 or -errno. */
int top_samples_read(const char *lxcpath, struct top_samples *ret_samples);
void top_samples_clear(struct top_samples *samples);

/* key: n name (a first), c CPU, b block I/O, m memory, s memory and swap, k kernel memory (the most first). */
void top_samples_sort(struct top_samples *samples, char key, int is_reversed);

/* The number behind "NAME " at the begin of a line of text; UINT64_MAX: there is none. */
uint64_t top_parse_field(const char *text, const char *name);
/* Sum of "NAME=NUMBER" (io.stat of v2) or of "NAME NUMBER" behind a device (blkio of v1); UINT64_MAX: none. */
uint64_t top_parse_sum(const char *text, const char *name);
