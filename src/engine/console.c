/* The pty of the console, the ttys, their log and their users. */
#include "engine/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "engine/terminals.h"

void console_init(struct console *console)
{
	*console = (struct console){ .devpts_fd = -1,
		.master_fd = -1,
		.slave_fd = -1,
		.slave_index = -1,
		.in_fd = -1,
		.out_fd = -1,
		.client_fd = -1,
		.client_holder = -1,
		.log_fd = -1 };
}

static int open_log(struct console *console, const struct spec *spec, struct error *err)
{
	if (spec->console.logfile) {
		console->log_fd = open(spec->console.logfile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (console->log_fd < 0)
			return spec_error(err, errno, spec, &spec->console.origin, "open console log %s",
				spec->console.logfile);
	}
	if (spec->console.buffer_size > 0) {
		console->ring = malloc(spec->console.buffer_size);
		if (!console->ring)
			return error_set(err, ENOMEM, "allocate the console buffer");
		console->ring_size = spec->console.buffer_size;
	}
	return 0;
}

static bool caller_has_terminal(void)
{
	return isatty(STDIN_FILENO) || isatty(STDOUT_FILENO) || isatty(STDERR_FILENO);
}

/* A device that the user named takes the place of the pty. */
static int open_console_device(struct console *console, const struct spec *spec, struct error *err)
{
	console->slave_fd = open(spec->console.path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_CREAT, 0600);
	if (console->slave_fd < 0)
		return spec_error(err, errno, spec, &spec->console.origin, "open console %s", spec->console.path);
	return 0;
}

int console_open(struct console *console, const struct spec *spec, bool foreground, struct error *err)
{
	const char *path = spec->console.path;
	bool has_terminal = foreground && caller_has_terminal();
	bool is_plain = foreground && spec->process.is_application && !has_terminal;

	console->inherit_stdio = is_plain;
	if (has_terminal) {
		console->in_fd = isatty(STDIN_FILENO) ? STDIN_FILENO : -1;
		console->out_fd = STDOUT_FILENO;
	} else if (foreground) {
		console->out_fd = STDOUT_FILENO;
	}
	int r = open_log(console, spec, err);
	if (r < 0)
		return r;
	bool wants_pty = !is_plain && !path;
	if (!spec->rootfs.path && !wants_pty && spec->console.tty_max == 0)
		return 0; /* an application on the host's root keeps the host's /dev */

	r = terminals_open(console, spec, wants_pty, err);
	if (r >= 0 && path && strcmp(path, "none") != 0)
		r = open_console_device(console, spec, err);
	struct winsize size;
	if (r >= 0 && wants_pty && console->in_fd >= 0 && ioctl(console->in_fd, TIOCGWINSZ, &size) == 0)
		(void)ioctl(console->master_fd, TIOCSWINSZ, &size); /* a wrong size only looks bad */
	return r < 0 ? r : 0;
}

void console_close(struct console *console)
{
	console_detach_terminal(console);
	for (size_t i = 0; i < console->tty_count; i++)
		close_fd(&console->tty_masters[i]);
	free(console->tty_masters);
	free(console->tty_indexes);
	free(console->tty_holders);
	free(console->ring);
	close_fd(&console->devpts_fd);
	close_fd(&console->master_fd);
	close_fd(&console->slave_fd);
	close_fd(&console->client_fd);
	close_fd(&console->log_fd);
	console_init(console);
}

void console_drop_slave(struct console *console)
{
	/* a pty's slave stays open here: the master would be at its end whenever no program has the console */
	if (console->slave_index < 0)
		close_fd(&console->slave_fd);
}

void console_attach_terminal(struct console *console)
{
	struct termios raw;

	if (console->in_fd < 0 || console->master_fd < 0 || console->is_raw ||
		tcgetattr(console->in_fd, &console->saved) < 0)
		return;
	raw = console->saved;
	cfmakeraw(&raw);
	console->is_raw = tcsetattr(console->in_fd, TCSAFLUSH, &raw) == 0;
}

void console_detach_terminal(struct console *console)
{
	if (console->is_raw)
		(void)tcsetattr(console->in_fd, TCSAFLUSH, &console->saved); /* nothing else to try */
	console->is_raw = false;
}

static void ring_write(struct console *console, const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		size_t end = (console->ring_start + console->ring_used) % console->ring_size;
		console->ring[end] = data[i];
		if (console->ring_used < console->ring_size)
			console->ring_used++;
		else
			console->ring_start = (console->ring_start + 1) % console->ring_size;
	}
}

