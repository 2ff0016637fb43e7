/* lxc-ls: the containers. */
#include "tools/lxc/ls.h"

#include "base/text.h"

#include <lxc/lxccontainer.h>

#include <string.h>

enum { KEY_ACTIVE = 256, KEY_RUNNING, KEY_FROZEN, KEY_STOPPED, KEY_DEFINED, KEY_NESTING, KEY_FILTER, KEY_FORMAT, KEY_OCI,
       DEFAULT_NESTING = 5 };

static const struct tool_option options[] = {
	{ "line", '1', ARGUMENT_NONE, NULL, "One name per line" },
	{ "fancy", 'f', ARGUMENT_NONE, NULL, "A table" },
	{ "fancy-format", 'F', ARGUMENT_REQUIRED, "COLUMNS",
	  "Columns of the table: NAME,STATE,PID,RAM,SWAP,AUTOSTART,GROUPS,INTERFACE,IPV4,IPV6,UNPRIVILEGED,TX,RX" },
	{ "active", KEY_ACTIVE, ARGUMENT_NONE, NULL, "Only containers that run or are frozen" },
	{ "running", KEY_RUNNING, ARGUMENT_NONE, NULL, "Only containers that run" },
	{ "frozen", KEY_FROZEN, ARGUMENT_NONE, NULL, "Only containers that are frozen" },
	{ "stopped", KEY_STOPPED, ARGUMENT_NONE, NULL, "Only containers that are stopped" },
	{ "defined", KEY_DEFINED, ARGUMENT_NONE, NULL, "Only containers that have a configuration" },
	{ "nesting", KEY_NESTING, ARGUMENT_OPTIONAL, "DEPTH", "Also the containers of containers, DEPTH levels (5)" },
	{ "filter", KEY_FILTER, ARGUMENT_REQUIRED, "REGEX", "Only containers whose name matches" },
	{ "groups", 'g', ARGUMENT_REQUIRED, "GROUP,...", "Only containers that are in all these groups" },
	{ "oci", KEY_OCI, ARGUMENT_OPTIONAL, "ROOT", "Also the containers of the OCI runtime wabe (with wabe --root ROOT)" },
	{ "format", KEY_FORMAT, ARGUMENT_REQUIRED, "text|json", "How to write the list" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int add_columns(struct ls_state *state, const char *text)
{
	struct string_list names = { NULL, 0, 0 };
	int ret = text_split(text, ", ", &names);

	for (size_t i = 0; i < names.count && ret >= 0; i++) {
		size_t column = 0;

		while (column < COLUMN_COUNT && strcasecmp(ls_column_names[column], names.items[i]))
			column++;
		if (column == COLUMN_COUNT) {
			fprintf(stderr, "Invalid key: %s\n", names.items[i]);
			state->bad_column = true;
		} else if (state->column_count < sizeof(state->columns) / sizeof(state->columns[0])) {
			state->columns[state->column_count++] = (enum ls_column)column;
		}
	}
	string_list_clear(&names);
	return ret;
}

static int take_filter(struct ls_state *state, int key)
{
	switch (key) {
	case KEY_ACTIVE:
		state->active = true;
		return 0;
	case KEY_RUNNING:
		state->running = true;
		return 0;
	case KEY_FROZEN:
		state->frozen = true;
		return 0;
	case KEY_STOPPED:
		state->stopped = true;
		return 0;
	case KEY_DEFINED:
		state->defined = true;
		return 0;
	default:
		return -1;
	}
}

static int take_option(struct call *call, int key, const char *value)
{
	struct ls_state *state = call->state;

	switch (key) {
	case '1':
		state->one_per_line = true;
		return 0;
	case 'f':
		state->fancy = true;
		return 0;
	case 'F':
		state->fancy = true;
		return add_columns(state, value);
	case KEY_NESTING:
		state->nesting = DEFAULT_NESTING;
		if (!value || (text_to_i32(value, &state->nesting) >= 0 && state->nesting >= 0))
			return 0;
		tool_error(call, "'%s' is not a depth", value);
		return -1;
	case KEY_FILTER:
		state->filter = value;
		return 0;
	case 'g':
		return text_split(value, ",", &state->groups);
	case KEY_OCI:
		state->oci = true;
		state->oci_root = value;
		return 0;
	case KEY_FORMAT:
		return tool_parse_format(call, value, &state->json);
	default:
		return take_filter(state, key);
	}
}

static void set_columns(struct ls_state *state)
{
	bool has_table = state->fancy || state->json;

	if (has_table && !state->column_count)
		add_columns(state, state->json ? "NAME,STATE,PID,AUTOSTART,GROUPS,INTERFACE,IPV4,IPV6,UNPRIVILEGED"
					       : "NAME,STATE,AUTOSTART,GROUPS,IPV4,IPV6,UNPRIVILEGED");
	state->needed = 1 << COLUMN_NAME;
	for (size_t i = 0; i < state->column_count; i++)
		state->needed |= 1u << state->columns[i];
	if (state->groups.count)
		state->needed |= 1 << COLUMN_GROUPS;
	if (state->running || state->frozen || state->stopped || state->nesting)
		state->needed |= 1 << COLUMN_STATE;
}

static int compile_filter(const struct call *call)
{
	struct ls_state *state = call->state;
	const char *filter = state->filter;

	/* The first argument is a filter too; what the 2012 command passed to ls(1) is not. */
	if (!filter && call->argument_count && call->arguments[0][0] != '-')
		filter = call->arguments[0];
	if (!filter)
		return 0;
	if (regcomp(&state->regex, filter, REG_EXTENDED | REG_NOSUB)) {
		tool_error(call, "'%s' is not a regular expression", filter);
		return -1;
	}
	state->has_regex = true;
	return 0;
}

static void list_all(const struct call *call)
{
	struct ls_rows rows = { NULL, 0, 0 };

	ls_collect(call, call->lxcpath, 0, &rows);
	for (int i = 1; i < call->lxcpath_given; i++)
		ls_collect(call, call->lxcpaths[i], 0, &rows);
	if (((const struct ls_state *)call->state)->oci)
		ls_collect_oci(call, &rows);
	ls_print(call->state, &rows);
	ls_rows_clear(&rows);
}

static int run(struct call *call)
{
	struct ls_state *state = call->state;
	int status = EXIT_FAILURE;

	if (state->bad_column) {
		status = EXIT_SUCCESS;
	} else if (!compile_filter(call)) {
		set_columns(state);
		list_all(call);
		status = EXIT_SUCCESS;
	}
	if (state->has_regex)
		regfree(&state->regex);
	string_list_clear(&state->groups);
	return status;
}

const struct tool lxc_ls_tool = {
	.name = "lxc-ls",
	.summary = "List the containers",
	.usage = "[OPTION]... [REGEX]",
	.options = options,
	.description = "Without a terminal one name per line. A container whose configuration can not be read is listed "
		       "all the same, with a line on standard error when its configuration was needed. TX and RX are the bytes "
		       "that a running container has sent and received on all interfaces that lead out of it.",
	.takes_arguments = true,
	.no_name = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct ls_state),
};
