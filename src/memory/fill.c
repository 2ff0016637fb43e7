/*
 * Memory that comes after a restore, by userfaultfd (userfaultfd(2), ioctl_userfaultfd(2); non-cooperative, Linux 4.11: what a process does
 * with its mappings is told, and waits until it was read). criu's restore sends, per process, its number (negative: it has
 * no memory any more) and then a byte with its userfaultfd; at the end of it all, a word (criu: uffd.c).
 */
#include "memory/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/fd_passing.h"
#include "memory/space.h"

#define RESTORE_HAS_ENDED 0x52535446

enum { AT_ONCE = 16 /* pages for a touched one */ };

struct filling {
	struct memory_tables tables;
	VECTOR(struct memory_space) spaces;
	VECTOR(struct pollfd) polled; /* the client, then the spaces */
	int client_fd; /* -1: the restore has ended */
};

static int add_space(struct filling *filling, struct memory_space **ret)
{
	*ret = vector_add(&filling->spaces);
	return *ret ? 0 : -ENOMEM;
}

/* ---- criu ---- */

static int take_process(struct filling *filling, int number)
{
	struct memory_space *space;
	char name[64], byte;
	int fd;
	ssize_t n = fd_passing_receive(filling->client_fd, &byte, 1, 0, &fd);

	if (n != 1 || fd < 0)
		return n < 0 ? (int)n : -EPROTO;
	(void)snprintf(name, sizeof(name), "pagemap-%d.img", number);
	int r = add_space(filling, &space);
	if (r < 0) {
		close(fd);
		return r;
	}
	return memory_space_init(space, fd, memory_table_find(&filling->tables, name));
}

static int take_word(struct filling *filling)
{
	int32_t word;
	int r = read_full(filling->client_fd, &word, sizeof(word));

	if (r < 0)
		return r == -ENODATA ? -ECONNABORTED : r; /* the restore has failed */
	if (word == RESTORE_HAS_ENDED)
		close_fd(&filling->client_fd);
	else if (word > 0)
		return take_process(filling, word);
	return 0;
}

/* ---- the pages ---- */

enum outcome { FILLED, AGAIN };

/* *pages: how many there are to be; then how many the process has now. AGAIN: something is to be read first. */
static int copy_pages(struct memory_space *space, uint64_t address, const unsigned char *data, uint64_t *pages)
{
	struct uffdio_copy copy = { .dst = address, .src = (uintptr_t)data, .len = *pages * MEMORY_PAGE };

	if (ioctl(space->fd, UFFDIO_COPY, &copy) == 0)
		return FILLED;
	if (copy.copy > 0)
		*pages = (uint64_t)copy.copy / MEMORY_PAGE;
	else if (errno == ENOENT && *pages > 1) /* a range may lie in several mappings, which takes a call for each */
		return *pages /= 2, copy_pages(space, address, data, pages);
	else if (errno == EEXIST || errno == ENOENT) /* it was written anew, or unmapped */
		*pages = 1;
	else
		return errno == EAGAIN ? AGAIN : -errno;
	return FILLED;
}

/* Whoever waits for the page goes on, also where it was there already. */
static void wake(const struct memory_space *space, uint64_t address)
{
	struct uffdio_range range = { address, MEMORY_PAGE };

	(void)ioctl(space->fd, UFFDIO_WAKE, &range);
}

static int fill(struct memory_space *space, uint64_t address, const unsigned char *data, uint64_t pages)
{
	int r = copy_pages(space, address, data, &pages);

	if (r == -ESRCH) { /* the process has ended */
		memory_space_clear(space);
		return FILLED;
	}
	return r == FILLED ? memory_space_drop(space, address, address + pages * MEMORY_PAGE) : r;
}

/* What the images do not have was never touched. */
static int fill_zero(struct memory_space *space, uint64_t address)
{
	struct uffdio_zeropage zero = { .range = { address, MEMORY_PAGE } };

	if (ioctl(space->fd, UFFDIO_ZEROPAGE, &zero) == 0 || errno == EEXIST || errno == ENOENT || errno == ESRCH)
		return FILLED;
	return errno == EAGAIN ? AGAIN : -errno;
}

/* A page that can not be filled yet is touched again when its process is woken. */
static int fill_touched(struct memory_space *space, uint64_t address)
{
	address -= address % MEMORY_PAGE;
	const struct memory_range *range = memory_space_find(space, address);
	int r;

	if (range) {
		uint64_t before = (address - range->address) / MEMORY_PAGE, left = range->pages - before;
		r = fill(space, address, range->data + before * MEMORY_PAGE, left < AT_ONCE ? left : AT_ONCE);
	} else {
		r = fill_zero(space, address);
	}
	if (space->fd >= 0)
		wake(space, address);
	return r < 0 ? r : 0;
}

