/* Containers, files, time, threads. */
#include "api.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

const char *const with_init[] = { "lxc.init.cmd = /sbin/api-init", NULL };

const char *setting(const char *variable)
{
	const char *value = getenv(variable);
	if (!value) {
		fprintf(stderr, "%s is not set: run tests/integration/api.sh\n", variable);
		_exit(2);
	}
	return value;
}

const char *path_of(const char *name, const char *file)
{
	static __thread char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/%s%s%s", setting("API_PATH"), name, *file ? "/" : "", file);
	return path;
}

static bool has_key(const char *const lines[], const char *key)
{
	for (; lines && *lines; lines++)
		if (strncmp(*lines, key, strlen(key)) == 0)
			return true;
	return false;
}

void define(const char *name, const char *const lines[])
{
	(void)mkdir(path_of(name, ""), 0755);
	FILE *file = fopen(path_of(name, "config"), "we");
	if (!file)
		return;
	fprintf(file, "lxc.rootfs.path = dir:%s\nlxc.uts.name = %s\n", setting("API_ROOT"), name);
	fprintf(file,
		"lxc.rootfs.managed = 0\nlxc.apparmor.profile = unconfined\nlxc.mount.auto = proc:mixed\n");
	if (!has_key(lines, "lxc.net"))
		fputs("lxc.net.0.type = empty\n", file);
	if (!has_key(lines, "lxc.init.cmd"))
		fputs("lxc.init.cmd = /bin/sleep 1000\n", file);
	for (; lines && *lines; lines++)
		fprintf(file, "%s\n", *lines);
	fclose(file);
}

struct lxc_container *open_container(const char *name)
{
	struct lxc_container *c = FUNCTION(lxc_container_new, name, setting("API_PATH"));
	if (!c)
		result(name, false, "can not be opened");
	return c;
}

struct lxc_container *make_container(const char *name, const char *const lines[])
{
	define(name, lines);
	return open_container(name);
}

struct lxc_container *start_container(const char *name, const char *const lines[])
{
	(void)unlinkat(AT_FDCWD, path_of(name, ""), AT_REMOVEDIR);
	struct lxc_container *c = make_container(name, lines);
	if (c && !CALL(c, start, 0, NULL))
		result(name, false, "does not start: %s", c->error_string ? c->error_string : "?");
	return c;
}

void drop_container(struct lxc_container *c)
{
	if (!c)
		return;
	(void)CALL(c, stop);
	(void)CALL(c, destroy);
	(void)FUNCTION(lxc_container_put, c);
}

bool init_is_ready(const char *name)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/ready.%s", setting("API_ROOT"), name);
	return exists(path);
}

void put_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		result("put-file", false, "%s can not be written", path);
}

char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	if (!file)
		return NULL;
	ssize_t length = getdelim(&text, &size, '\0', file);
	fclose(file);
	if (length >= 0)
		return text;
	free(text);
	return strdup("");
}

bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

void free_list(char **list)
{
	for (char **item = list; item && *item; item++)
		free(*item);
	free(list);
}

bool list_has(char **list, const char *text)
{
	for (; list && *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

bool soon(double limit, bool (*is_true)(const void *), const void *argument)
{
	for (double end = seconds() + limit; !is_true(argument); usleep(10000))
		if (seconds() > end)
			return false;
	return true;
}

int exit_status(pid_t pid, double limit)
{
	int status;
	for (double end = seconds() + limit; waitpid(pid, &status, WNOHANG) == 0; usleep(5000)) {
		if (seconds() < end)
			continue;
		kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
		return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void in_all_threads(void *(*function)(void *))
{
	pthread_t threads[THREADS];
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, function, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}
