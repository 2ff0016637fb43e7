/* Many threads, each with a container of its own. */
#include "main.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>

static int rounds(void)
{
	const char *value = getenv("API_ROUNDS");
	return value ? atoi(value) : 6;
}

/* ---- whole lives ---- */

static void live(const char *name)
{
	char text[64];
	struct lxc_container *c = open_container(name);
	if (!CALL(c, start, 0, NULL))
		group_fault("%s: start: %s", name, c->error_string);
	if (strcmp(CALL(c, state), "RUNNING") != 0)
		group_fault("%s does not run", name);
	int status = CALL(c, attach_run_waitl, NULL, "/bin/sh", "sh", "-c", "exit 3", NULL);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
		group_fault("%s: attach: %d", name, status);
	if (CALL(c, get_config_item, "lxc.uts.name", text, sizeof(text)) != (int)strlen(name) ||
		strcmp(text, name) != 0)
		group_fault("%s is %s", name, text);
	if (CALL(c, set_config_item, "lxc.nothing", "1") || !c->error_string)
		group_fault("%s: a fault is none", name);
	char **list = CALL(c, get_interfaces);
	if (!list_has(list, "lo"))
		group_fault("%s: no lo", name);
	free_list(list);
	if (!CALL(c, freeze) || !CALL(c, unfreeze))
		group_fault("%s: freeze: %s", name, c->error_string);
	if (!CALL(c, stop) || !CALL(c, wait, "STOPPED", 10))
		group_fault("%s: stop: %s", name, c->error_string);
	(void)FUNCTION(lxc_container_put, c);
}

static void *live_in_thread(void *argument)
{
	char name[32];
	(void)snprintf(name, sizeof(name), "thread-%d", (int)(intptr_t)argument);
	define(name, NULL);
	for (int i = rounds(); i > 0; i--)
		live(name);
	struct lxc_container *c = open_container(name);
	drop_container(c);
	(void)FUNCTION(list_all_containers, setting("API_PATH"), NULL, NULL);
	return NULL;
}

/* Looks all the time for an fd that a program of another thread would inherit. */
static void *look_for_fds(void *argument)
{
	const atomic_bool *ends = argument;
	char link[64], target[256];
	for (; !atomic_load(ends); usleep(100))
		for (int fd = 3; fd < 256; fd++) {
			int flags = fcntl(fd, F_GETFD);
			if (flags < 0 || flags & FD_CLOEXEC)
				continue;
			(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
			ssize_t length = readlink(link, target, sizeof(target) - 1);
			target[length > 0 ? length : 0] = '\0';
			group_fault("fd %d is not close-on-exec: %s", fd, target);
		}
	return NULL;
}

static void lives_side_by_side(void)
{
	atomic_bool ends = false;
	pthread_t looker;
	pthread_create(&looker, NULL, look_for_fds, &ends);
	in_all_threads(live_in_thread);
	atomic_store(&ends, true);
	pthread_join(looker, NULL);
	end_group("lives-side-by-side");
}

/* ---- a clone never hangs ---- */

struct stirring {
	atomic_bool ends;
	struct lxc_container *c;
};

/* Is in the allocator most of the time: a child without glibc's care for its locks would wait for ever. */
static void *stir(void *argument)
{
	struct stirring *stirring = argument;
	void *pieces[64] = { 0 };
	for (unsigned i = 0; !atomic_load(&stirring->ends); i++) {
		free(pieces[i % 64]);
		pieces[i % 64] = malloc(2000 + i % 5000);
	}
	for (int i = 0; i < 64; i++)
		free(pieces[i]);
	return NULL;
}

static int do_nothing(void *payload)
{
	(void)payload;
	return 0;
}

static int sleep_inside(void *payload)
{
	(void)payload;
	sleep(3);
	return 0;
}

/* Functions that keep all fds open for a while, as what does not exec does. */
static void *attach_sleepers(void *argument)
{
	struct stirring *stirring = argument;
	pid_t pids[64];
	int count = 0;
	while (!atomic_load(&stirring->ends)) {
		if (count < 64 && CALL(stirring->c, attach, sleep_inside, NULL, NULL, &pids[count]) == 0)
			count++;
		usleep(10000);
	}
	for (int i = 0; i < count; i++)
		if (exit_status(pids[i], 20) != 0)
			group_fault("a sleeper did not end well");
	return NULL;
}

static void attach_often(struct lxc_container *c)
{
	double slowest = 0;
	for (int i = 25 * rounds(); i > 0; i--) {
		pid_t pid;
		double begin = seconds();
		if (CALL(c, attach, do_nothing, NULL, NULL, &pid) < 0 || exit_status(pid, 20) != 0)
			group_fault("attach: %s", c->error_string ? c->error_string : "a child that hangs");
		if (seconds() - begin > slowest)
			slowest = seconds() - begin;
	}
	if (slowest > 2)
		group_fault("an attach took %.1f s", slowest);
}

static void attaches_beside(const char *name, void *(*other)(void *), int others)
{
	struct stirring stirring = { .c = start_container("stirred", NULL) };
	pthread_t threads[4];
	for (int i = 0; i < others; i++)
		pthread_create(&threads[i], NULL, other, &stirring);
	struct lxc_container *own = open_container("stirred");
	attach_often(own);
	atomic_store(&stirring.ends, true);
	for (int i = 0; i < others; i++)
		pthread_join(threads[i], NULL);
	(void)FUNCTION(lxc_container_put, own);
	drop_container(stirring.c);
	end_group(name);
}

void test_threads(void)
{
	watch_calls(false);
	(void)mallopt(M_ARENA_MAX, 1); /* one lock for the memory of all threads */
	lives_side_by_side();
	if (getenv("API_VALGRIND"))
		skipped("attach-beside-allocations", "valgrind's allocator has no locks");
	else
		attaches_beside("attach-beside-allocations", stir, 3);
	attaches_beside("attach-beside-sleepers", attach_sleepers, 1);
	check_number("fds-at-the-end", 4, open_fds());
}
