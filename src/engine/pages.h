#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Memory that comes after a restore: a process of ours (memory_fill) brings each page from the images when it is touched, and
 * all others beside. When the last descriptor of a userfaultfd is closed the kernel gives zeros for what is missing
 * (mm/userfaultfd.c: userfaultfd_release). So that process has a keeper, its parent, with which it shares the table of its
 * descriptors (CLONE_FILES): its end closes none of them, those of children forked meanwhile neither, and unless it was a
 * success the keeper kills the container before it goes itself. Both live on when the supervisor is killed.
 */

/* Of the run directory: "filling BYTES", then "done" or "failed REASON"; locked as long as one of them runs. */
#define PAGES_FILE "pages"

/* The supervisor's end. */
struct pages {
	pid_t keeper_pid; /* 0: none */
	int channel_fd;	  /* struct message; ends with the keeper */
};

struct start;

/* Starts both, before the container is made. An error: the memory has to be restored at once. */
int pages_begin(struct start *start, struct error *err);
/* Waits until the server can be connected to. */
int pages_await_server(struct start *start, struct error *err);
/* The restore has ended, the container runs. */
void pages_go(struct start *start);
/* Reaps the keeper, which ends when all is there, or the container is gone; before pages_go: at once. */
void pages_end(struct start *start);

/* The keeper. */
_Noreturn void pages_keep(struct start *start, int channel_fd);

/* Waits for the lock of PAGES_FILE. 1: *ret_fd is the locked file, 0: there is none, -ETIMEDOUT. */
int pages_await(int run_fd, int timeout_ms, int *ret_fd);
