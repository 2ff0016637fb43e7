/* Waiting, and how long. */
#include "main.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

static void looks_once(struct lxc_container *c)
{
	CHECK("stopped-once", CALL(c, wait, "STOPPED", 0));
	CHECK("not-running-once", !CALL(c, wait, "RUNNING", 0));
	CHECK("one-of-two", CALL(c, wait, "RUNNING|STOPPED", 0));
	CHECK("stopped-for-ever", CALL(c, wait, "STOPPED", -1));
	CHECK("unknown-state", !CALL(c, wait, "NOTHING", 0));
	CHECK("no-state", !CALL(c, wait, "", 0));
	CHECK("null-state", !CALL(c, wait, NULL, 0));
}

static void gives_up(struct lxc_container *c)
{
	double begin = seconds();
	CHECK("running-in-vain", !CALL(c, wait, "RUNNING", 1));
	CHECK("in-vain-for-a-second", seconds() - begin > 0.9 && seconds() - begin < 3);
}

struct waiter {
	const char *states;
	bool is_met;
};

/* An object of its own: no other thread is in it. */
static void *wait_in_thread(void *argument)
{
	struct waiter *waiter = argument;
	struct lxc_container *c = open_container("wait");
	waiter->is_met = CALL(c, wait, waiter->states, 20);
	(void)FUNCTION(lxc_container_put, c);
	return NULL;
}

static void wakes_all(struct lxc_container *c)
{
	struct waiter waiters[] = { { "RUNNING", false }, { "FROZEN", false }, { "RUNNING|FROZEN", false } };
	pthread_t threads[3], last;
	struct waiter end = { "STOPPED", false };
	watch_calls(false);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, wait_in_thread, &waiters[i]);
	CHECK("start-for-waiters", CALL(c, start, 0, NULL));
	pthread_create(&last, NULL, wait_in_thread, &end);
	usleep(100000);
	CHECK("freeze-for-waiters", CALL(c, freeze));
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		if (!waiters[i].is_met)
			group_fault("%s was not seen", waiters[i].states);
	}
	end_group("waiters-are-woken");
	double begin = seconds();
	CHECK("stop-for-waiter", CALL(c, stop));
	pthread_join(last, NULL);
	CHECK("waiter-for-the-end", end.is_met && seconds() - begin < 3);
	watch_calls(true);
}

struct asker {
	atomic_bool ends;
	int answers;
};

static void *ask_in_thread(void *argument)
{
	struct asker *asker = argument;
	struct lxc_container *c = open_container("wait");
	for (; !atomic_load(&asker->ends); asker->answers++)
		(void)CALL(c, state);
	(void)FUNCTION(lxc_container_put, c);
	return NULL;
}

/* Who asks for the state clears away what a killed supervisor left: never what a start has just made. */
static void starts_while_asked(struct lxc_container *c)
{
	struct asker askers[3] = { 0 };
	pthread_t threads[3];
	watch_calls(false);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, ask_in_thread, &askers[i]);
	for (int i = 0; i < 40; i++) {
		if (!CALL(c, start, 0, NULL))
			group_fault("start %d: %s", i, c->error_string);
		if (!CALL(c, stop) || !CALL(c, wait, "STOPPED", 10))
			group_fault("stop %d: %s", i, c->error_string);
	}
	for (int i = 0; i < 3; i++) {
		atomic_store(&askers[i].ends, true);
		pthread_join(threads[i], NULL);
		if (askers[i].answers < 40)
			group_fault("%d answers", askers[i].answers);
	}
	watch_calls(true);
	end_group("starts-while-asked");
}

static void takes_timeouts(struct lxc_container *c)
{
	check_number("no-timeout", -1, c->rcv_timeout);
	CHECK("timeout-of-zero", !CALL(c, set_timeout, 0));
	CHECK("timeout-below-zero", !CALL(c, set_timeout, -2));
	CHECK("timeout", CALL(c, set_timeout, 5) && c->rcv_timeout == 5);
	CHECK("timeout-of-none", CALL(c, set_timeout, -1) && c->rcv_timeout == -1);
}

static pid_t supervisor_of(const struct lxc_container *c)
{
	char *text = c->pidfile ? read_file(c->pidfile) : NULL;
	pid_t pid = text ? atoi(text) : -1;
	free(text);
	return pid > 1 ? pid : -1;
}

/* A supervisor that does not answer: calls that ask it come back. */
static void bounds_answers(struct lxc_container *c)
{
	c->pidfile = strdup(path_of("wait", "pid"));
	CHECK("tty-to-ask-for", CALL(c, set_config_item, "lxc.tty.max", "1") && CALL(c, start, 0, NULL));
	pid_t supervisor = supervisor_of(c);
	if (supervisor < 0 || kill(supervisor, SIGSTOP) < 0) {
		result("stop-the-supervisor", false, "no pid in the file");
		return;
	}
	int tty = -1, master = -1;
	double begin = seconds();
	CHECK("a-second-for-answers", CALL(c, set_timeout, 1));
	CHECK("state-asks-nobody", strcmp(CALL(c, state), "RUNNING") == 0);
	CHECK("no-tty", CALL(c, console_getfd, &tty, &master) < 0 &&
				(c->error_num == EAGAIN || c->error_num == ETIMEDOUT));
	struct lxc_console_log log = { .read = true };
	CHECK("no-console-log", CALL(c, console_log, &log) < 0);
	CHECK("no-stop", !CALL(c, stop) && c->error_num == ETIMEDOUT);
	CHECK("all-in-time", seconds() - begin > 2.5 && seconds() - begin < 8);
	kill(supervisor, SIGCONT);
	CHECK("stops-later", CALL(c, wait, "STOPPED", 10));
}

void test_wait(void)
{
	struct lxc_container *c = make_container("wait", NULL);
	looks_once(c);
	gives_up(c);
	wakes_all(c);
	starts_while_asked(c);
	takes_timeouts(c);
	bounds_answers(c);
	drop_container(c);
}
