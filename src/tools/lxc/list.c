/* lxc-list, as distributions of 2012 had it: containers by state. */
#include "tools/tool.h"

#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <stdlib.h>
#include <string.h>

enum { KEY_FORMAT = 256 };

struct list_state {
	bool is_json;
};

static const struct tool_option options[] = {
	{ "format", KEY_FORMAT, ARGUMENT_REQUIRED, "FORMAT", "text or json" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_option(struct call *call, int key, const char *value)
{
	struct list_state *state = call->state;
	(void)key;
	return tool_parse_format(call, value, &state->is_json);
}

static void print_state(struct json *json, bool is_json, const char *wanted, char **names, const char **states, int count)
{
	if (is_json)
		json_array(json, wanted);
	else
		printf("%s\n", wanted);
	for (int i = 0; i < count; i++) {
		if (strcmp(states[i], wanted) != 0)
			continue;
		if (is_json)
			json_text(json, NULL, names[i]);
		else
			printf("  %s\n", names[i]);
	}
	if (is_json)
		json_end(json);
	else
		printf("\n");
}

/* Starting counts as running, stopping as stopped: the old program knew three states. */
static const char *simple_state(const char *lxcpath, const char *name)
{
	struct extra_status status = { 0 };
	(void)extra_status(lxcpath, name, &status); /* what can not be read is stopped */
	const char *state = extra_state_name(status.state);
	if (strcmp(state, "FROZEN") == 0 || strcmp(state, "FREEZING") == 0)
		return "FROZEN";
	return strcmp(state, "RUNNING") == 0 || strcmp(state, "STARTING") == 0 ? "RUNNING" : "STOPPED";
}

static int run(struct call *call)
{
	const struct list_state *state = call->state;
	struct json json;
	char **names = NULL;
	int count = list_all_containers(call->lxcpath, &names, NULL);
	if (count < 0)
		count = 0;
	const char **states = calloc((size_t)count + 1, sizeof(*states));
	if (!states)
		return EXIT_FAILURE;
	for (int i = 0; i < count; i++)
		states[i] = simple_state(call->lxcpath, names[i]);
	json_start(&json, stdout);
	if (state->is_json)
		json_object(&json, NULL);
	print_state(&json, state->is_json, "RUNNING", names, states, count);
	print_state(&json, state->is_json, "FROZEN", names, states, count);
	print_state(&json, state->is_json, "STOPPED", names, states, count);
	if (state->is_json)
		json_end(&json);
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	free(states);
	return EXIT_SUCCESS;
}

const struct tool lxc_list_tool = {
	.name = "lxc-list",
	.summary = "List the containers by state (of 2012, see lxc-ls)",
	.usage = "",
	.options = options,
	.no_name = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct list_state),
};
