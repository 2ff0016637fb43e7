#pragma once
#include <stddef.h>

/*
 * Descriptors that are done with and are closed together, by one system call for each row of numbers: a container's mounts take
 * a hundred. Zeroed: empty.
 */
struct fd_pile {
	int fds[48];
	size_t count;
};

/* fd < 0: nothing. It is closed by fd_pile_close, or earlier. */
void fd_pile_add(struct fd_pile *pile, int fd);
void fd_pile_close(struct fd_pile *pile);
#define auto_fd_pile __attribute__((cleanup(fd_pile_close)))
