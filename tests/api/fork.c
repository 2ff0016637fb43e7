/* A process that forks while its threads work in the library; the child uses the library. */
#include "main.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>

#define WORKERS 3

static atomic_bool ends;
static struct lxc_container *idle; /* no thread is in it */

static void *work(void *argument)
{
	char name[32];
	(void)snprintf(name, sizeof(name), "worker-%d", (int)(intptr_t)argument);
	struct lxc_container *c = make_container(name, NULL);
	while (!atomic_load(&ends)) {
		if (!CALL(c, start, 0, NULL))
			group_fault("%s: start: %s", name, c->error_string);
		(void)CALL(c, attach_run_waitl, NULL, "/bin/true", "true", NULL);
		for (int i = 0; i < 50; i++) {
			(void)CALL(c, set_config_item, "lxc.nothing", "1"); /* a line of the log */
			(void)CALL(idle, set_config_item, "lxc.nothing", "1");
			(void)FUNCTION(lxc_container_get, idle);
			(void)FUNCTION(lxc_container_put, idle);
		}
		(void)FUNCTION(lxc_get_global_config_item, "lxc.lxcpath");
		if (!CALL(c, stop))
			group_fault("%s: stop: %s", name, c->error_string);
	}
	drop_container(c);
	return NULL;
}

/* The status names the step that failed. Nothing of the counting is used: another thread may have been in it.
 */
static int use_library(int number)
{
	char name[32], text[64], **names = NULL;
	(void)snprintf(name, sizeof(name), "child-%d", number % 4);
	struct lxc_container *c = lxc_container_new(name, setting("API_PATH"));
	if (!c || !c->is_defined(c) || c->get_config_item(c, "lxc.uts.name", text, sizeof(text)) < 0)
		return 1;
	if (c->set_config_item(c, "lxc.nothing", "1") || !c->error_string)
		return 2;
	if (!c->start(c, 0, NULL) || c->attach_run_waitl(c, NULL, "/bin/true", "true", NULL) != 0 ||
		!c->stop(c))
		return 3;
	int count = list_defined_containers(setting("API_PATH"), &names, NULL);
	if (count < 1)
		return 4;
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	if (lxc_container_put(c) != 1)
		return 5;
	if (!lxc_get_global_config_item("lxc.lxcpath"))
		return 6;
	(void)lxc_container_get(idle);
	return lxc_container_put(idle) == 0 ? 0 : 7;
}

static void forks(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(use_library(i));
		int status = exit_status(pid, 30);
		if (status != 0)
			group_fault("child %d: %d", i, status);
	}
}

void test_fork(void)
{
	pthread_t threads[WORKERS];
	char *file = strdup(path_of("fork.log", ""));
	const char *value = getenv("API_ROUNDS");
	struct lxc_log log = { .name = "fork", .file = file, .level = "ERROR", .quiet = true };
	watch_calls(false);
	check_number("log", 0, FUNCTION(lxc_log_init, &log));
	for (int i = 0; i < 4; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "child-%d", i);
		define(name, NULL);
	}
	idle = make_container("idle", NULL);
	for (intptr_t i = 0; i < WORKERS; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	forks(value ? 5 * atoi(value) : 40);
	atomic_store(&ends, true);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	end_group("children-use-the-library");
	for (int i = 0; i < 4; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "child-%d", i);
		drop_container(open_container(name));
	}
	drop_container(idle);
	COUNTED_VOID("lxc_log_close", lxc_log_close());
	(void)unlink(file);
	free(file);
}
