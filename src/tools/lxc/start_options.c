/* Options of lxc-start and lxc-execute that end up in the configuration. */
#include "tools/lxc/start_options.h"

#include "base/text.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int add_define(struct start_options *options, const char *value)
{
	const char **defines = reallocarray(options->defines, options->define_count + 1, sizeof(*defines));

	if (!defines)
		return -1;
	defines[options->define_count++] = value;
	options->defines = defines;
	return 0;
}

int start_options_take(struct start_options *options, int key, const char *value)
{
	switch (key) {
	case 's':
		return add_define(options, value);
	case 'd':
		options->daemon = true;
		options->foreground = false;
		return 0;
	case 'F':
		options->foreground = true;
		options->daemon = false;
		return 0;
	case KEY_SHARE_NET:
		options->share_net = value;
		return 0;
	case KEY_SHARE_IPC:
		options->share_ipc = value;
		return 0;
	case KEY_SHARE_UTS:
		options->share_uts = value;
		return 0;
	case KEY_SHARE_PID:
		options->share_pid = value;
		return 0;
	default:
		return -1;
	}
}

int set_item(const struct call *call, struct lxc_container *c, const char *key, const char *value)
{
	char what[512];

	if (!value || c->set_config_item(c, key, value))
		return 0;
	snprintf(what, sizeof(what), "can not set %s = %s", key, value);
	tool_container_error(call, c, what);
	return -1;
}

int start_options_apply(const struct start_options *options, const struct call *call, struct lxc_container *c)
{
	for (size_t i = 0; i < options->define_count; i++) {
		char what[512];

		if (extra_define(c, options->defines[i]) >= 0)
			continue;
		snprintf(what, sizeof(what), "can not set '%s'", options->defines[i]);
		tool_container_error(call, c, what);
		return -1;
	}
	if (set_item(call, c, "lxc.namespace.share.net", options->share_net) ||
	    set_item(call, c, "lxc.namespace.share.ipc", options->share_ipc) ||
	    set_item(call, c, "lxc.namespace.share.uts", options->share_uts) ||
	    set_item(call, c, "lxc.namespace.share.pid", options->share_pid))
		return -1;
	return 0;
}

void start_options_clear(struct start_options *options)
{
	free(options->defines);
	options->defines = NULL;
	options->define_count = 0;
}

char *absolute_path(const char *path)
{
	char *cwd, *absolute = NULL;

	if (*path == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	if (cwd && text_format(&absolute, "%s/%s", cwd, path) < 0)
		absolute = NULL;
	free(cwd);
	return absolute;
}
