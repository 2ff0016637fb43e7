/* lxc-export: a container as one archive. */
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_COMPRESSION = 256 };

struct export_state {
	const char *file, *compression;
};

static const struct tool_option options[] = {
	{ "file", 'f', ARGUMENT_REQUIRED, "FILE", "The archive, which must not exist yet; - is standard output (default NAME.tar.zst)" },
	{ "compression", KEY_COMPRESSION, ARGUMENT_REQUIRED, "KIND", "none, gzip, xz, bzip2 or zstd (default: by the name of FILE)" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static const struct {
	const char *suffix, *compression;
} kinds[] = { { ".tar", "none" }, { ".gz", "gzip" }, { ".tgz", "gzip" }, { ".xz", "xz" }, { ".bz2", "bzip2" }, { "", "zstd" } };

static int take_option(struct call *call, int key, const char *value)
{
	struct export_state *state = call->state;
	if (key == 'f') {
		state->file = value;
		return 0;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].compression, value) == 0) {
			state->compression = kinds[i].compression;
			return 0;
		}
	tool_error(call, "unknown compression '%s': none, gzip, xz, bzip2 or zstd", value);
	return -1;
}

static const char *compression_of(const struct export_state *state, const char *file)
{
	size_t i = 0;
	if (state->compression)
		return state->compression;
	while (!text_ends(file, kinds[i].suffix))
		i++;
	return kinds[i].compression;
}

static int export(const struct call *call, struct lxc_container *c)
{
	const struct export_state *state = call->state;
	auto_free char *standard = NULL;
	if (text_format(&standard, "%s.tar.zst", call->name) < 0)
		return EXIT_FAILURE;
	const char *file = state->file ?: standard;
	bool is_output = strcmp(file, "-") == 0;
	auto_close int fd = is_output ? dup(STDOUT_FILENO) : open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		tool_error(call, "make %s: %s", file, strerror(errno));
		return EXIT_FAILURE;
	}
	int r = extra_export(c, fd, compression_of(state, file));
	if (r == 0 && !is_output && fsync(fd) < 0) {
		tool_error(call, "write %s: %s", file, strerror(errno));
		r = -errno;
	} else if (r < 0) {
		tool_container_error(call, c, "can not export the container");
	}
	if (r < 0 && !is_output)
		(void)unlink(file); /* a part of a container is none */
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct call *call)
{
	struct lxc_container *c = tool_container(call, true);
	if (!c)
		return EXIT_FAILURE;
	int status = export(call, c);
	lxc_container_put(c);
	return status;
}

const struct tool lxc_export_tool = {
	.name = "lxc-export",
	.summary = "Write a container as one archive",
	.usage = "-n NAME [-f FILE] [--compression KIND]",
	.options = options,
	.description = "A tar archive (POSIX, pax headers) with the members metadata (lines KEY = VALUE: format, name, path, machine, "
		       "idmap, time), config, small files beside it such as hooks, and rootfs. Owners are the numbers that the container "
		       "sees, whatever its lxc.idmap; hard links, holes, attributes, file capabilities, ACLs and device nodes are kept. An "
		       "overlay is written as the one tree that it shows; other file systems mounted below the root and snapshots are left "
		       "out. The container must be stopped. It is read by lxc-import, and by anything that reads tar.",
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct export_state),
};
