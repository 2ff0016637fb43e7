#include "engine/announcer.h"

#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "network/announce.h"

enum { TIMES = 5, PAUSE_MS = 250 };

int announcer_open(const struct start *start)
{
	const struct itimerspec when = { .it_value.tv_nsec = 1, .it_interval.tv_nsec = PAUSE_MS * 1000000L };

	if (!start->options->restore || start->is_reboot || start->netns_fd < 0)
		return -1;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd >= 0)
		(void)timerfd_settime(fd, 0, &when, NULL); /* these values are right */
	return fd;
}

void announcer_serve(const struct start *start, int *fd, unsigned *count)
{
	uint64_t expirations;

	if (read(*fd, &expirations, sizeof(expirations)) < 0)
		return;
	announce_namespace(start->netns_fd);
	if (++*count >= TIMES)
		close_fd(fd);
}
