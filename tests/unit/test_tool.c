/* Parser, help, JSON and tables of the commands. */
#include "tools/tool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What the tool under test saw. */
struct seen {
	char name[64], rcfile[64], level[64], lxcpath[64], words[256], options[256];
	int paths;
	bool quiet, ran;
};

static struct seen seen;

static int see_option(struct call *call, int key, const char *value)
{
	size_t length = strlen(seen.options);

	(void)call;
	snprintf(seen.options + length, sizeof(seen.options) - length, "%d=%s;", key, value ? value : "");
	return key == 'x' ? -1 : 0;
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "(null)");
}

static int see_call(struct call *call)
{
	copy(seen.name, sizeof(seen.name), call->name);
	copy(seen.rcfile, sizeof(seen.rcfile), call->rcfile);
	copy(seen.level, sizeof(seen.level), call->log_level);
	copy(seen.lxcpath, sizeof(seen.lxcpath), call->lxcpath);
	seen.paths = call->lxcpath_given;
	seen.quiet = call->quiet;
	seen.ran = true;
	for (int i = 0; i < call->argument_count; i++) {
		strcat(seen.words, call->arguments[i]);
		strcat(seen.words, ";");
	}
	assert_null(call->arguments[call->argument_count]);
	return 7;
}

static const struct tool_option rows[] = {
	{ "alpha", 'a', ARGUMENT_REQUIRED, "X", "First" },
	{ "beta", 'b', ARGUMENT_OPTIONAL, "X", "Second" },
	{ "gamma", 300, ARGUMENT_NONE, NULL, "Third" },
	{ "rcfile", 'f', ARGUMENT_REQUIRED, "FILE", "Configuration" },
	{ "orig", 'o', ARGUMENT_REQUIRED, "NAME", "Takes the letter of --logfile" },
	{ NULL, 'x', ARGUMENT_NONE, NULL, NULL },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static const struct tool plain = { .name = "lxc-test", .summary = "Test", .options = rows, .takes_arguments = true,
				   .option = see_option, .run = see_call };
static const struct tool stopping = { .name = "lxc-test", .summary = "Test", .options = rows, .takes_arguments = true,
				      .stop_at_argument = true, .option = see_option, .run = see_call };
static const struct tool nameless = { .name = "lxc-test", .summary = "Test", .options = rows, .takes_arguments = true,
				      .no_name = true, .option = see_option, .run = see_call };

/* line is cut at blanks. */
static int call_tool(const struct tool *tool, const char *line)
{
	char text[256], own_name[] = "whatever", *argv[32] = { own_name }, *rest = NULL;
	int argc = 1;

	memset(&seen, 0, sizeof(seen));
	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	return tool_main(tool, argc, argv);
}

static void options_and_name(void **state)
{
	(void)state;
	assert_int_equal(call_tool(&plain, "-n c1 -a 1 --alpha=2 -b --beta=3 --gamma -q -l DEBUG -P /a/ -P /b -f rc"), 7);
	assert_string_equal(seen.name, "c1");
	assert_string_equal(seen.options, "97=1;97=2;98=;98=3;300=;");
	assert_string_equal(seen.rcfile, "rc");
	assert_string_equal(seen.level, "DEBUG");
	assert_string_equal(seen.lxcpath, "/a");
	assert_int_equal(seen.paths, 2);
	assert_true(seen.quiet);
}

static void first_argument_is_name(void **state)
{
	(void)state;
	assert_int_equal(call_tool(&plain, "c2 -a 1 -- x -y"), 7);
	assert_string_equal(seen.name, "c2");
	assert_string_equal(seen.words, "x;-y;");
	assert_int_equal(call_tool(&nameless, "word"), 7);
	assert_string_equal(seen.words, "word;");
}

static void stops_at_command(void **state)
{
	(void)state;
	assert_int_equal(call_tool(&stopping, "-n c3 ls -a -z"), 7);
	assert_string_equal(seen.words, "ls;-a;-z;");
	assert_int_equal(call_tool(&stopping, "c3 -a 5 -- ls -a"), 7);
	assert_string_equal(seen.name, "c3");
	assert_string_equal(seen.options, "97=5;");
	assert_string_equal(seen.words, "ls;-a;");
	assert_int_equal(call_tool(&stopping, "-- c3 -a"), 7);
	assert_string_equal(seen.name, "c3");
	assert_string_equal(seen.words, "-a;");
}

static void own_letter_wins(void **state)
{
	(void)state;
	assert_int_equal(call_tool(&plain, "-o orig -n new"), 7);
	assert_string_equal(seen.options, "111=orig;");
}

static void usage_errors(void **state)
{
	(void)state;
	assert_int_equal(call_tool(&plain, ""), 1);
	assert_int_equal(call_tool(&plain, "-n c1 --nonsense"), 1);
	assert_int_equal(call_tool(&plain, "-n c1 -x"), 1);
	assert_int_equal(call_tool(&plain, "-n"), 1);
	assert_false(seen.ran);
	assert_int_equal(call_tool(&plain, "--help"), 0);
	assert_int_equal(call_tool(&plain, "-?"), 0);
	assert_int_equal(call_tool(&plain, "--version"), 0);
	assert_int_equal(call_tool(&plain, "--usage"), 0);
	assert_int_equal(call_tool(&plain, "--help-man"), 0);
	assert_false(seen.ran);
}

static void completion_words(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	help_print_completion(&plain, out);
	fclose(out);
	assert_non_null(strstr(text, "-a\n--alpha=\n-b\n--beta\n--gamma\n"));
	assert_non_null(strstr(text, "--lxcpath=\n"));
	assert_null(strstr(text, "--logfile")); /* its letter is taken */
	assert_null(strstr(text, "--help-man"));
	free(text);
}

static void json_document(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct json json;

	(void)state;
	json_start(&json, out);
	json_array(&json, NULL);
	json_object(&json, NULL);
	json_text(&json, "a", "q\"\\\n\x01\xff\xc3\xa4");
	json_unsigned(&json, "u", UINT64_MAX);
	json_number(&json, "n", -1);
	json_bool(&json, "b", true);
	json_array(&json, "e");
	json_end(&json);
	json_end(&json);
	json_text(&json, NULL, NULL);
	json_end(&json);
	fclose(out);
	assert_string_equal(text, "[\n  {\n    \"a\": \"q\\\"\\\\\\n\\u0001\\ufffd\xc3\xa4\",\n    \"u\": null,\n"
				  "    \"n\": -1,\n    \"b\": true,\n    \"e\": []\n  },\n  null\n]\n");
	free(text);
}

static void table_columns(void **state)
{
	static const char *const headings[] = { "NAME", "S" }, *const first[] = { "a", "RUNNING" },
			       *const second[] = { "\xc3\xa4longer", NULL };
	struct table *table = table_new(headings, 2);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	table_row(table, first);
	table_row(table, second);
	table_print(table, out, true);
	table_free(table);
	fclose(out);
	assert_string_equal(text, "NAME    S       \na       RUNNING \n\xc3\xa4longer -       \n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_name), cmocka_unit_test(first_argument_is_name),
		cmocka_unit_test(stops_at_command), cmocka_unit_test(own_letter_wins),
		cmocka_unit_test(usage_errors),	    cmocka_unit_test(completion_words),
		cmocka_unit_test(json_document),    cmocka_unit_test(table_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
