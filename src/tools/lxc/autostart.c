/* lxc-autostart: starts or stops the containers that are marked for it, in their order. */
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEFAULT_TIMEOUT_S = 60, KEY_FORMAT = 256 };

struct autostart_state {
	bool kill, list, reboot, shutdown, all, ignore_auto, is_json;
	int timeout_s;
	bool timeout_given;
	const char *groups;
};

static const struct tool_option options[] = {
	{ "kill", 'k', ARGUMENT_NONE, NULL, "Kill the containers" },
	{ "list", 'L', ARGUMENT_NONE, NULL, "Only show what would be done" },
	{ "reboot", 'r', ARGUMENT_NONE, NULL, "Restart the containers" },
	{ "shutdown", 's', ARGUMENT_NONE, NULL, "Shut the containers down" },
	{ "all", 'a', ARGUMENT_NONE, NULL, "Do not look at groups" },
	{ "ignore-auto", 'A', ARGUMENT_NONE, NULL, "Take containers without lxc.start.auto too" },
	{ "groups", 'g', ARGUMENT_REQUIRED, "GROUP,...", "Containers of these groups; an empty name: of no group" },
	{ "timeout", 't', ARGUMENT_REQUIRED, "SECONDS", "Kill after SECONDS when shutting down (default 60)" },
	{ "format", KEY_FORMAT, ARGUMENT_REQUIRED, "FORMAT", "With --list: text or json" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_option(struct call *call, int key, const char *value)
{
	struct autostart_state *state = call->state;
	switch (key) {
	case 'k':
		state->kill = true;
		return 0;
	case 'L':
		state->list = true;
		return 0;
	case 'r':
		state->reboot = true;
		return 0;
	case 's':
		state->shutdown = true;
		return 0;
	case 'a':
		state->all = true;
		return 0;
	case 'A':
		state->ignore_auto = true;
		return 0;
	case 'g':
		state->groups = value;
		return 0;
	case KEY_FORMAT:
		return tool_parse_format(call, value, &state->is_json);
	default:
		state->timeout_given = true;
		if (text_to_i32(value, &state->timeout_s) == 0)
			return 0;
		tool_error(call, "'%s' is not a number of seconds", value);
		return -1;
	}
}

struct candidate {
	struct lxc_container *c;
	int order, delay;
	struct string_list groups;
	bool is_done;
};

static int number_of(struct lxc_container *c, const char *key)
{
	char value[32] = "";
	return c->get_config_item(c, key, value, sizeof(value)) > 0 ? atoi(value) : 0;
}

/* Higher order first, then by name. */
static int compare(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	return x->order != y->order ? (x->order < y->order ? 1 : -1) : strcmp(x->c->name, y->c->name);
}

static bool has_group(const struct candidate *candidate, const char *group)
{
	return *group ? string_list_has(&candidate->groups, group) : candidate->groups.count == 0;
}

static void show(const struct call *call, struct json *json, const struct candidate *candidate)
{
	const struct autostart_state *state = call->state;
	bool is_start = !state->kill && !state->shutdown;
	if (state->is_json) {
		json_object(json, NULL);
		json_text(json, "name", candidate->c->name);
		json_number(json, "order", candidate->order);
		json_number(json, "delay", candidate->delay);
		json_end(json);
	} else if (is_start) {
		printf("%s %d\n", candidate->c->name, candidate->delay);
	} else {
		printf("%s\n", candidate->c->name);
	}
}

/* 1: done, 0: nothing to do, -1: failed. */
static int act(const struct call *call, struct json *json, const struct candidate *candidate)
{
	const struct autostart_state *state = call->state;
	struct lxc_container *c = candidate->c;
	bool is_running = c->is_running(c), wants_running = state->kill || state->shutdown || state->reboot;
	bool done;
	if (is_running != wants_running)
		return 0;
	if (state->list) {
		show(call, json, candidate);
		return 1;
	}
	if (state->kill) {
		done = c->stop(c);
	} else if (state->shutdown) {
		done = c->shutdown(c, state->timeout_given ? state->timeout_s : DEFAULT_TIMEOUT_S) || c->stop(c);
	} else if (state->reboot) {
		done = c->reboot(c);
	} else {
		done = c->want_daemonize(c, true) && c->start(c, 0, NULL);
	}
	if (!done)
		fprintf(stderr, "lxc-autostart: %s: %s\n", c->name, c->error_string ?: "failed");
	else if (!state->kill && !state->shutdown && candidate->delay > 0)
		sleep((unsigned)candidate->delay);
	return done ? 1 : -1;
}

struct candidates {
	VECTOR(struct candidate) list;
	int broken; /* containers that can not be opened */
};

static int add_candidate(const struct call *call, struct candidates *candidates, struct lxc_container *c)
{
	const struct autostart_state *state = call->state;
	char groups[4096] = "";
	if (!state->ignore_auto && number_of(c, "lxc.start.auto") != 1)
		return 0;
	struct candidate *candidate = vector_add(&candidates->list);
	if (!candidate)
		return -ENOMEM;
	*candidate = (struct candidate){ .c = c, .order = number_of(c, "lxc.start.order"),
		.delay = number_of(c, "lxc.start.delay") };
	if (c->get_config_item(c, "lxc.group", groups, sizeof(groups)) > 0)
		(void)text_split(groups, "\n", &candidate->groups); /* no memory: as without a group */
	return 1;
}

/* With the reason, which lxc_container_new does not give. */
static void report_broken(const struct call *call, const char *name, const char *lxcpath)
{
	struct lxc_container *c = extra_container_open(name, lxcpath);
	auto_free char *file = NULL;
	if (c && text_format(&file, "%s/%s/config", lxcpath, name) == 0)
		(void)extra_load_config(c, file); /* it fails, that is why we are here */
	tool_container_error(call, c, name);
	if (c)
		lxc_container_put(c);
}

/* To stop a container its configuration is not needed. */
static struct lxc_container *open_container(const struct call *call, const char *name, const char *lxcpath)
{
	const struct autostart_state *state = call->state;
	struct lxc_container *c = lxc_container_new(name, lxcpath);
	bool stops = state->kill || state->shutdown;
	return c || !stops || !state->ignore_auto ? c : extra_container_open(name, lxcpath);
}

/* One container that can not be read does not keep the others from starting, but it is told. */
static void collect(const struct call *call, const char *lxcpath, struct candidates *candidates)
{
	char **names = NULL;
	int count = list_defined_containers(lxcpath, &names, NULL); /* no directory: nothing to start */
	for (int i = 0; i < count; i++) {
		struct lxc_container *c = open_container(call, names[i], lxcpath);
		if (!c) {
			report_broken(call, names[i], lxcpath);
			candidates->broken++;
		} else if (add_candidate(call, candidates, c) <= 0) {
			lxc_container_put(c);
		}
		free(names[i]);
	}
	free(names);
}

static void clear_candidates(struct candidates *candidates)
{
	vector_for_each (candidate, &candidates->list) {
		string_list_clear(&candidate->groups);
		lxc_container_put(candidate->c);
	}
	free(candidates->list.items);
}

/* Group by group as they are named; "a,b," ends with the empty one. */
static int run_groups(const struct call *call, struct json *json, struct candidates *candidates)
{
	const struct autostart_state *state = call->state;
	auto_free char *groups = strdup(state->all ? "" : state->groups ?: "");
	int failed = candidates->broken, done = 0;
	char *next = groups;
	for (char *group; next && (group = strsep(&next, ","));) {
		vector_for_each (candidate, &candidates->list) {
			if (candidate->is_done || (!state->all && !has_group(candidate, group)))
				continue;
			candidate->is_done = true;
			int r = act(call, json, candidate);
			failed += r < 0;
			done += r > 0;
		}
	}
	return failed == 0 ? EXIT_SUCCESS : done == 0 ? 1 : 2;
}

static int run(struct call *call)
{
	const struct autostart_state *state = call->state;
	struct candidates candidates = { 0 };
	struct json json;
	collect(call, call->lxcpath, &candidates);
	for (int i = 1; i < call->lxcpath_given; i++)
		collect(call, call->lxcpaths[i], &candidates);
	if (candidates.list.count > 0)
		qsort(candidates.list.items, candidates.list.count, sizeof(*candidates.list.items), compare);
	json_start(&json, stdout);
	if (state->list && state->is_json)
		json_array(&json, NULL);
	int status = run_groups(call, &json, &candidates);
	if (state->list && state->is_json)
		json_end(&json);
	clear_candidates(&candidates);
	return status;
}

const struct tool lxc_autostart_tool = {
	.name = "lxc-autostart",
	.summary = "Start or stop the containers that are marked for it",
	.usage = "[-k | -r | -s] [-P PATH]... [OPTION]...",
	.options = options,
	.description = "Containers with lxc.start.auto = 1 are started by falling lxc.start.order, then by name, with a "
		       "pause of lxc.start.delay seconds after each.\n\nThe exit status is 1 when all failed, 2 when some "
		       "did.",
	.no_name = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct autostart_state),
};
