/* Terminals that a container gets: a devpts instance, console and ttys in it. */
#include "engine/terminals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/mapped.h"
#include "kernel/fd_passing.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

/* Host id of an id inside, for files that must belong to the container. */
static uint32_t host_id(const struct spec *spec, bool is_gid, uint32_t inside)
{
	vector_for_each (map, &spec->idmaps)
		if (map->is_gid == is_gid && inside >= map->inside && inside - map->inside < map->count)
			return map->outside + (inside - map->inside);
	return inside;
}

/* Group tty as the user namespace sees it; not every map has it. */
static uint32_t inside_gid(const struct spec *spec)
{
	vector_for_each (map, &spec->idmaps)
		if (map->is_gid && 5 >= map->inside && 5 - map->inside < map->count)
			return 5;
	return 0;
}

static int set_option(int fs_fd, const char *name, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return fsconfig(fs_fd, FSCONFIG_SET_STRING, name, text, 0) < 0 ? -errno : 0;
}

/* A devpts instance that nobody has mounted yet: fsopen, Linux 5.2. */
static int open_devpts(const struct spec *spec, bool is_inside, struct error *err)
{
	auto_close int fs_fd = fsopen("devpts", FSOPEN_CLOEXEC);
	if (fs_fd < 0)
		return error_set(err, errno, "open a devpts instance");
	uint32_t max = spec->console.pty_max + spec->console.tty_max + 1;
	int r = set_option(fs_fd, "gid", is_inside ? inside_gid(spec) : host_id(spec, true, 5));
	if (r == 0)
		r = fsconfig(fs_fd, FSCONFIG_SET_STRING, "mode", "0620", 0) < 0 ? -errno : 0;
	if (r == 0)
		r = fsconfig(fs_fd, FSCONFIG_SET_STRING, "ptmxmode", "0666", 0) < 0 ? -errno : 0;
	if (r == 0 && spec->console.pty_max > 0)
		r = set_option(fs_fd, "max", max);
	if (r == 0 && fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	if (r < 0)
		return error_set(err, r, "create a devpts instance");
	int fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? error_set(err, errno, "mount a devpts instance") : fd;
}

/* A pty in the instance; its slave belongs to the container's root. slave_fd may be NULL. */
static int open_pty(const struct spec *spec, bool is_inside, int devpts_fd, int *master_fd, int *slave_fd, int *index)
{
	int unlock = 0;
	unsigned number;

	auto_close int master = openat(devpts_fd, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0)
		return -errno;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCGPTN, &number) < 0)
		return -errno;
	if (slave_fd) {
		int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (slave < 0)
			return -errno;
		*slave_fd = slave;
	}
	if (spec->idmaps.count > 0 && !is_inside) {
		char name[16];
		snprintf(name, sizeof(name), "%u", number);
		if (fchownat(devpts_fd, name, host_id(spec, false, 0), (gid_t)-1, 0) < 0)
			return -errno;
	}
	*index = (int)number;
	*master_fd = take_fd(&master);
	return 0;
}

static int reserve_ttys(struct console *console, const struct spec *spec, struct error *err)
{
	size_t count = spec->console.tty_max;

	console->tty_masters = calloc(count, sizeof(int));
	console->tty_indexes = calloc(count, sizeof(int));
	console->tty_holders = calloc(count, sizeof(int));
	if (!console->tty_masters || !console->tty_indexes || !console->tty_holders)
		return error_set(err, ENOMEM, "allocate %zu ttys", count);
	return 0;
}

static int open_ttys(struct console *console, const struct spec *spec, bool is_inside, struct error *err)
{
	size_t count = spec->console.tty_max;

	for (size_t i = 0; i < count; i++) {
		int r = open_pty(spec, is_inside, console->devpts_fd, &console->tty_masters[i], NULL, &console->tty_indexes[i]);
		if (r < 0)
			return error_set(err, r, "allocate tty %zu", i + 1);
		console->tty_holders[i] = -1;
		console->tty_count = i + 1;
	}
	return 0;
}

static int open_all(struct console *console, const struct spec *spec, bool wants_pty, bool is_inside, struct error *err)
{
	int r = console->devpts_fd = open_devpts(spec, is_inside, err);

	if (r >= 0 && spec->console.tty_max > 0)
		r = open_ttys(console, spec, is_inside, err);
	if (r >= 0 && wants_pty) {
		r = open_pty(spec, is_inside, console->devpts_fd, &console->master_fd, &console->slave_fd, &console->slave_index);
		if (r < 0)
			error_set(err, r, "allocate the console's pty");
	}
	return r < 0 ? r : 0;
}

/* ---- in the container's user namespace ---- */

struct terminals_work {
	struct console *console;
	const struct spec *spec;
	bool wants_pty;
	int socket_fd; /* where the child sends what it has opened, in the order of take_all */
};

static int give(int socket_fd, int fd, int number)
{
	struct iovec part = { &number, sizeof(number) };
	return fd_passing_send(socket_fd, &part, 1, &fd, 1);
}

static int open_inside(void *data, struct error *err)
{
	const struct terminals_work *work = data;
	struct console *console = work->console;
	int r = open_all(console, work->spec, work->wants_pty, true, err);
	if (r < 0)
		return r;
	r = give(work->socket_fd, console->devpts_fd, 0);
	for (size_t i = 0; r == 0 && i < console->tty_count; i++)
		r = give(work->socket_fd, console->tty_masters[i], console->tty_indexes[i]);
	if (r == 0 && work->wants_pty)
		r = give(work->socket_fd, console->master_fd, console->slave_index);
	if (r == 0 && work->wants_pty)
		r = give(work->socket_fd, console->slave_fd, console->slave_index);
	return r < 0 ? error_set(err, r, "pass the terminals on") : 0;
}

static int take(int socket_fd, int *ret_fd, int *ret_number)
{
	int number = 0;
	ssize_t length = fd_passing_receive(socket_fd, &number, sizeof(number), 0, ret_fd);
	if (ret_number)
		*ret_number = number;
	return length != sizeof(number) || *ret_fd < 0 ? -EPROTO : 0;
}

static int take_all(const struct terminals_work *work, int socket_fd)
{
	struct console *console = work->console;
	int r = take(socket_fd, &console->devpts_fd, NULL);
	for (size_t i = 0; r == 0 && i < work->spec->console.tty_max; i++) {
		r = take(socket_fd, &console->tty_masters[i], &console->tty_indexes[i]);
		console->tty_holders[i] = -1;
		console->tty_count = i + (r == 0);
	}
	if (r == 0 && work->wants_pty)
		r = take(socket_fd, &console->master_fd, &console->slave_index);
	if (r == 0 && work->wants_pty)
		r = take(socket_fd, &console->slave_fd, NULL);
	return r;
}

int terminals_open(struct console *console, const struct spec *spec, bool wants_pty, struct error *err)
{
	int fds[2];
	struct terminals_work work = { .console = console, .spec = spec, .wants_pty = wants_pty };

	int r = spec->console.tty_max > 0 ? reserve_ttys(console, spec, err) : 0;
	if (r < 0)
		return r;
	if (!engine_needs_mapping(spec))
		return open_all(console, spec, wants_pty, false, err);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return error_set(err, errno, "make a socket pair");
	work.socket_fd = fds[1];
	r = engine_run_mapped(spec, open_inside, &work, err);
	close(fds[1]);
	if (r == 0 && (r = take_all(&work, fds[0])) < 0)
		error_set(err, r, "take over the terminals");
	close(fds[0]);
	return r;
}
