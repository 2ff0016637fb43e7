/* One object in many threads, and many objects of one container. */
#include "main.h"

#include <pthread.h>
#include <stdio.h>

#define TURNS 200

static struct lxc_container *shared;

/* ---- one object ---- */

static void use(struct lxc_container *c, int turn)
{
	char text[4096];
	if (CALL(c, get_config_item, "lxc.uts.name", text, sizeof(text)) != 6)
		group_fault("name is %s", text);
	if (!CALL(c, set_config_item, "lxc.group", turn % 2 ? "odd" : "even"))
		group_fault("set");
	if (CALL(c, set_config_item, "lxc.nothing", "1"))
		group_fault("a fault is none");
	if (turn % 10 == 0 && !CALL(c, clear_config_item, "lxc.group"))
		group_fault("clear");
	if (turn % 50 == 0 &&
		(CALL(c, get_keys, NULL, text, sizeof(text)) < 1000 || !CALL(c, save_config, NULL)))
		group_fault("keys or save");
	if (!CALL(c, want_daemonize, true) || !CALL(c, want_close_all_fds, false) ||
		!CALL(c, set_timeout, -1))
		group_fault("wishes");
	if (!CALL(c, is_defined) || strcmp(CALL(c, state), "RUNNING") != 0 || CALL(c, start, 0, NULL))
		group_fault("state");
	if (CALL(c, console_log, NULL) >= 0 || CALL(c, init_pid) <= 0)
		group_fault("inside");
}

static void *use_in_thread(void *argument)
{
	(void)argument;
	for (int turn = 0; turn < TURNS; turn++) {
		if (FUNCTION(lxc_container_get, shared) != 1)
			group_fault("get");
		use(shared, turn);
		if (FUNCTION(lxc_container_put, shared) != 0)
			group_fault("put");
	}
	return NULL;
}

static void *put_in_thread(void *argument)
{
	(void)argument;
	(void)FUNCTION(lxc_container_put, shared);
	return NULL;
}

static void is_shared(void)
{
	shared = start_container("shared", NULL);
	in_all_threads(use_in_thread);
	end_group("one-object");
	check_number("references-are-even", 1, shared->numthreads);
	for (int i = 0; i < THREADS; i++)
		(void)FUNCTION(lxc_container_get, shared);
	(void)CALL(shared, stop);
	in_all_threads(put_in_thread);
	check_number("the-last-of-nine", 1, shared->numthreads);
	drop_container(shared);
}

/* ---- one container ---- */

static void *save_in_thread(void *argument)
{
	char value[32];
	struct lxc_container *c = open_container("saved");
	(void)snprintf(value, sizeof(value), "thread-%d", (int)(intptr_t)argument);
	if (!CALL(c, set_config_item, "lxc.uts.name", value))
		group_fault("set: %s", c->error_string);
	for (int turn = 0; turn < TURNS / 10; turn++)
		if (!CALL(c, save_config, NULL))
			group_fault("save: %s", c->error_string);
	(void)FUNCTION(lxc_container_put, c);
	return NULL;
}

static void is_saved_by_all(void)
{
	struct lxc_container *c = make_container("saved", NULL);
	in_all_threads(save_in_thread);
	struct lxc_container *after = open_container("saved");
	char text[64] = "";
	CHECK("file-is-whole",
		after && CALL(after, get_config_item, "lxc.uts.name", text, sizeof(text)) == 8);
	end_group("saved-by-all");
	if (after)
		(void)FUNCTION(lxc_container_put, after);
	drop_container(c);
}

static void *clone_in_thread(void *argument)
{
	struct lxc_container *c = open_container("origin");
	char name[32];
	(void)snprintf(name, sizeof(name), "clone-%d", (int)(intptr_t)argument);
	for (int turn = 0; turn < 3; turn++) {
		struct lxc_container *copy =
			CALL(c, clone, name, NULL, LXC_CLONE_SNAPSHOT, NULL, NULL, 0, NULL);
		if (!copy)
			group_fault("clone: %s", c->error_string);
		else if (!CALL(copy, destroy))
			group_fault("destroy: %s", copy->error_string);
		if (copy)
			(void)FUNCTION(lxc_container_put, copy);
	}
	(void)FUNCTION(lxc_container_put, c);
	return NULL;
}

/* The file of an origin's clones is right after all have come and gone: the origin can be destroyed. */
static void is_cloned_by_all(void)
{
	struct lxc_container *c = open_container("origin");
	CHECK("create", CALL(c, createl, setting("API_TEMPLATE"), NULL, NULL, LXC_CREATE_QUIET, NULL));
	in_all_threads(clone_in_thread);
	end_group("cloned-by-all");
	CHECK("no-clone-is-left", CALL(c, destroy));
	(void)FUNCTION(lxc_container_put, c);
}

static void *start_in_thread(void *argument)
{
	int *started = argument;
	struct lxc_container *c = open_container("contended");
	if (CALL(c, start, 0, NULL))
		__atomic_add_fetch(started, 1, __ATOMIC_SEQ_CST);
	(void)FUNCTION(lxc_container_put, c);
	return NULL;
}

static void is_started_by_one(void)
{
	struct lxc_container *c = make_container("contended", NULL);
	pthread_t threads[THREADS];
	int started = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, start_in_thread, &started);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	check_number("started-by-one", 1, started);
	drop_container(c);
}

void test_shared(void)
{
	watch_calls(false);
	is_shared();
	is_saved_by_all();
	is_cloned_by_all();
	is_started_by_one();
}
