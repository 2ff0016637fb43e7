/* lxc-update-config: a configuration of LXC 0.7 to 2.0 in today's words. */
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "liblxc/extra.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct update_state {
	const char *file;
};

static const struct tool_option options[] = {
	{ "config", 'c', ARGUMENT_REQUIRED, "FILE", "The configuration to convert; FILE.backup keeps it as it was" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_option(struct call *call, int key, const char *value)
{
	struct update_state *state = call->state;
	(void)key;
	state->file = value;
	return 0;
}

static int convert(const struct call *call, const char *file)
{
	auto_free char *text = NULL, *backup = NULL, *updated = NULL;
	char message[1024] = "";
	struct stat info;
	size_t length;
	if (stat(file, &info) < 0 || file_read(-1, file, 64 << 20, &text, &length) < 0) {
		tool_error(call, "can not read %s: %s", file, strerror(errno));
		return EXIT_FAILURE;
	}
	if (extra_update_config(text, file, &updated, message, sizeof(message)) < 0) {
		tool_error(call, "%s", message);
		return EXIT_FAILURE;
	}
	int r = text_format(&backup, "%s.backup", file);
	r = r ?: file_write(-1, backup, O_WRONLY | O_CREAT | O_TRUNC, info.st_mode & 0777, text, length);
	r = r ?: file_write_atomic(-1, file, info.st_mode & 0777, updated, strlen(updated));
	if (r < 0) {
		tool_error(call, "can not write %s: %s", file, strerror(-r));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static int run(struct call *call)
{
	const struct update_state *state = call->state;
	if (!state->file) {
		help_print_usage(call->tool, stdout);
		return EXIT_SUCCESS;
	}
	return convert(call, state->file);
}

const struct tool lxc_update_config_tool = {
	.name = "lxc-update-config",
	.summary = "Rewrite a configuration of LXC 0.7 to 2.0 in today's keys",
	.usage = "-c FILE",
	.options = options,
	.description = "Keys that have no effect any more lose their lines; comments and everything else stay. Old "
		       "configurations also work as they are.",
	.no_name = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct update_state),
};
