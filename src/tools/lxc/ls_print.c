/* How lxc-ls shows its rows. */
#include "tools/lxc/ls.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char *const ls_column_names[COLUMN_COUNT] = {
	[COLUMN_NAME] = "NAME",
	[COLUMN_STATE] = "STATE",
	[COLUMN_PID] = "PID",
	[COLUMN_RAM] = "RAM",
	[COLUMN_SWAP] = "SWAP",
	[COLUMN_AUTOSTART] = "AUTOSTART",
	[COLUMN_GROUPS] = "GROUPS",
	[COLUMN_INTERFACE] = "INTERFACE",
	[COLUMN_IPV4] = "IPV4",
	[COLUMN_IPV6] = "IPV6",
	[COLUMN_UNPRIVILEGED] = "UNPRIVILEGED",
	[COLUMN_TX] = "TX",
	[COLUMN_RX] = "RX",
};

/* "\name", further to the right at each level of nesting. */
static int format_name(const struct ls_row *row, char *text, size_t size)
{
	const char *name = row->cells[COLUMN_NAME] ? row->cells[COLUMN_NAME] : "-";

	if (!row->depth)
		return snprintf(text, size, "%s", name);
	return snprintf(text, size, "%*s%s", row->depth, "\\", name);
}

static void print_lines(const struct ls_rows *rows)
{
	char name[512];

	vector_for_each(row, rows) {
		format_name(row, name, sizeof(name));
		puts(name);
	}
}

static void print_columns(const struct ls_rows *rows)
{
	int width = 4, per_line = 1; /* 4: as wide as the heading would be */
	struct winsize size;
	size_t i = 0;
	char name[512];

	vector_for_each(row, rows) {
		int length = format_name(row, name, sizeof(name));

		width = length > width ? length : width;
	}
	if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col > width)
		per_line = size.ws_col / (width + 1);
	vector_for_each(row, rows) {
		bool ends_line = ++i % (size_t)per_line == 0 || i == rows->count;

		format_name(row, name, sizeof(name));
		printf("%-*s%s", width, name, ends_line ? "\n" : " ");
	}
}

/* As RAM and SWAP are. */
static const char *format_traffic(const char *bytes, char *text, size_t size)
{
	if (!bytes)
		return NULL;
	snprintf(text, size, "%.2fMB", strtod(bytes, NULL) / 1048576);
	return text;
}

static const char *format_cell(const struct ls_row *row, enum ls_column column, char texts[2][32])
{
	const char *cell = row->cells[column];

	if (column == COLUMN_TX || column == COLUMN_RX)
		return format_traffic(cell, texts[column == COLUMN_RX], 32);
	return cell;
}

static void print_table(const struct ls_state *state, const struct ls_rows *rows)
{
	const char *cells[COLUMN_COUNT * 3];
	char traffic[2][32];
	struct table *table;
	char name[512];

	for (size_t i = 0; i < state->column_count; i++)
		cells[i] = ls_column_names[state->columns[i]];
	table = table_new(cells, state->column_count);
	vector_for_each(row, rows) {
		format_name(row, name, sizeof(name));
		for (size_t i = 0; i < state->column_count; i++)
			cells[i] = state->columns[i] == COLUMN_NAME ? name : format_cell(row, state->columns[i], traffic);
		table_row(table, cells);
	}
	table_print(table, stdout, true);
	table_free(table);
}

static void write_list(struct json *json, const char *key, const char *joined)
{
	struct string_list list = { NULL, 0, 0 };

	json_array(json, key);
	if (joined)
		text_split(joined, ", ", &list);
	for (size_t i = 0; i < list.count; i++)
		json_text(json, NULL, list.items[i]);
	json_end(json);
	string_list_clear(&list);
}

static void write_bytes(struct json *json, const char *key, const char *text)
{
	double mebibytes;

	if (text && sscanf(text, "%lf", &mebibytes) == 1)
		json_unsigned(json, key, (uint64_t)(mebibytes * 1048576));
	else
		json_text(json, key, NULL);
}

static void write_cell(struct json *json, enum ls_column column, const char *text)
{
	static const char *const keys[COLUMN_COUNT] = { "name", "state", "pid", "ram_bytes", "swap_bytes", "autostart",
							 "groups", "interfaces", "ipv4", "ipv6", "unprivileged", "tx_bytes", "rx_bytes" };

	switch (column) {
	case COLUMN_PID:
	case COLUMN_TX:
	case COLUMN_RX:
		json_unsigned(json, keys[column], text ? strtoull(text, NULL, 10) : UINT64_MAX);
		break;
	case COLUMN_RAM:
	case COLUMN_SWAP:
		write_bytes(json, keys[column], text);
		break;
	case COLUMN_AUTOSTART:
	case COLUMN_UNPRIVILEGED:
		if (text)
			json_bool(json, keys[column], !strcmp(text, "1") || !strcmp(text, "true"));
		else
			json_text(json, keys[column], NULL);
		break;
	case COLUMN_GROUPS:
	case COLUMN_INTERFACE:
	case COLUMN_IPV4:
	case COLUMN_IPV6:
		write_list(json, keys[column], text);
		break;
	default:
		json_text(json, keys[column], text);
	}
}

static void print_json(const struct ls_state *state, const struct ls_rows *rows)
{
	struct json json;

	json_start(&json, stdout);
	json_array(&json, NULL);
	vector_for_each(row, rows) {
		json_object(&json, NULL);
		for (size_t i = 0; i < state->column_count; i++)
			write_cell(&json, state->columns[i], row->cells[state->columns[i]]);
		if (row->depth)
			json_number(&json, "depth", row->depth);
		json_end(&json);
	}
	json_end(&json);
}

void ls_print(const struct ls_state *state, const struct ls_rows *rows)
{
	if (state->json)
		print_json(state, rows);
	else if (!rows->count)
		return; /* not even a heading */
	else if (state->fancy)
		print_table(state, rows);
	else if (state->one_per_line)
		print_lines(rows);
	else
		print_columns(rows);
}
