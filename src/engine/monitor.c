/*
 * Who watches: each watcher binds a datagram socket in the folder "monitors" beside the run directories, and
 * who changes a state sends there. No daemon, nothing to poll, nothing to pay when nobody watches.
 */
#include "engine/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "engine/rundir.h"

struct engine_monitor {
	int fd;
	struct sockaddr_un address;
};

struct engine_watch {
	struct engine_monitor *monitor;
	struct container_id id; /* borrowed strings */
	struct status before;	/* when it was opened: that is no news */
};

static int monitors_path(const char *dialect, char *buffer, size_t size)
{
	char parent[PATH_MAX - 16];
	int r = rundir_parent(dialect, parent, sizeof(parent));
	if (r < 0)
		return r;
	int length = snprintf(buffer, size, "%s/.monitors", parent);
	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

static void send_event(int fd, int dir_fd, const char *path, const char *name, const struct monitor_event *event)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", path, name);

	if (length < 0 || (size_t)length >= sizeof(address.sun_path))
		return;
	if (sendto(fd, event, sizeof(*event), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
		    sizeof(address)) < 0 && errno == ECONNREFUSED)
		(void)unlinkat(dir_fd, name, 0); /* its owner died without cleaning up */
}

void monitor_publish(const char *run_path, const struct container_id *id, uint32_t type, int32_t value)
{
	char path[PATH_MAX];
	struct monitor_event event = { .version = 1, .type = type, .value = value };

	if (run_path)
		snprintf(path, sizeof(path), "%.*s/.monitors", (int)(strrchr(run_path, '/') - run_path), run_path);
	else if (monitors_path(id->dialect, path, sizeof(path)) < 0)
		return;
	int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return;
	auto_closedir DIR *dir = fdopendir(dir_fd);
	if (!dir) {
		close(dir_fd);
		return;
	}
	auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(event.name, sizeof(event.name), "%s", id->name);
	snprintf(event.base_path, sizeof(event.base_path), "%s", id->base_path);
	for (struct dirent *entry; fd >= 0 && (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			send_event(fd, dir_fd, path, entry->d_name, &event);
}

int engine_monitor_open(const char *dialect, struct engine_monitor **ret_monitor, struct error *err)
{
	char path[PATH_MAX];
	struct timespec now;
	auto_free struct engine_monitor *monitor = calloc(1, sizeof(*monitor));
	if (!monitor)
		return error_set(err, ENOMEM, "watch containers");

	int r = monitors_path(dialect, path, sizeof(path));
	if (r == 0)
		r = mkdir_parents(path, 0755);
	if (r == 0 && chmod(path, 0700) < 0)
		r = -errno;
	if (r < 0)
		return error_set(err, r, "create %s", path);

	monitor->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (monitor->fd < 0)
		return error_set(err, errno, "watch containers");
	clock_gettime(CLOCK_MONOTONIC, &now);
	monitor->address.sun_family = AF_UNIX;
	int length = snprintf(monitor->address.sun_path, sizeof(monitor->address.sun_path), "%s/%d-%d-%lx", path,
		getpid(), monitor->fd, (unsigned long)now.tv_nsec);
	r = length < (int)sizeof(monitor->address.sun_path) ? 0 : -ENAMETOOLONG;
	if (r == 0 && bind(monitor->fd, (struct sockaddr *)&monitor->address, sizeof(monitor->address)) < 0)
		r = -errno;
	if (r < 0) {
		close(monitor->fd);
		return error_set(err, r, "bind %s", monitor->address.sun_path);
	}
	*ret_monitor = take_ptr(monitor);
	return 0;
}

int engine_monitor_fd(const struct engine_monitor *monitor)
{
	return monitor->fd;
}

void engine_monitor_close(struct engine_monitor *monitor)
{
	if (!monitor)
		return;
	(void)unlink(monitor->address.sun_path);
	close(monitor->fd);
	free(monitor);
}

int engine_watch_open(const struct container_id *id, struct engine_watch **ret_watch, struct error *err)
{
	struct engine_watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return error_set(err, ENOMEM, "watch %s", id->name);
	int r = engine_monitor_open(id->dialect, &watch->monitor, err);
	if (r < 0) {
		free(watch);
		return r;
	}
	watch->id = *id;
	engine_status(id, &watch->before, NULL);
	*ret_watch = watch;
	return 0;
}

void engine_watch_close(struct engine_watch *watch)
{
	if (!watch)
		return;
	engine_monitor_close(watch->monitor);
	free(watch);
}

/* True when one of the queued events is a state of the mask. */
static bool drain_events(const struct engine_watch *watch, uint32_t state_mask)
{
	struct monitor_event event;

	while (recv(watch->monitor->fd, &event, sizeof(event), MSG_DONTWAIT) == sizeof(event)) {
		if (event.type != 0 || (unsigned)event.value >= STATE_COUNT)
			continue;
		if (strcmp(event.name, watch->id.name) == 0 && strcmp(event.base_path, watch->id.base_path) == 0 &&
			state_mask & 1U << event.value)
			return true;
	}
	return false;
}

/* A state of the mask that is not the one of before: RUNNING of the same init is no reboot. */
static bool has_news(const struct engine_watch *watch, uint32_t state_mask)
{
	const struct status *before = &watch->before;
	struct status now;

	engine_status(&watch->id, &now, NULL);
	return state_mask & 1U << now.state && (now.state != before->state || now.init_pid != before->init_pid);
}

int engine_watch_wait(struct engine_watch *watch, uint32_t state_mask, int timeout_ms, struct error *err)
{
	int64_t deadline = clock_ms() + timeout_ms;

	for (;;) {
		if (drain_events(watch, state_mask))
			return 0;
		int64_t left = timeout_ms < 0 ? INT64_MAX : deadline - clock_ms();
		if (left <= 0)
			return error_set(err, ETIMEDOUT, "wait for %s", watch->id.name);
		/* a supervisor that is killed sends nothing: look for ourselves each second */
		struct pollfd poll_fd = { .fd = watch->monitor->fd, .events = POLLIN };
		if (poll(&poll_fd, 1, left > 1000 ? 1000 : (int)left) == 0 && has_news(watch, state_mask))
			return 0;
	}
}

int engine_wait(const struct container_id *id, uint32_t state_mask, int timeout_ms, struct error *err)
{
	struct engine_watch *watch = NULL;
	struct status status;
	int r = timeout_ms == 0 ? 0 : engine_watch_open(id, &watch, err);
	if (r < 0)
		return r;

	if (watch)
		status = watch->before;
	else
		engine_status(id, &status, NULL);
	if (state_mask & 1U << status.state)
		r = 0;
	else if (timeout_ms == 0)
		r = error_set(err, ETIMEDOUT, "%s is %s", id->name, state_name(status.state));
	else
		r = engine_watch_wait(watch, state_mask, timeout_ms, err);
	engine_watch_close(watch);
	return r;
}
