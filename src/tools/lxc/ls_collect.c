/* What lxc-ls shows: one pass over the containers, reading no more of each than is shown. */
#include "tools/lxc/ls.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { OF_CONFIG = 1 << COLUMN_AUTOSTART | 1 << COLUMN_GROUPS | 1 << COLUMN_UNPRIVILEGED,
       OF_NETWORK = 1 << COLUMN_INTERFACE | 1 << COLUMN_IPV4 | 1 << COLUMN_IPV6,
       OF_TRAFFIC = 1 << COLUMN_TX | 1 << COLUMN_RX,
       OF_CGROUP = 1 << COLUMN_RAM | 1 << COLUMN_SWAP };

void ls_row_clear(struct ls_row *row)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		free(row->cells[i]);
		row->cells[i] = NULL;
	}
}

void ls_rows_clear(struct ls_rows *rows)
{
	vector_for_each(row, rows)
		ls_row_clear(row);
	free(rows->items);
	*rows = (struct ls_rows){ NULL, 0, 0 };
}

static char *get_item(struct lxc_container *c, const char *key)
{
	int length = c->get_config_item(c, key, NULL, 0);
	char *value = length > 0 ? malloc((size_t)length + 1) : NULL;

	if (value && c->get_config_item(c, key, value, length + 1) != length) {
		free(value);
		return NULL;
	}
	return value;
}

static void read_config(struct lxc_container *c, struct ls_row *row)
{
	auto_free char *groups = get_item(c, "lxc.group");
	auto_free char *idmap = get_item(c, "lxc.idmap");
	char *rest = NULL;

	row->cells[COLUMN_AUTOSTART] = get_item(c, "lxc.start.auto");
	row->cells[COLUMN_UNPRIVILEGED] = strdup(idmap ? "true" : "false");
	for (char *group = groups ? strtok_r(groups, "\n", &rest) : NULL; group; group = strtok_r(NULL, "\n", &rest))
		ls_append(&row->cells[COLUMN_GROUPS], group);
}

static char *format_mebibytes(uint64_t bytes)
{
	char *text = NULL;

	if (bytes == UINT64_MAX || text_format(&text, "%.2fMB", (double)bytes / 1048576) < 0)
		return NULL;
	return text;
}

/* Swap alone: v2 counts it so, v1 together with memory. */
static char *read_swap(struct lxc_container *c, uint64_t memory_bytes)
{
	char text[64];
	uint64_t bytes;

	if (c->get_cgroup_item(c, "memory.swap.current", text, sizeof(text)) > 0 && !text_to_u64(text_trim(text), &bytes))
		return format_mebibytes(bytes);
	if (c->get_cgroup_item(c, "memory.memsw.usage_in_bytes", text, sizeof(text)) > 0 &&
	    !text_to_u64(text_trim(text), &bytes) && memory_bytes != UINT64_MAX)
		return format_mebibytes(bytes > memory_bytes ? bytes - memory_bytes : 0);
	return NULL;
}

static void read_usage(struct lxc_container *c, unsigned int needed, struct ls_row *row)
{
	struct extra_stats stats;

	if (extra_stats(c, &stats) < 0)
		return;
	row->cells[COLUMN_RAM] = format_mebibytes(stats.memory_bytes);
	if (needed & 1 << COLUMN_SWAP)
		row->cells[COLUMN_SWAP] = read_swap(c, stats.memory_bytes);
}

static void read_network(int pid, struct ls_row *row)
{
	struct ls_addresses addresses = { NULL, NULL, NULL };

	ls_read_addresses(pid, &addresses);
	row->cells[COLUMN_INTERFACE] = addresses.interfaces;
	row->cells[COLUMN_IPV4] = addresses.ipv4;
	row->cells[COLUMN_IPV6] = addresses.ipv6;
}

static void read_traffic(const char *lxcpath, const char *name, struct ls_row *row)
{
	uint64_t tx_bytes, rx_bytes;

	if (extra_traffic(lxcpath, name, &tx_bytes, &rx_bytes) < 0)
		return;
	if (text_format(&row->cells[COLUMN_TX], "%" PRIu64, tx_bytes) < 0)
		row->cells[COLUMN_TX] = NULL;
	if (text_format(&row->cells[COLUMN_RX], "%" PRIu64, rx_bytes) < 0)
		row->cells[COLUMN_RX] = NULL;
}

static bool has_state(const struct ls_state *state, const char *name)
{
	bool is_stopped = !strcmp(name, "STOPPED");

	if (state->active && is_stopped)
		return false;
	if (!state->running && !state->frozen && !state->stopped)
		return true;
	return (state->running && !strcmp(name, "RUNNING")) || (state->frozen && !strcmp(name, "FROZEN")) ||
	       (state->stopped && is_stopped);
}

/* A container must be in all the groups asked for. */
static bool has_groups(const struct ls_state *state, const char *joined)
{
	struct string_list groups = { NULL, 0, 0 };
	bool has_all = true;

	if (joined)
		text_split(joined, ", ", &groups);
	for (size_t i = 0; i < state->groups.count; i++)
		has_all = has_all && string_list_has(&groups, state->groups.items[i]);
	string_list_clear(&groups);
	return has_all;
}

/* What needs the configuration. A broken one costs its own cells and a line, not the list. */
static struct lxc_container *open_container(const struct call *call, const char *lxcpath, const char *name)
{
	struct lxc_container *c = lxc_container_new(name, lxcpath);

