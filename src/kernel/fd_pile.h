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

/* fd < 0: nothing. It is closed by fd_pile_close; one that finds no room stays open until the next execve(2). */
void fd_pile_add(struct fd_pile *pile, int fd);
/* Before work that adds at most FD_PILE_ROOM: closes what is there if that would find no room. */
#define FD_PILE_ROOM 16
void fd_pile_make_room(struct fd_pile *pile);
void fd_pile_close(struct fd_pile *pile);
