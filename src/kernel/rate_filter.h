#pragma once
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

/* Instructions of the program, at most. */
#define RATE_FILTER_SIZE 40

/*
 * A program for a device's clsact ingress (BPF_PROG_TYPE_SCHED_CLS, direct action) that drops what comes faster than
 * bits_per_second (at least 8000), after a burst that is let through. A packet passes as long as nothing is owed, and
 * may then owe time itself: so one that is larger than the burst (GSO) passes too, and the rate holds all the same.
 * Packets that pass go on to the next filter. state_fd: an array map of one 64-bit value.
 *
 * Returns the number of instructions.
 */
size_t rate_filter_build(uint64_t bits_per_second, uint64_t burst_bytes, int state_fd,
	struct bpf_insn program[RATE_FILTER_SIZE]);

/*
 * Loads it with a state of its own. A close-on-exec fd, or -errno: -EPERM in a user namespace, -ENOSYS and -EINVAL
 * without bpf(2). Runs on 5.10 and later: it needs no atomic instruction but the addition.
 */
int rate_filter_load(uint64_t bits_per_second, uint64_t burst_bytes);
