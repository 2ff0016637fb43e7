#include "kernel/cgroupfs.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#define MAX_FILE (16U * 1024 * 1024)

static int file_path(char *buffer, size_t size, const char *directory, const char *file)
{
	return snprintf(buffer, size, "%s/%s", directory, file) >= (int)size ? -ENAMETOOLONG : 0;
}

int cgroupfs_read(const char *directory, const char *file, char **ret)
{
	char path[PATH_MAX];
	size_t length;
	int r = file_path(path, sizeof(path), directory, file);
	return r < 0 ? r : file_read(-1, path, MAX_FILE, ret, &length);
}

int cgroupfs_write(const char *directory, const char *file, const char *value)
{
	char path[PATH_MAX];
	int r = file_path(path, sizeof(path), directory, file);
	return r < 0 ? r : file_write_text(-1, path, value);
}

int cgroupfs_field(const char *text, const char *key, unsigned long long *ret_value)
{
	size_t length = strlen(key);
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == ' ') {
			*ret_value = strtoull(line + length + 1, NULL, 10);
			return 0;
		}
	}
	return -ENODATA;
}

/* ---- walking ---- */

/* Calls visit for each directory below path, deepest first, then for path. Stops at the first error. */
static int walk(const char *path, int (*visit)(const char *path, void *data), void *data)
{
	auto_closedir DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *entry; (entry = readdir(dir));) {
		char child[PATH_MAX];
		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		int r = file_path(child, sizeof(child), path, entry->d_name);
		r = r ?: walk(child, visit, data);
		if (r < 0)
			return r;
	}
	return visit(path, data);
}

static int has_process(const char *path, void *data)
{
	auto_free char *text = NULL;
	(void)data;
	int r = cgroupfs_read(path, "cgroup.procs", &text);
	if (r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP)
		return 0;
	return r < 0 ? r : *text ? -EBUSY : 0;
}

static int remove_one(const char *path, void *data)
{
	(void)data;
	return rmdir(path) < 0 && errno != ENOENT ? -errno : 0;
}

int cgroupfs_remove(const char *directory, int timeout_ms)
{
	/* most groups are empty and have nothing below */
	if (rmdir(directory) == 0 || errno == ENOENT)
		return 0;
	struct timespec pause = { .tv_nsec = 1000000 };
	for (int waited_ms = 0;; waited_ms += (int)(pause.tv_nsec / 1000000)) {
		int r = walk(directory, has_process, NULL);
		if (r == 0)
			r = walk(directory, remove_one, NULL);
		if (r != -EBUSY || waited_ms >= timeout_ms)
			return r;
		/* dying processes leave their group without a sign that v1 would give */
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 16000000)
			pause.tv_nsec *= 2;
	}
}

struct signal_call {
	int signal;
	int count;
};

static int signal_one(const char *path, void *data)
{
	struct signal_call *call = data;
	auto_free char *text = NULL;
	if (cgroupfs_read(path, "cgroup.procs", &text) < 0)
		return 0;
	char *next = text;
	for (char *line; (line = strsep(&next, "\n")) && *line;) {
		pid_t pid = (pid_t)strtol(line, NULL, 10);
		if (pid > 0 && kill(pid, call->signal) == 0)
			call->count++;
	}
	return 0;
}

int cgroupfs_signal(const char *directory, int signal)
{
	struct signal_call call = { .signal = signal };
	int r = walk(directory, signal_one, &call);
	return r < 0 ? r : call.count;
}

int cgroupfs_kill(const char *directory)
{
	return cgroupfs_write(directory, "cgroup.kill", "1");
}

/* ---- freezer ---- */

static bool is_frozen_v2(const char *directory, bool wanted)
{
	auto_free char *text = NULL;
	unsigned long long value;
	return cgroupfs_read(directory, "cgroup.events", &text) == 0 && cgroupfs_field(text, "frozen", &value) == 0 &&
	       (value != 0) == wanted;
}

int cgroupfs_freeze_v2(const char *directory, bool freeze, int timeout_ms)
{
	char path[PATH_MAX];
	int64_t end = clock_ms() + timeout_ms;
	int r = file_path(path, sizeof(path), directory, "cgroup.events");
	if (r < 0)
		return r;
	/* cgroup.events is modified, and so seen by inotify, when the state changes (kernel: cgroup-v2.rst) */
	auto_close int inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (inotify_fd < 0 || inotify_add_watch(inotify_fd, path, IN_MODIFY) < 0)
		return -errno;
	r = cgroupfs_write(directory, "cgroup.freeze", freeze ? "1" : "0");
	if (r < 0)
		return r;
	while (!is_frozen_v2(directory, freeze)) {
		struct pollfd poll_fd = { .fd = inotify_fd, .events = POLLIN };
		char events[512];
		int64_t left = end - clock_ms();
		if (timeout_ms >= 0 && left <= 0)
			return -ETIMEDOUT;
		(void)poll(&poll_fd, 1, timeout_ms < 0 ? -1 : (int)left); /* EINTR: look again */
		(void)!read(inotify_fd, events, sizeof(events));
	}
	return 0;
}

int cgroupfs_freeze_v1(const char *directory, bool freeze, int timeout_ms)
{
	const char *wanted = freeze ? "FROZEN" : "THAWED";
	int64_t end = clock_ms() + timeout_ms;
	for (;;) {
		auto_free char *text = NULL;
		/* written again each time: a task that was being forked is caught by the next try */
		int r = cgroupfs_write(directory, "freezer.state", wanted);
		r = r ?: cgroupfs_read(directory, "freezer.state", &text);
		if (r < 0)
			return r;
		if (strncmp(text, wanted, strlen(wanted)) == 0)
			return 0;
		if (timeout_ms >= 0 && clock_ms() >= end)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
}
