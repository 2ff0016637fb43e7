/* api-tests SUBJECT   one subject of the tests of liblxc.so.1; see api.h */
#include "main.h"

#include <fcntl.h>

static const struct subject subjects[] = {
	{ "globals", test_globals },
	{ "objects", test_objects },
	{ "config", test_config },
	{ "config-files", test_config_files },
	{ "life", test_life },
	{ "foreground", test_foreground },
	{ "wait", test_wait },
	{ "create", test_create },
	{ "clone", test_clone },
	{ "snapshot", test_snapshot },
	{ "attach", test_attach },
	{ "console", test_console },
	{ "inside", test_inside },
	{ "network", test_network },
	{ "lists", test_lists },
	{ "log", test_log },
	{ "null", test_null },
	{ "threads", test_threads },
	{ "shared", test_shared },
	{ "fork", test_fork },
	{ "endurance", test_endurance },
};

#define SUBJECTS (sizeof(subjects) / sizeof(*subjects))

/* Standard output becomes an empty file that must stay so; results go where it led. */
static FILE *take_output(void)
{
	(void)close_range(3, ~0U, 0); /* what is inherited is not the library's */
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
	int empty = open(setting("API_PATH"), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (out < 0 || empty < 0 || dup2(empty, STDOUT_FILENO) < 0)
		return NULL;
	close(empty);
	return fdopen(out, "we");
}

static int run(const struct subject *subject)
{
	FILE *out = take_output();
	if (!out)
		return 2;
	results_begin(subject->name, out);
	subject->run();
	int failures = results_end();
	fclose(out);
	return failures > 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc < 2 && i < SUBJECTS; i++)
		puts(subjects[i].name);
	for (size_t i = 0; argc == 2 && i < SUBJECTS; i++)
		if (strcmp(subjects[i].name, argv[1]) == 0)
			return run(&subjects[i]);
	return argc < 2 ? 0 : 2;
}
