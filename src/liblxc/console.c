/* The interactive console. */
#include "liblxc/extra.h"
#include "liblxc/internal.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

struct session {
	int master_fd, in_fd, out_fd, signal_fd;
	int escape; /* 1 is Ctrl+a */
	bool was_escape;
};

static void copy_size(const struct session *session)
{
	struct winsize size;
	if (ioctl(session->in_fd, TIOCGWINSZ, &size) == 0)
		(void)ioctl(session->master_fd, TIOCSWINSZ, &size); /* a wrong size only looks bad */
}

static bool write_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t done = write(fd, data, length);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		data += done;
		length -= (size_t)done;
	}
	return true;
}

/* The user's keys. False: escape q, or the end. */
static bool pump_keys(struct session *session)
{
	char keys[1024], out[1024];
	size_t count = 0;
	ssize_t length = read(session->in_fd, keys, sizeof(keys));
	if (length <= 0)
		return length < 0 && errno == EINTR;
	for (ssize_t i = 0; i < length; i++) {
		if (session->was_escape && keys[i] == 'q')
			return false;
		bool is_escape = session->escape > 0 && keys[i] == session->escape;
		if (is_escape && !session->was_escape) {
			session->was_escape = true;
			continue;
		}
		session->was_escape = false;
		out[count++] = keys[i];
	}
	return write_all(session->master_fd, out, count);
}

static bool pump_output(const struct session *session)
{
	char data[4096];
	ssize_t length = read(session->master_fd, data, sizeof(data));
	if (length <= 0)
		return length < 0 && (errno == EINTR || errno == EAGAIN);
	return write_all(session->out_fd, data, (size_t)length);
}

static void run(struct session *session)
{
	struct pollfd fds[3] = { { .fd = session->in_fd, .events = POLLIN }, { .fd = session->master_fd, .events = POLLIN },
		{ .fd = session->signal_fd, .events = POLLIN } };
	for (;;) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return;
		if (fds[2].revents) {
			struct signalfd_siginfo info;
			if (read(session->signal_fd, &info, sizeof(info)) == sizeof(info) && info.ssi_signo != SIGWINCH)
				return;
			copy_size(session);
		}
		if (fds[1].revents && !pump_output(session))
			return;
		if (fds[0].revents && !pump_keys(session))
			return;
	}
}

int extra_console_attach(struct lxc_container *c, int tty, int in_fd, int out_fd, int escape)
{
	struct error err = { 0 };
	struct termios saved, raw;
	sigset_t wanted, before;
	auto_close int hold_fd = -1;
	struct session session = { .in_fd = in_fd, .out_fd = out_fd, .escape = escape };
	struct container_id id = id_of(c);
	int r = engine_console_open(&id, &tty, &session.master_fd, &hold_fd, &err);
	if (r < 0) {
		return container_fault(c, &err, r);
	}
	bool is_terminal = tcgetattr(in_fd, &saved) == 0;
	if (is_terminal) {
		raw = saved;
		cfmakeraw(&raw);
		(void)tcsetattr(in_fd, TCSAFLUSH, &raw); /* a terminal that hung up ends the loop below */
	}
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGWINCH);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &wanted, &before);
	session.signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC);
	copy_size(&session);
	run(&session);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (is_terminal)
		(void)tcsetattr(in_fd, TCSAFLUSH, &saved);
	close_fd(&session.signal_fd);
	close_fd(&session.master_fd);
	return 0;
}

static int console(struct lxc_container *c, int tty, int in_fd, int out_fd, int error_fd, int escape)
{
	(void)error_fd;
	return c && extra_console_attach(c, tty, in_fd, out_fd, escape) >= 0 ? 0 : -1;
}

void wire_console(struct lxc_container *c)
{
	c->console = console;
}