/* The next pages of those that nobody has touched. */
static int fill_next(struct memory_space *space)
{
	const struct memory_range *range = memory_space_first(space);
	uint64_t pages = range->pages < MEMORY_CHUNK ? range->pages : MEMORY_CHUNK;

	(void)madvise((void *)(uintptr_t)range->data, pages * MEMORY_PAGE, MADV_POPULATE_READ);
	int r = fill(space, range->address, range->data, pages);
	return r < 0 ? r : 0;
}

/* ---- what the processes do ---- */

static int take_fork(struct filling *filling, size_t index, int fd)
{
	struct memory_space *child;
	int r = add_space(filling, &child);

	if (r < 0) {
		close(fd);
		return r;
	}
	return memory_space_fork(child, fd, filling->spaces.items + index);
}

static int take_event(struct filling *filling, size_t index, const struct uffd_msg *event)
{
	struct memory_space *space = filling->spaces.items + index;

	switch (event->event) {
	case UFFD_EVENT_PAGEFAULT:
		return fill_touched(space, event->arg.pagefault.address);
	case UFFD_EVENT_FORK:
		return take_fork(filling, index, (int)event->arg.fork.ufd);
	case UFFD_EVENT_REMAP:
		return memory_space_move(space, event->arg.remap.from, event->arg.remap.to, event->arg.remap.len);
	case UFFD_EVENT_REMOVE:
	case UFFD_EVENT_UNMAP:
		return memory_space_drop(space, event->arg.remove.start, event->arg.remove.end);
	}
	return 0;
}

static int take_events(struct filling *filling, size_t index)
{
	struct uffd_msg event;
	int r = 0;

	while (r == 0 && filling->spaces.items[index].fd >= 0) {
		ssize_t n = read(filling->spaces.items[index].fd, &event, sizeof(event));
		if (n != sizeof(event))
			return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
		r = take_event(filling, index, &event);
	}
	return r;
}

/* ---- all of them ---- */

static bool is_missing(struct memory_space *space)
{
	return space->fd >= 0 && memory_space_first(space);
}

/* Only when the restore has ended: before, mappings are still handed to the descriptor. */
static size_t close_filled(struct filling *filling)
{
	size_t count = 0;

	vector_for_each (space, &filling->spaces) {
		if (is_missing(space))
			count++;
		else if (space->fd >= 0)
			memory_space_clear(space);
	}
	return count;
}

static int wait_for_events(struct filling *filling, int timeout_ms)
{
	filling->polled.count = 0;
	for (size_t i = 0; i <= filling->spaces.count; i++) {
		struct pollfd *item = vector_add(&filling->polled);
		if (!item)
			return -ENOMEM;
		*item = (struct pollfd){ i == 0 ? filling->client_fd : filling->spaces.items[i - 1].fd, POLLIN, 0 };
	}
	return poll(filling->polled.items, filling->polled.count, timeout_ms) < 0 && errno != EINTR ? -errno : 0;
}

static int handle_events(struct filling *filling, int timeout_ms)
{
	int r = wait_for_events(filling, timeout_ms);

	for (size_t i = 1; r == 0 && i < filling->polled.count; i++)
		if (filling->polled.items[i].revents)
			r = take_events(filling, i - 1);
	if (r == 0 && filling->client_fd >= 0 && filling->polled.items[0].revents)
		r = take_word(filling);
	return r;
}

static int fill_all(struct filling *filling)
{
	int r = 0;

	while (r == 0 && filling->client_fd >= 0)
		r = handle_events(filling, -1);
	while (r == 0 && close_filled(filling) > 0) {
		r = handle_events(filling, 0);
		for (size_t i = 0; r == 0 && i < filling->spaces.count; i++)
			if (is_missing(filling->spaces.items + i)) {
				r = fill_next(filling->spaces.items + i);
				break;
			}
	}
	return r;
}

int memory_fill(int dir_fd, int listening_fd, struct error *err)
{
	struct filling filling = { .client_fd = -1 };
	int r = memory_tables_load(&filling.tables, dir_fd);

	if (r < 0)
		return error_set(err, r, "read the images of memory");
	filling.client_fd = accept4(listening_fd, NULL, NULL, SOCK_CLOEXEC);
	r = filling.client_fd < 0 ? -errno : fill_all(&filling);
	close_fd(&filling.client_fd);
	if (r == 0) /* after a failure the userfaultfds stay: the kernel would give zeros for what is missing */
		vector_for_each (space, &filling.spaces)
			memory_space_clear(space);
	free(filling.spaces.items);
	free(filling.polled.items);
	memory_tables_clear(&filling.tables);
	return r < 0 ? error_set(err, r, "fill memory") : 0;
}
