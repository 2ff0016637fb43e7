/* One criu at a time has a container: a lock that criu itself holds, so that it outlives whoever has started it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "engine/checkpoint.h"
#include "engine/checkpoint_turn.h"
#include "engine/pages.h"
#include "engine/rundir.h"

enum { TURN_MS = 30000, PAGES_MS = 600000 };

int checkpoint_turn_take(const struct container_id *id, int run_fd, struct error *err)
{
	auto_close int pages_fd = -1;
	int ready = pages_await(run_fd, PAGES_MS, &pages_fd);
	if (ready < 0)
		return error_set(err, ready, "wait for the memory of %s, which is not all there after its restore", id->name);
	auto_close int fd = openat(run_fd, CHECKPOINT_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : file_lock_within(fd, LOCK_EX, TURN_MS);

	if (r == -ETIMEDOUT)
		return error_set_kind(err, ERROR_BUSY, EBUSY, "another checkpoint of %s is under way", id->name);
	return r < 0 ? error_set(err, r, "lock the checkpoints of %s", id->name) : take_fd(&fd);
}

int checkpoint_await(const struct container_id *id, int timeout_ms)
{
	struct rundir dir = { .fd = -1 };

	if (rundir_open(id, &dir) < 0)
		return 0; /* it does not run */
	auto_close int fd = openat(dir.fd, CHECKPOINT_LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	rundir_close(&dir);
	return fd < 0 ? 0 : file_lock_within(fd, LOCK_EX, timeout_ms);
}
