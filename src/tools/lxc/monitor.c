/* lxc-monitor: shows the changes of state of containers. */
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "liblxc/extra.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { KEY_FORMAT = 256 };

struct monitor_state {
	bool quits, is_json;
};

static const struct tool_option options[] = {
	{ "quit", 'Q', ARGUMENT_NONE, NULL, "Do nothing: there is no lxc-monitord here that could be told to end" },
	{ "format", KEY_FORMAT, ARGUMENT_REQUIRED, "FORMAT", "text, or json: an object for each change" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_option(struct call *call, int key, const char *value)
{
	struct monitor_state *state = call->state;
	if (key == KEY_FORMAT)
		return tool_parse_format(call, value, &state->is_json);
	state->quits = true;
	return 0;
}

static int compile_name(const struct call *call, regex_t *ret_regex)
{
	const char *name = call->name ?: call->argument_count > 0 ? call->arguments[0] : ".*";
	auto_free char *anchored = NULL;
	char message[128];
	if (text_format(&anchored, "^(%s)$", name) < 0)
		return -1;
	int r = regcomp(ret_regex, anchored, REG_EXTENDED | REG_NOSUB);
	if (r == 0)
		return 0;
	regerror(r, ret_regex, message, sizeof(message));
	tool_error(call, "'%s' is not a regular expression: %s", name, message);
	return -1;
}

static bool is_watched(const struct call *call, const char *base_path)
{
	if (call->lxcpath_given <= 1)
		return strcmp(call->lxcpath, base_path) == 0;
	for (int i = 0; i < call->lxcpath_given; i++)
		if (strcmp(call->lxcpaths[i], base_path) == 0)
			return true;
	return false;
}

static void show_json(const struct extra_event *event)
{
	struct json json;
	json_start(&json, stdout);
	json_object(&json, NULL);
	json_text(&json, "name", event->name);
	json_text(&json, "lxcpath", event->base_path);
	if (event->type == 0)
		json_text(&json, "state", extra_state_name(event->value));
	else if (WIFSIGNALED(event->value))
		json_number(&json, "signal", WTERMSIG(event->value));
	else
		json_number(&json, "exit_status", WEXITSTATUS(event->value));
	json_end(&json);
}

static void show_event(const struct extra_event *event, bool is_json)
{
	if (is_json)
		show_json(event);
	else if (event->type == 0)
		printf("'%s' changed state to [%s]\n", event->name, extra_state_name(event->value));
	else
		printf("'%s' exited with status [%d]\n", event->name, WEXITSTATUS(event->value));
	/* what reads us over a pipe wants the line now */
	fflush(stdout);
}

static int watch(const struct call *call, const regex_t *regex)
{
	const struct monitor_state *state = call->state;
	struct extra_monitor *monitor = NULL;
	struct extra_event event;
	int r = extra_monitor_open(&monitor);
	while (r >= 0 && !ferror(stdout)) {
		r = extra_monitor_read(monitor, &event);
		if (r == 1 && is_watched(call, event.base_path) && regexec(regex, event.name, 0, NULL, 0) == 0)
			show_event(&event, state->is_json);
	}
	extra_monitor_close(monitor);
	if (r < 0)
		tool_error(call, "can not watch containers: %s", strerror(-r));
	return EXIT_FAILURE;
}

static int run(struct call *call)
{
	const struct monitor_state *state = call->state;
	regex_t regex;
	if (state->quits)
		return EXIT_SUCCESS;
	if (compile_name(call, &regex) < 0)
		return EXIT_FAILURE;
	int status = watch(call, &regex);
	regfree(&regex);
	return status;
}

const struct tool lxc_monitor_tool = {
	.name = "lxc-monitor",
	.summary = "Show the changes of state of containers",
	.usage = "[-n NAME] [-P PATH]...",
	.options = options,
	.description = "NAME is an extended regular expression for the whole name; without one all containers below PATH "
		       "are shown. -P may be given several times. Runs until it is killed.",
	.takes_arguments = true,
	.no_name = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct monitor_state),
};
