/* The log of the process. */
#include "main.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

static bool matches(const char *text, const char *pattern)
{
	regex_t expression;
	if (regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE) != 0)
		return false;
	bool is_match = text && regexec(&expression, text, 0, NULL, 0) == 0;
	regfree(&expression);
	return is_match;
}

static void logs_failures(struct lxc_container *c, const char *file)
{
	struct lxc_log log = { .name = "logged",
		.lxcpath = setting("API_PATH"),
		.file = file,
		.level = "DEBUG",
		.prefix = "api",
		.quiet = true };
	check_number("init", 0, FUNCTION(lxc_log_init, &log));
	CHECK("fail", !CALL(c, set_config_item, "lxc.nothing", "1"));
	char *text = read_file(file);
	CHECK("line", matches(text, "^api logged [0-9]{14}\\.[0-9]{3} ERROR    [a-z]+ - .*lxc\\.nothing"));
	free(text);
	struct lxc_log second = { .name = "other", .file = "/nowhere/at/all", .prefix = "other" };
	check_number("second-init-does-nothing", 0, FUNCTION(lxc_log_init, &second));
	COUNTED_VOID("lxc_log_close", lxc_log_close());
	(void)unlink(file);
	CHECK("fail-without-log", !CALL(c, set_config_item, "lxc.nothing", "1") && !exists(file));
	COUNTED_VOID("lxc_log_close", lxc_log_close());
}

static void opens_again(struct lxc_container *c, const char *file)
{
	struct lxc_log log = { .name = "again", .file = file, .prefix = "twice", .quiet = true };
	check_number("init-again", 0, FUNCTION(lxc_log_init, &log));
	CHECK("fail-again", !CALL(c, set_config_item, "lxc.nothing", "1"));
	char *text = read_file(file);
	CHECK("line-again", matches(text, "^twice again [0-9]{14}\\.[0-9]{3} ERROR "));
	free(text);
	COUNTED_VOID("lxc_log_close", lxc_log_close());
	(void)unlink(file);
}

static void takes_what_is_given(void)
{
	struct lxc_log none = { .name = "none", .file = "none", .quiet = true };
	struct lxc_log nowhere = { .name = "nowhere", .file = "/nowhere/at/all", .quiet = true };
	struct lxc_log guessed = { .name = "guessed", .lxcpath = "/nowhere", .level = "INFO", .quiet = true };
	check_number("no-file", 0, FUNCTION(lxc_log_init, &none));
	COUNTED_VOID("lxc_log_close", lxc_log_close());
	CHECK("file-that-can-not-be", FUNCTION(lxc_log_init, &nowhere) < 0);
	COUNTED_VOID("lxc_log_close", lxc_log_close());
	check_number("guessed-place-that-can-not-be", 0, FUNCTION(lxc_log_init, &guessed));
	COUNTED_VOID("lxc_log_close", lxc_log_close());
	CHECK("nothing-given", FUNCTION(lxc_log_init, NULL) < 0);
}

/* The file and level of the process are those of the containers that it starts. */
static void is_the_log_of_starts(struct lxc_container *c, const char *file)
{
	struct lxc_log log = { .name = "logged", .file = file, .level = "TRACE", .quiet = true };
	check_number("init-for-start", 0, FUNCTION(lxc_log_init, &log));
	CHECK("start", CALL(c, start, 0, NULL) && CALL(c, stop));
	char *text = read_file(file);
	CHECK("start-is-logged", text && strchr(text, '\n'));
	free(text);
	COUNTED_VOID("lxc_log_close", lxc_log_close());
	(void)unlink(file);
}

void test_log(void)
{
	struct lxc_container *c = make_container("logged", NULL);
	char *file = strdup(path_of("api.log", ""));
	logs_failures(c, file);
	opens_again(c, file);
	takes_what_is_given();
	is_the_log_of_starts(c, file);
	free(file);
	drop_container(c);
}
