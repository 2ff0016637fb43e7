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

struct starter {
	struct lxc_container *c;
	bool is_started;
};

static void *start_in_thread(void *argument)
{
	struct starter *starter = argument;
	starter->is_started = CALL(starter->c, startl, 0, "/bin/sleep", "100", NULL);
	return NULL;
}

/* One thread is in the start for the container's life; the others have an object that they can use. */
static void leaves_the_object_usable(struct lxc_container *c)
{
	struct starter starter = { .c = c };
	pthread_t thread;
	char text[64];
	watch_calls(false);
	CHECK("no-daemon-in-thread", CALL(c, want_daemonize, false));
	pthread_create(&thread, NULL, start_in_thread, &starter);
	CHECK("runs", CALL(c, wait, "RUNNING", 10));
	double begin = seconds();
	CHECK("get-meanwhile", CALL(c, get_config_item, "lxc.uts.name", text, sizeof(text)) > 0);
	CHECK("set-meanwhile", CALL(c, set_config_item, "lxc.group", "meanwhile"));
	CHECK("start-meanwhile", !CALL(c, start, 0, NULL));
	check_number("attach-meanwhile", 0, CALL(c, attach_run_waitl, NULL, "/bin/true", "true", NULL));
	CHECK("none-of-it-waits", seconds() - begin < 5);
	CHECK("stop-meanwhile", CALL(c, stop));
	pthread_join(thread, NULL);
	watch_calls(true);
	CHECK("start-in-thread", starter.is_started && WIFSIGNALED(c->error_num));
	CHECK("daemon-after-thread", CALL(c, want_daemonize, true));
}

/*
 * Whether the supervisor of a start has the write end of a pipe that the caller has closed. Its own fds are
 * below 20.
 */
static bool inherits_pipe(struct lxc_container *c, bool daemonizes)
{
	struct starter starter = { .c = c };
	pthread_t thread;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0 || !CALL(c, want_daemonize, daemonizes))
		return false;
	int inherited = fcntl(ends[1], F_DUPFD, 20);
	close(ends[1]);
	pthread_create(&thread, NULL, start_in_thread, &starter);
	CHECK("runs-with-pipe", CALL(c, wait, "RUNNING", 10));
	if (daemonizes)
		pthread_join(thread, NULL);
	close(inherited);
	struct pollfd end = { .fd = ends[0] };
	bool is_inherited = poll(&end, 1, 0) == 0;
	(void)CALL(c, stop);
	if (!daemonizes)
		pthread_join(thread, NULL);
	close(ends[0]);
	return is_inherited;
}

/* In the background there is nobody to use them: they are closed without being asked for. */
static void closes_fds(struct lxc_container *c)
{
	watch_calls(false);
	CHECK("wants-to-keep", CALL(c, want_close_all_fds, false));
	CHECK("keeps-fds-in-foreground", inherits_pipe(c, false));
	CHECK("closes-fds-in-background", !inherits_pipe(c, true));
	CHECK("wants-to-close", CALL(c, want_close_all_fds, true));
	CHECK("closes-fds-in-foreground", !inherits_pipe(c, false));
	CHECK("closes-fds-in-background-too", !inherits_pipe(c, true));
	watch_calls(true);
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
	leaves_the_object_usable(c);
	closes_fds(c);
	writes_pidfile(c);
	drop_container(c);
}
