/* Closing many descriptors. */
#include "kernel/fd_pile.h"

#include <errno.h>
#include <unistd.h>

#define CAPACITY (sizeof(((struct fd_pile *)NULL)->fds) / sizeof(int))

void fd_pile_add(struct fd_pile *pile, int fd)
{
	if (fd < 0 || pile->count == CAPACITY)
		return;
	size_t place = pile->count++;
	for (; place > 0 && pile->fds[place - 1] > fd; place--)
		pile->fds[place] = pile->fds[place - 1];
	pile->fds[place] = fd;
}

static void close_row(int first, int last)
{
	if (first < last && close_range((unsigned)first, (unsigned)last, 0) == 0)
		return;
	for (int fd = first; fd <= last; fd++) /* one, or before 5.9 */
		(void)close(fd);
}

void fd_pile_close(struct fd_pile *pile)
{
	int errno_before = errno;

	for (size_t i = 0, end; i < pile->count; i = end) {
		for (end = i + 1; end < pile->count && pile->fds[end] == pile->fds[end - 1] + 1; end++)
			;
		close_row(pile->fds[i], pile->fds[end - 1]);
	}
	pile->count = 0;
	errno = errno_before;
}

void fd_pile_make_room(struct fd_pile *pile)
{
	if (pile->count > CAPACITY - FD_PILE_ROOM)
		fd_pile_close(pile);
}