	if (!c && !call->quiet)
		tool_error(call, "%s: its configuration can not be read", name);
	return c;
}

/* false: filtered out. */
static bool fill_row(const struct call *call, const char *lxcpath, const char *name, const struct extra_status *status,
		     struct ls_row *row, struct lxc_container **ret_c)
{
	const struct ls_state *state = call->state;
	bool runs = status->init_pid > 0;
	unsigned int needed = state->needed;

	row->cells[COLUMN_NAME] = strdup(name);
	row->cells[COLUMN_STATE] = strdup(extra_state_name(status->state));
	if (runs && text_format(&row->cells[COLUMN_PID], "%d", status->init_pid) < 0)
		row->cells[COLUMN_PID] = NULL;
	if (needed & OF_CONFIG || (runs && (needed & OF_CGROUP || state->nesting)))
		*ret_c = open_container(call, lxcpath, name);
	if (*ret_c && needed & OF_CONFIG)
		read_config(*ret_c, row);
	if (!has_groups(state, row->cells[COLUMN_GROUPS]))
		return false;
	if (*ret_c && runs && needed & OF_CGROUP)
		read_usage(*ret_c, needed, row);
	if (runs && needed & OF_NETWORK)
		read_network(status->init_pid, row);
	if (runs && needed & OF_TRAFFIC)
		read_traffic(lxcpath, name, row);
	return true;
}

static void collect_one(const struct call *call, const char *lxcpath, const char *name, int depth, struct ls_rows *rows)
{
	const struct ls_state *state = call->state;
	struct ls_row filled = { .depth = depth }, *row;
	struct lxc_container *c = NULL;
	struct extra_status status = { 0, -1, -1 };
	bool needs_status = state->needed & ~(1u << COLUMN_NAME);

	if (state->has_regex && regexec(&state->regex, name, 0, NULL, 0))
		return;
	if (needs_status)
		extra_status(lxcpath, name, &status);
	if ((!needs_status || has_state(state, extra_state_name(status.state))) &&
	    fill_row(call, lxcpath, name, &status, &filled, &c)) {
		row = vector_add(rows);
		if (row)
			*row = filled;
		else
			ls_row_clear(&filled);
		if (c && state->nesting > depth && status.init_pid > 0)
			ls_collect_nested(call, c, depth + 1, rows);
	} else {
		ls_row_clear(&filled);
	}
	if (c)
		lxc_container_put(c);
}

/* A container that liblxc does not know; row has what is special to its kind, and is taken over. */
static void add_other(const struct ls_state *state, const char *name, int number, int init_pid, struct ls_row *row, struct ls_rows *rows)
{
	struct ls_row *item = NULL;

	row->cells[COLUMN_NAME] = strdup(name);
	row->cells[COLUMN_STATE] = strdup(extra_state_name(number));
	if (init_pid > 0 && text_format(&row->cells[COLUMN_PID], "%d", init_pid) < 0)
		row->cells[COLUMN_PID] = NULL;
	if (init_pid > 0 && state->needed & OF_NETWORK)
		read_network(init_pid, row);
	if (has_state(state, extra_state_name(number)) && has_groups(state, NULL))
		item = vector_add(rows);
	if (item)
		*item = *row;
	else
		ls_row_clear(row);
}

/* What OpenVZ's commands look after is shown with the containers of the default path. */
static void collect_others(const struct call *call, struct ls_rows *rows)
{
	const struct ls_state *state = call->state;
	struct extra_other *others = NULL;
	int count = extra_others(&others);

	for (int i = 0; i < count; i++) {
		struct extra_status status = { 0, -1, -1 };
		struct ls_row row = { 0 };

		if (state->has_regex && regexec(&state->regex, others[i].name, 0, NULL, 0))
			continue;
		extra_status(NULL, others[i].name, &status);
		row.cells[COLUMN_AUTOSTART] = strdup(others[i].starts_with_host ? "1" : "0");
		row.cells[COLUMN_UNPRIVILEGED] = strdup(others[i].has_own_ids ? "true" : "false");
		add_other(state, others[i].name, status.state, status.init_pid, &row, rows);
	}
	free(others);
}

void ls_collect_oci(const struct call *call, struct ls_rows *rows)
{
	const struct ls_state *state = call->state;
	struct extra_oci *list = NULL;
	int count = extra_oci_list(state->oci_root, &list);

	for (int i = 0; i < count; i++) {
		struct ls_row row = { 0 };
		if (!state->has_regex || regexec(&state->regex, list[i].name, 0, NULL, 0) == 0)
			add_other(state, list[i].name, list[i].state, list[i].init_pid, &row, rows);
	}
	free(list);
}

void ls_collect(const struct call *call, const char *lxcpath, int depth, struct ls_rows *rows)
{
	const struct ls_state *state = call->state;
	char **names = NULL;
	int count;

	if (state->active)
		count = extra_list_running(lxcpath, &names);
	else if (state->defined)
		count = list_defined_containers(lxcpath, &names, NULL);
	else
		count = list_all_containers(lxcpath, &names, NULL);
	for (int i = 0; i < count; i++) {
		collect_one(call, lxcpath, names[i], depth, rows);
		free(names[i]);
	}
	free(names);
	if (!depth && geteuid() == 0 && !strcmp(lxcpath, lxc_get_global_config_item("lxc.lxcpath")))
		collect_others(call, rows);
}
