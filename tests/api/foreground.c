/* A start that returns when the container has ended; programs below a small init; what the supervisor
 * inherits. */
#include "main.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>

static void returns_the_status(struct lxc_container *c)
{
	CHECK("no-daemon", CALL(c, want_daemonize, false));
	CHECK("foreground", CALL(c, startl, 0, "/bin/sh", "-c", "exit 7", NULL));
	CHECK("wait-status", WIFEXITED(c->error_num) && WEXITSTATUS(c->error_num) == 7);
	check_text("ended", "STOPPED", CALL(c, state));
	CHECK("useinit", CALL(c, startl, 1, "/bin/sh", "-c", "exit 9", NULL));
	CHECK("wait-status-below-init", WIFEXITED(c->error_num) && WEXITSTATUS(c->error_num) == 9);
	CHECK("daemon-again", CALL(c, want_daemonize, true));
}

static void writes_pidfile(struct lxc_container *c)
{
	c->pidfile = strdup(path_of("foreground", "pid"));
	CHECK("start-with-pidfile", CALL(c, start, 0, NULL));
	char *text = read_file(c->pidfile);
	char path[64], *title = NULL;
	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", text ? atoi(text) : 0);
	title = read_file(path);
	CHECK("pidfile-is-of-the-supervisor", title && strncmp(title, "[lxc monitor] ", 14) == 0);
	free(title);
	free(text);
	CHECK("stop-with-pidfile", CALL(c, stop));
	CHECK("pidfile-is-gone", !exists(c->pidfile));
}

void test_foreground(void)
{
	struct lxc_container *c = make_container("foreground", NULL);
	returns_the_status(c);
	writes_pidfile(c);
	drop_container(c);
}
