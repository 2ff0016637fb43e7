/* lxc-ls --nesting: the containers of a container, listed from inside and sent out through a pipe. */
#include "tools/lxc/ls.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

#include <lxc/lxccontainer.h>

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

struct payload {
	const struct call *call;
	int depth;
	int write_fd;
};

enum { MAX_BYTES = 4 * 1024 * 1024 };

/* A row on the pipe: its depth and its cells, each ended by NUL; an absent cell is empty. */
static int list_inside(void *data)
{
	const struct payload *payload = data;
	struct ls_rows rows = { NULL, 0, 0 };
	int ret = 0;

	ls_collect(payload->call, lxc_get_global_config_item("lxc.lxcpath"), payload->depth, &rows);
	vector_for_each(row, &rows) {
		char depth[16];

		snprintf(depth, sizeof(depth), "%d", row->depth);
		ret |= write_full(payload->write_fd, depth, strlen(depth) + 1);
		for (size_t i = 0; i < COLUMN_COUNT; i++) {
			const char *cell = row->cells[i] ? row->cells[i] : "";

			ret |= write_full(payload->write_fd, cell, strlen(cell) + 1);
		}
	}
	ls_rows_clear(&rows);
	return ret ? 1 : 0;
}

/* The next text of [*at, end); NULL: there is none. What comes from inside is not trusted to be whole. */
static const char *next_text(const char **at, const char *end)
{
	const char *text = *at, *nul = memchr(text, '\0', (size_t)(end - text));

	if (!nul)
		return NULL;
	*at = nul + 1;
	return text;
}

static bool read_row(const char **at, const char *end, int depth, struct ls_rows *rows)
{
	const char *text = next_text(at, end);
	struct ls_row *row;
	int32_t own_depth;

	if (!text || text_to_i32(text, &own_depth) < 0 || own_depth < depth || own_depth > 100)
		return false;
	row = vector_add(rows);
	if (!row)
		return false;
	row->depth = own_depth;
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		text = next_text(at, end);
		if (!text)
			return false;
		row->cells[i] = *text ? strdup(text) : NULL;
		/* It ends up on the caller's terminal. */
		for (char *byte = row->cells[i]; byte && *byte; byte++)
			if ((unsigned char)*byte < 0x20 || *byte == 0x7f)
				*byte = '?';
	}
	return true;
}

void ls_collect_nested(const struct call *call, struct lxc_container *c, int depth, struct ls_rows *rows)
{
	lxc_attach_options_t attach_options = LXC_ATTACH_OPTIONS_DEFAULT;
	int fds[2];
	struct payload payload = { .call = call, .depth = depth };
	auto_free char *bytes = NULL;
	size_t length = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return;
	payload.write_fd = fds[1];
	/* The network of the container is part of what is listed, so all its namespaces are entered. */
	if (c->attach(c, list_inside, &payload, &attach_options, &pid) < 0)
		pid = -1;
	close(fds[1]);
	if (pid > 0 && file_read_fd(fds[0], MAX_BYTES, &bytes, &length) >= 0)
		for (const char *at = bytes; at < bytes + length && read_row(&at, bytes + length, depth, rows);)
			continue;
	close(fds[0]);
	if (pid > 0)
		(void)process_wait(pid, NULL); /* our child: it is there */
}
