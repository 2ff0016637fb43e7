/* lxc-config: the values of /etc/lxc/lxc.conf. */
#include "tools/tool.h"

#include <lxc/lxccontainer.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct config_state {
	bool list, is_json;
};

enum { KEY_FORMAT = 256 };

static const struct tool_option options[] = {
	{ "list", 'l', ARGUMENT_NONE, NULL, "List the keys" },
	{ "format", KEY_FORMAT, ARGUMENT_REQUIRED, "FORMAT", "With --list: text or json" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static const char *const keys[] = { "lxc.default_config", "lxc.lxcpath", "lxc.bdev.lvm.vg", "lxc.bdev.lvm.thin_pool",
	"lxc.bdev.zfs.root", "lxc.bdev.rbd.rbdpool", "lxc.bdev.rbd.rbduser", "lxc.cgroup.use", "lxc.cgroup.pattern" };

static int take_option(struct call *call, int key, const char *value)
{
	struct config_state *state = call->state;
	if (key == KEY_FORMAT)
		return tool_parse_format(call, value, &state->is_json);
	state->list = true;
	return 0;
}

static int list(bool is_json)
{
	struct json json;
	json_start(&json, stdout);
	if (is_json)
		json_object(&json, NULL);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (is_json)
			json_text(&json, keys[i], lxc_get_global_config_item(keys[i]));
		else
			printf("%s\n", keys[i]);
	}
	if (is_json)
		json_end(&json);
	return EXIT_SUCCESS;
}

static int run(struct call *call)
{
	const struct config_state *state = call->state;
	if (state->list)
		return list(state->is_json);
	if (call->argument_count != 1) {
		tool_error(call, "one key is needed, --list shows them");
		return EXIT_FAILURE;
	}
	errno = 0;
	const char *value = lxc_get_global_config_item(call->arguments[0]);
	if (!value && errno == EINVAL) {
		fprintf(stderr, "Unknown configuration item: %s\n", call->arguments[0]);
		return EXIT_FAILURE;
	}
	if (value)
		printf("%s\n", value);
	else
		printf("%s is not set.\n", call->arguments[0]);
	return EXIT_SUCCESS;
}

const struct tool lxc_config_tool = {
	.name = "lxc-config",
	.summary = "Show a setting of the host for all containers",
	.usage = "KEY | --list",
	.options = options,
	.description = "Settings stand in /etc/lxc/lxc.conf, those of a user in ~/.config/lxc/lxc.conf.",
	.takes_arguments = true,
	.no_name = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct config_state),
};
