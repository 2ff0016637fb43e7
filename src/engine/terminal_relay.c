/* A terminal for a program in a container. */
#include "engine/terminal_relay.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

int terminal_open_devpts(pid_t init_pid)
{
	char path[64];
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	struct statfs info;
	(void)snprintf(path, sizeof(path), "/proc/%d/root", init_pid);
	auto_close int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	auto_close int fd = (int)syscall(SYS_openat2, root, "dev/pts", &how, sizeof(how));
	if (fd < 0 || fstatfs(fd, &info) < 0)
		return -errno;
	return info.f_type == DEVPTS_SUPER_MAGIC ? take_fd(&fd) : -ENODEV;
}

enum { BUFFER_SIZE = 16384 };

static void copy_window_size(const struct terminal_relay *relay)
{
	struct winsize size;

	if (!ioctl(relay->terminal_fd, TIOCGWINSZ, &size))
		ioctl(relay->master_fd, TIOCSWINSZ, &size);
}

/* From the devpts of the container, so that the name of the terminal exists there; else from the host's. */
static int open_pair(struct terminal_relay *relay, int devpts_fd)
{
	int unlock = 0;

	if (devpts_fd >= 0)
		relay->master_fd = openat(devpts_fd, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (relay->master_fd < 0)
		relay->master_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (relay->master_fd < 0 || ioctl(relay->master_fd, TIOCSPTLCK, &unlock))
		return -errno;
	relay->slave_fd = ioctl(relay->master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (relay->slave_fd < 0)
		return -errno;
	if (fcntl(relay->master_fd, F_SETFL, O_RDWR | O_NONBLOCK))
		return -errno;
	return 0;
}

/* With a caller that has no terminal at all, the program gets one nonetheless. */
static void find_terminal(struct terminal_relay *relay)
{
	static const int preferred[] = { STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO };

	for (size_t i = 0; i < 3; i++) {
		relay->replaces[preferred[i]] = isatty(preferred[i]);
		if (relay->replaces[preferred[i]] && relay->terminal_fd < 0)
			relay->terminal_fd = preferred[i];
	}
	if (relay->terminal_fd >= 0)
		return;
	relay->terminal_fd = STDOUT_FILENO;
	for (size_t i = 0; i < 3; i++)
		relay->replaces[i] = true;
}

/* The caller's settings go to the new terminal; the caller's own then passes every key. */
static void take_over_terminal(struct terminal_relay *relay)
{
	struct termios raw;

	if (tcgetattr(relay->terminal_fd, &relay->saved))
		return;
	tcsetattr(relay->slave_fd, TCSANOW, &relay->saved);
	/* Only with the keyboard in our hands: else input still needs its line editing. */
	if (!relay->replaces[STDIN_FILENO])
		return;
	raw = relay->saved;
	cfmakeraw(&raw);
	relay->is_raw = !tcsetattr(relay->terminal_fd, TCSADRAIN, &raw);
}

static int block_signals(struct terminal_relay *relay)
{
	static const int waited_for[] = { SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT };
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(waited_for) / sizeof(waited_for[0]); i++)
		sigaddset(&mask, waited_for[i]);
	int r = pthread_sigmask(SIG_BLOCK, &mask, &relay->saved_mask);
	if (r)
		return -r;
	relay->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return relay->signal_fd < 0 ? -errno : 0;
}

int relay_open(struct terminal_relay *relay, int devpts_fd, int log_fd)
{
	int ret;

	*relay = (struct terminal_relay){ .master_fd = -1, .slave_fd = -1, .terminal_fd = -1, .log_fd = log_fd,
		.signal_fd = -1 };
	ret = block_signals(relay);
	if (ret < 0)
		return ret;
	find_terminal(relay);
	ret = open_pair(relay, devpts_fd);
	if (ret < 0)
		return ret;
	copy_window_size(relay);
	take_over_terminal(relay);
	return 0;
}

void relay_enter_child(const struct terminal_relay *relay)
{
	setsid();
	for (int fd = 0; fd < 3; fd++)
		if (relay->replaces[fd]) {
			ioctl(fd, TIOCSCTTY, 0);
			break;
		}
	sigprocmask(SIG_SETMASK, &relay->saved_mask, NULL);
}

/* Bytes of the keyboard that the pseudo terminal did not take yet. */
struct pending {
	char bytes[BUFFER_SIZE];
	size_t start, end;
};

/* false: nothing more will come. */
static bool pass_output(const struct terminal_relay *relay)
{
	char bytes[BUFFER_SIZE];
	ssize_t count = read(relay->master_fd, bytes, sizeof(bytes));

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (count <= 0)
		return false;
	if (relay->log_fd >= 0)
		write_full(relay->log_fd, bytes, (size_t)count);
	return write_full(relay->terminal_fd, bytes, (size_t)count) >= 0;
}

static bool take_input(struct pending *pending)
{
	ssize_t count = read(STDIN_FILENO, pending->bytes, sizeof(pending->bytes));

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	pending->start = 0;
	pending->end = count > 0 ? (size_t)count : 0;
	return count > 0;
}

static void pass_input(const struct terminal_relay *relay, struct pending *pending)
{
	ssize_t count = write(relay->master_fd, pending->bytes + pending->start, pending->end - pending->start);

	if (count > 0)
		pending->start += (size_t)count;
	else if (errno != EAGAIN && errno != EINTR)
		pending->start = pending->end; /* nobody is there to read it */
}

static void handle_signals(const struct terminal_relay *relay, pid_t pid)
{
	struct signalfd_siginfo info;

	while (read(relay->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			copy_window_size(relay);
		else
			kill(pid, (int)info.ssi_signo);
	}
}

static void drain_output(const struct terminal_relay *relay)
{
	struct pollfd master = { .fd = relay->master_fd, .events = POLLIN };

	while (poll(&master, 1, 0) > 0 && (master.revents & POLLIN))
		if (!pass_output(relay))
			return;
}

int relay_run(struct terminal_relay *relay, pid_t pid)
{
	struct pending pending = { .start = 0, .end = 0 };
	bool reads_input = relay->replaces[STDIN_FILENO], reads_output = true;
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return -errno;
	close_fd(&relay->slave_fd);
	for (;;) {
		bool has_input = pending.start < pending.end;
		struct pollfd fds[] = {
			{ .fd = relay->signal_fd, .events = POLLIN },
			{ .fd = reads_input && !has_input ? STDIN_FILENO : -1, .events = POLLIN },
			{ .fd = reads_output ? relay->master_fd : -1, .events = has_input ? POLLIN | POLLOUT : POLLIN },
			{ .fd = pidfd, .events = POLLIN },
		};

		if (poll(fds, 4, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (fds[0].revents)
			handle_signals(relay, pid);
		if (fds[2].revents & (POLLIN | POLLHUP | POLLERR))
			reads_output = pass_output(relay);
		if (fds[2].revents & POLLOUT)
			pass_input(relay, &pending);
		if (fds[1].revents)
			reads_input = take_input(&pending);
		if (fds[3].revents)
			break;
	}
	if (reads_output)
		drain_output(relay);
	return 0;
}

void relay_close(struct terminal_relay *relay)
{
	if (relay->is_raw)
		tcsetattr(relay->terminal_fd, TCSADRAIN, &relay->saved);
	relay->is_raw = false;
	close_fd(&relay->master_fd);
	close_fd(&relay->slave_fd);
	close_fd(&relay->signal_fd);
	pthread_sigmask(SIG_SETMASK, &relay->saved_mask, NULL);
}