/* log.size reached: start again, the old one is kept as FILE.1 when rotate is set. */
static void rotate_log(struct console *console, const struct spec *spec)
{
	char old[4096];

	if (!spec->console.log_rotate) {
		if (ftruncate(console->log_fd, 0) == 0)
			console->log_written = 0;
		return;
	}
	snprintf(old, sizeof(old), "%s.1", spec->console.logfile);
	if (rename(spec->console.logfile, old) < 0)
		return;
	close_fd(&console->log_fd);
	console->log_fd =
		open(spec->console.logfile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	console->log_written = 0;
}

bool console_pump_output(struct console *console, const struct spec *spec)
{
	char buffer[4096];
	ssize_t n = read(console->master_fd, buffer, sizeof(buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	if (console->out_fd >= 0 && write_full(console->out_fd, buffer, (size_t)n) < 0)
		console->out_fd = -1;
	if (console->client_fd >= 0)
		(void)!write(console->client_fd, buffer, (size_t)n); /* non-blocking: a slow reader loses lines */
	if (console->ring)
		ring_write(console, buffer, (size_t)n);
	if (console->log_fd >= 0) {
		uint64_t limit = spec->console.log_size;
		if (limit > 0 && console->log_written + (uint64_t)n > limit)
			rotate_log(console, spec);
		if (write_full(console->log_fd, buffer, (size_t)n) == 0)
			console->log_written += (uint64_t)n;
	}
	return true;
}

bool console_pump_input(struct console *console, int from_fd)
{
	char buffer[1024];
	ssize_t n = read(from_fd, buffer, sizeof(buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	if (console->master_fd >= 0)
		(void)!write(console->master_fd, buffer, (size_t)n); /* a full pty drops, as a tty does */
	return true;
}

void console_resize(struct console *console, int from_fd)
{
	struct winsize size;

	if (from_fd >= 0 && console->master_fd >= 0 && ioctl(from_fd, TIOCGWINSZ, &size) == 0)
		(void)ioctl(console->master_fd, TIOCSWINSZ, &size); /* a wrong size only looks bad */
}

/* The console itself stays with us (log, ring): its user gets one end of a further pty. */
static int lend_console(struct console *console, int holder)
{
	int unlock = 0;
	struct termios raw;

	if (console->master_fd < 0)
		return -EINVAL;
	if (console->client_fd >= 0)
		return -EBUSY;
	auto_close int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0)
		return -errno;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	auto_close int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (slave < 0)
		return -errno;
	if (tcgetattr(slave, &raw) < 0)
		return -errno;
	cfmakeraw(&raw);
	if (tcsetattr(slave, TCSANOW, &raw) < 0)
		return -errno;
	console->client_fd = take_fd(&slave);
	console->client_holder = holder;
	return take_fd(&master);
}

int console_lend(struct console *console, int *tty, int holder, bool *ret_close_after_send)
{
	*ret_close_after_send = *tty == 0;
	if (*tty == 0)
		return lend_console(console, holder);
	for (size_t i = 0; i < console->tty_count; i++) {
		if (*tty > 0 && (size_t)*tty != i + 1)
			continue;
		if (console->tty_holders[i] >= 0) {
			if (*tty > 0)
				return -EBUSY;
			continue;
		}
		console->tty_holders[i] = holder;
		*tty = (int)i + 1;
		return console->tty_masters[i];
	}
	return *tty > 0 ? -EINVAL : -EBUSY;
}

void console_return(struct console *console, int holder)
{
	if (console->client_fd >= 0 && console->client_holder == holder)
		close_fd(&console->client_fd);
	for (size_t i = 0; i < console->tty_count; i++)
		if (console->tty_holders[i] == holder)
			console->tty_holders[i] = -1;
}

int console_become_stdio(const struct console *console, struct error *err)
{
	if (console->inherit_stdio)
		return 0;
	if (setsid() < 0 && errno != EPERM)
		return error_set(err, errno, "start a session");
	if (console->slave_fd < 0) {
		auto_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		for (int fd = 0; fd < 3 && null_fd >= 0; fd++)
			if (dup2(null_fd, fd) < 0)
				return error_set(err, errno, "redirect to /dev/null");
		return 0;
	}
	(void)ioctl(console->slave_fd, TIOCSCTTY, 0); /* a console device that is no tty works without */
	for (int fd = 0; fd < 3; fd++)
		if (dup2(console->slave_fd, fd) < 0)
			return error_set(err, errno, "connect the console");
	return 0;
}
