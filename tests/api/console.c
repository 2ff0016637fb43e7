/* Terminals and the console's ring. */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static void lends_ttys(struct lxc_container *c)
{
	int first = -1, second = 2, third = -1, master[3] = { -1, -1, -1 }, hold[3];
	hold[0] = CALL(c, console_getfd, &first, &master[0]);
	CHECK("first-free", hold[0] >= 0 && first == 1 && master[0] >= 0);
	hold[1] = CALL(c, console_getfd, &second, &master[1]);
	CHECK("by-number", hold[1] >= 0 && second == 2 && master[1] >= 0);
	CHECK("none-free", CALL(c, console_getfd, &third, &master[2]) < 0 && c->error_num == EBUSY);
	third = 2;
	CHECK("in-use", CALL(c, console_getfd, &third, &master[2]) < 0 && c->error_num == EBUSY);
	third = 9;
	CHECK("no-such-tty", CALL(c, console_getfd, &third, &master[2]) < 0 && c->error_num == EINVAL);
	CHECK("no-place",
		CALL(c, console_getfd, NULL, &master[2]) < 0 && CALL(c, console_getfd, &third, NULL) < 0);
	close(hold[0]);
	close(master[0]);
	usleep(50000);
	third = -1;
	hold[2] = CALL(c, console_getfd, &third, &master[2]);
	CHECK("given-back", hold[2] >= 0 && third == 1);
	for (int i = 1; i < 3; i++) {
		close(hold[i]);
		close(master[i]);
	}
}

/* Reads from fd until text comes, for at most 5 s. */
static bool shows(int fd, const char *text)
{
	char data[1024];
	size_t length = 0;
	for (double end = seconds() + 5; seconds() < end && length < sizeof(data) - 1;) {
		struct pollfd input = { .fd = fd, .events = POLLIN };
		if (poll(&input, 1, 100) <= 0)
			continue;
		ssize_t count = read(fd, data + length, sizeof(data) - 1 - length);
		if (count <= 0)
			break;
		length += (size_t)count;
		data[length] = '\0';
		if (strstr(data, text))
			return true;
	}
	return false;
}

static void carries_lines(struct lxc_container *c)
{
	int tty = 1, master = -1;
	int hold = CALL(c, console_getfd, &tty, &master);
	check_number("write-inside", 0,
		CALL(c, attach_run_waitl, NULL, "/bin/sh", "sh", "-c", "echo from inside >/dev/tty1", NULL));
	CHECK("line-to-the-outside", shows(master, "from inside"));
	close(master);
	close(hold);
}

/* Keys come from one pipe, what the terminal shows goes to another. */
static int run_console(struct lxc_container *c, int tty, const char *keys, char *shown, size_t size)
{
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return -2;
	(void)!write(in[1], keys, strlen(keys));
	int r = CALL(c, console, tty, in[0], out[1], out[1], 1);
	close(in[0]);
	close(in[1]);
	close(out[1]);
	ssize_t length = read(out[0], shown, size - 1);
	shown[length > 0 ? length : 0] = '\0';
	close(out[0]);
	return r;
}

static void connects(struct lxc_container *c)
{
	char shown[256];
	check_number("console", 0, run_console(c, 1, "\001q", shown, sizeof(shown)));
	check_number("console-of-any-tty", 0, run_console(c, -1, "\001q", shown, sizeof(shown)));
	check_number("console-itself", 0, run_console(c, 0, "\001q", shown, sizeof(shown)));
	check_number("no-such-console", -1, run_console(c, 9, "\001q", shown, sizeof(shown)));
	CHECK("no-such-console-is-told", c->error_num == EINVAL && c->error_string);
}

static bool has_logged(const void *argument)
{
	struct lxc_console_log log = { .read = true };
	struct lxc_container *c = *(struct lxc_container *const *)argument;
	bool is_there = CALL(c, console_log, &log) == 0;
	free(is_there ? log.data : NULL);
	return is_there;
}

static void logs(struct lxc_container *c)
{
	uint64_t max = 4;
	struct lxc_console_log log = { .read = true };
	CHECK("log-fills", soon(5, has_logged, &c));
	check_number("read-log", 0, CALL(c, console_log, &log));
	CHECK("log-has-the-line", log.data && strstr(log.data, "hello console"));
	free(log.data);
	log = (struct lxc_console_log){ .read = true, .clear = true, .read_max = &max };
	CHECK("read-the-end-and-clear", CALL(c, console_log, &log) == 0 && max == 4);
	free(log.data);
	log = (struct lxc_console_log){ .read = true };
	check_number("cleared", -ENODATA, CALL(c, console_log, &log));
	log = (struct lxc_console_log){ .clear = true };
	check_number("clear-what-is-empty", 0, CALL(c, console_log, &log));
	check_number("no-wish", -EINVAL, CALL(c, console_log, NULL));
}

static void has_no_ring(void)
{
	struct lxc_console_log log = { .read = true };
	int tty = -1, master;
	struct lxc_container *c = start_container("plain", NULL);
	check_number("no-ring", -EFAULT, CALL(c, console_log, &log));
	CHECK("no-tty-at-all", CALL(c, console_getfd, &tty, &master) < 0);
	CHECK("stop", CALL(c, stop));
	CHECK("log-of-stopped", CALL(c, console_log, &log) < 0 && c->error_string);
	CHECK("tty-of-stopped", CALL(c, console_getfd, &tty, &master) < 0);
	check_number("console-of-stopped", -1, CALL(c, console, -1, 0, 1, 2, 1));
	drop_container(c);
}

void test_console(void)
{
	static const char *const lines[] = { "lxc.tty.max = 2", "lxc.console.buffer.size = 4096",
		"lxc.init.cmd = /bin/sh -c 'echo hello console; exec sleep 1000'", NULL };
	struct lxc_container *c = start_container("console", lines);
	lends_ttys(c);
	carries_lines(c);
	connects(c);
	logs(c);
	drop_container(c);
	has_no_ring();
}
