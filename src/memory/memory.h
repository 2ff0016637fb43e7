#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Passes over the memory of running processes, for kernels that do not track its changes (CONFIG_MEM_SOFT_DIRTY), where
 * criu has none. A pass copies all pages into a directory of images such as a pre-dump of criu makes; where that has a
 * link "parent" to the pass before, what is the same there is not copied again. criu's dump then gives its pages to a server
 * of ours, which compares them with the pass in the same way. So nothing depends on a page that changes while it is copied: what the
 * frozen process has is what counts, byte by byte.
 *
 * All return 0 or -errno with *err filled.
 */

/*
 * Copies the memory of the processes that are in the pid namespace of init into the directory. Those that end meanwhile are
 * passed over.
 */
struct memory_pids {
	pid_t *items;
	size_t count, capacity;
};
int memory_copy(const struct memory_pids *pids, pid_t init, int dir_fd, uint64_t *ret_pages, struct error *err);

/* Does this kernel track changes of memory? Then passes are criu's business. */
bool memory_is_tracked(void);
/* Does it tell where pages are (Linux 6.7)? Else memory_copy copies nothing. */
bool memory_can_copy(void);

/* criu's page server: a child. */
struct memory_server {
	pid_t pid;
	int socket_fd; /* for criu (--ps-socket), which inherits it; close it then */
	int channel_fd;
};

/*
 * Starts one that writes into the directory, and waits until it has what its "parent" has at hand. The child ends when criu
 * says so, when nobody holds socket_fd any more, and with the caller.
 */
int memory_serve(int dir_fd, struct memory_server *ret, struct error *err);

/* Waits for its end. An error is why the server failed, and so why criu did. For a zeroed one: 0. */
int memory_serve_end(struct memory_server *server, struct error *err);

/*
 * Brings the memory of restored processes from a directory of images: what is touched at once, all else beside. criu (restore
 * --lazy-pages) connects to the listening socket and passes a userfaultfd of each process. Returns when all is there.
 */
int memory_fill(int dir_fd, int listening_fd, struct error *err);
#define MEMORY_FILL_SOCKET "lazy-pages.socket" /* of its work directory; criu's own name */
