/* lxc-snapshot: makes, lists, restores and removes snapshots. */
#include "tools/lxc/progress.h"
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <lxc/lxccontainer.h>

#include <stdlib.h>
#include <string.h>

enum { KEY_FORMAT = 256 };

struct snapshot_state {
	bool list, show_comments, is_json;
	const char *comment, *restore, *new_name, *destroy;
};

static const struct tool_option options[] = {
	{ "list", 'L', ARGUMENT_NONE, NULL, "List the snapshots" },
	{ "showcomments", 'C', ARGUMENT_NONE, NULL, "With --list: show the comments too" },
	{ "comment", 'c', ARGUMENT_REQUIRED, "FILE", "Keep the content of FILE as a comment" },
	{ "restore", 'r', ARGUMENT_REQUIRED, "SNAPSHOT", "Make the container what it was" },
	{ "newname", 'N', ARGUMENT_REQUIRED, "NAME", "With --restore: make a new container of it" },
	{ "destroy", 'd', ARGUMENT_REQUIRED, "SNAPSHOT|ALL", "Remove a snapshot or all" },
	{ "format", KEY_FORMAT, ARGUMENT_REQUIRED, "FORMAT", "With --list: text or json" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_option(struct call *call, int key, const char *value)
{
	struct snapshot_state *state = call->state;
	switch (key) {
	case 'L':
		state->list = true;
		return 0;
	case 'C':
		state->show_comments = true;
		return 0;
	case 'c':
		state->comment = value;
		return 0;
	case 'r':
		state->restore = value;
		return 0;
	case 'N':
		state->new_name = value;
		return 0;
	case 'd':
		state->destroy = value;
		return 0;
	default:
		return tool_parse_format(call, value, &state->is_json);
	}
}

static char *read_comment(const struct lxc_snapshot *snapshot)
{
	char *text = NULL;
	size_t length;
	return file_read(-1, snapshot->comment_pathname, 1024 * 1024, &text, &length) < 0 ? NULL : text;
}

static void print_snapshot(const struct snapshot_state *state, struct json *json, const struct lxc_snapshot *snapshot)
{
	auto_free char *comment = state->show_comments || state->is_json ? read_comment(snapshot) : NULL;
	if (state->is_json) {
		json_object(json, NULL);
		json_text(json, "name", snapshot->name);
		json_text(json, "path", snapshot->lxcpath);
		json_text(json, "time", snapshot->timestamp);
		json_text(json, "comment", comment);
		json_end(json);
		return;
	}
	printf("%s (%s) %s\n", snapshot->name, snapshot->lxcpath, snapshot->timestamp);
	if (comment)
		printf("%s%s", comment, *comment && comment[strlen(comment) - 1] == '\n' ? "" : "\n");
}

static int list(const struct call *call, struct lxc_container *c)
{
	const struct snapshot_state *state = call->state;
	struct lxc_snapshot *snapshots = NULL;
	struct json json;
	int count = c->snapshot_list(c, &snapshots);
	if (count < 0) {
		tool_container_error(call, c, "can not list the snapshots");
		return EXIT_FAILURE;
	}
	json_start(&json, stdout);
	if (state->is_json)
		json_array(&json, NULL);
	else if (count == 0)
		printf("No snapshots\n");
	for (int i = 0; i < count; i++) {
		print_snapshot(state, &json, &snapshots[i]);
		snapshots[i].free(&snapshots[i]);
	}
	if (state->is_json)
		json_end(&json);
	free(snapshots);
	return EXIT_SUCCESS;
}

static int act(const struct call *call, struct lxc_container *c)
{
	const struct snapshot_state *state = call->state;
	bool done;
	if (state->list)
		return list(call, c);
	struct progress progress;
	progress_start(&progress, call, state->restore ? "restoring" : state->destroy ? "removing a snapshot of" : "copying",
		c->config_path);
	if (state->restore)
		done = c->snapshot_restore(c, state->restore, state->new_name);
	else if (state->destroy)
		done = strcmp(state->destroy, "ALL") == 0 ? c->snapshot_destroy_all(c) :
							    c->snapshot_destroy(c, state->destroy);
	else
		done = c->snapshot(c, state->comment) >= 0;
	progress_end(&progress);
	if (done)
		return EXIT_SUCCESS;
	tool_container_error(call, c, state->restore ? "can not restore the snapshot" :
		state->destroy ? "can not remove the snapshot" : "can not make a snapshot");
	return EXIT_FAILURE;
}

static int run(struct call *call)
{
	struct lxc_container *c = tool_container(call, true);
	if (!c)
		return EXIT_FAILURE;
	int status = act(call, c);
	lxc_container_put(c);
	return status;
}

const struct tool lxc_snapshot_tool = {
	.name = "lxc-snapshot",
	.summary = "Make, list, restore and remove snapshots of a container",
	.usage = "-n NAME [OPTION]...",
	.options = options,
	.description = "Without an option a snapshot of a stopped container is made: snap0, snap1 and so on.",
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct snapshot_state),
};
