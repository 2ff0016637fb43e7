#pragma once
#include <stddef.h>

/* A helper program whose standard input, output and error are in memory (memfd_create(2)); one run each. */
struct talk {
	int fds[3]; /* what is written to fds[0] before the run is its input */
};

/* 0 or -errno; talk_close in either case. */
int talk_open(struct talk *ret);
void talk_close(struct talk *talk);

/* Runs argv to its end, envp as for process_spawn. Its exit status, or -errno; -EIO: a signal ended it. */
int talk_run(const struct talk *talk, char *const *argv, char *const *envp);

/* The first line of output (1) or error (2), without its newline; cut to size - 1. */
void talk_line(const struct talk *talk, int number, char *buffer, size_t size);
/* Its output whole, as file_read_fd. */
int talk_output(const struct talk *talk, size_t max, char **ret, size_t *ret_length);
