/* Many threads, each with a container of its own. */
#include "main.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>

#define THREADS 8

static int rounds(void)
{
	const char *value = getenv("API_ROUNDS");
	return value ? atoi(value) : 6;
}

static void in_all_threads(void *(*function)(void *))
{
	pthread_t threads[THREADS];
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, function, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
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

void test_threads(void)
{
	watch_calls(false);
	(void)mallopt(M_ARENA_MAX, 1); /* one lock for the memory of all threads */
	lives_side_by_side();
	check_number("fds-at-the-end", 4, open_fds());
}
