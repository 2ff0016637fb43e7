/* lxc-copy and, under its old name with its old options, lxc-clone. */
#include "tools/lxc/progress.h"
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct copy_state {
	const char *original; /* lxc-clone -o */
	const char *new_name, *new_path, *store;
	bool rename, snapshot, allow_running, ephemeral, foreground, keep_data, keep_name, keep_mac, tmpfs;
	struct string_list mounts;
	uint64_t size;
};

static const struct tool_option options[] = {
	{ "newname", 'N', ARGUMENT_REQUIRED, "NAME", "Name of the new container" },
	{ "newpath", 'p', ARGUMENT_REQUIRED, "PATH", "Directory of containers for the new one" },
	{ "rename", 'R', ARGUMENT_NONE, NULL, "Rename instead of copying" },
	{ "snapshot", 's', ARGUMENT_NONE, NULL, "Share the storage: only changes take space" },
	{ "allowrunning", 'a', ARGUMENT_NONE, NULL, "Copy although the original runs" },
	{ "ephemeral", 'e', ARGUMENT_NONE, NULL, "Start the copy; it is removed when it stops" },
	{ "daemon", 'd', ARGUMENT_NONE, NULL, "With --ephemeral: start in the background (default)" },
	{ "foreground", 'F', ARGUMENT_NONE, NULL, "With --ephemeral: start in the foreground" },
	{ "mount", 'm', ARGUMENT_REQUIRED, "TYPE=SRC[:DST[:OPT]]", "With --ephemeral: mount (bind or overlay) into the copy" },
	{ "backingstorage", 'B', ARGUMENT_REQUIRED, "STORE", "Kind of storage of the copy" },
	{ "tmpfs", 't', ARGUMENT_NONE, NULL, "With --ephemeral: keep the changes in memory" },
	{ "fssize", 'L', ARGUMENT_REQUIRED, "SIZE", "Size of a block device" },
	{ "keepdata", 'D', ARGUMENT_NONE, NULL, "With --ephemeral: do not remove the copy when it stops" },
	{ "keepname", 'K', ARGUMENT_NONE, NULL, "Keep the host name" },
	{ "keepmac", 'M', ARGUMENT_NONE, NULL, "Keep the hardware addresses" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static const struct tool_option clone_options[] = {
	{ "orig", 'o', ARGUMENT_REQUIRED, "NAME", "The original" },
	{ "new", 'n', ARGUMENT_REQUIRED, "NAME", "The new container" },
	{ "newpath", 'p', ARGUMENT_REQUIRED, "PATH", "Directory of containers for the new one" },
	{ "snapshot", 's', ARGUMENT_NONE, NULL, "Share the storage: only changes take space" },
	{ "backingstore", 'B', ARGUMENT_REQUIRED, "STORE", "Kind of storage of the copy" },
	{ "fssize", 'L', ARGUMENT_REQUIRED, "SIZE", "Size of a block device" },
	{ "keepname", 'K', ARGUMENT_NONE, NULL, "Keep the host name" },
	{ "keepmac", 'M', ARGUMENT_NONE, NULL, "Keep the hardware addresses" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_option(struct call *call, int key, const char *value)
{
	struct copy_state *state = call->state;
	switch (key) {
	case 'N':
	case 'n':
		state->new_name = value;
		break;
	case 'o':
		state->original = value;
		break;
	case 'p':
		state->new_path = value;
		break;
	case 'R':
		state->rename = true;
		break;
	case 's':
		state->snapshot = true;
		break;
	case 'a':
		state->allow_running = true;
		break;
	case 'e':
		state->ephemeral = true;
		break;
	case 'd':
		state->foreground = false;
		break;
	case 'F':
		state->foreground = true;
		break;
	case 'm':
		return string_list_add(&state->mounts, value) < 0 ? -1 : 0;
	case 'B':
		state->store = value;
		break;
	case 't':
		state->tmpfs = true;
		break;
	case 'L':
		if (text_to_bytes(value, &state->size) < 0) {
			tool_error(call, "'%s' is not a size", value);
			return -1;
		}
		break;
	case 'D':
		state->keep_data = true;
		break;
	case 'K':
		state->keep_name = true;
		break;
	default:
		state->keep_mac = true;
		break;
	}
	return 0;
}

/* ---- ephemeral copies ---- */

/* "overlay=SRC[:DST]" or "bind=SRC[:DST[:OPT]]" as a mount entry of the copy. */
static int add_mount(const struct call *call, struct lxc_container *c, const char *text)
{
	struct string_list parts = { 0 };
	auto_free char *entry = NULL;
	bool is_overlay = text_starts(text, "overlay=") || text_starts(text, "aufs=");
	const char *value = strchr(text, '=');
	if (!value || (!is_overlay && !text_starts(text, "bind="))) {
		tool_error(call, "'%s' is not bind=SRC or overlay=SRC", text);
		return -1;
	}
	int r = text_split(value + 1, ":", &parts);
	if (r == 0 && parts.count > 0) {
		const char *source = parts.items[0];
		const char *target = parts.count > 1 && *parts.items[1] == '/' ? parts.items[1] : source;
		const char *option = parts.count > 1 ? parts.items[parts.count - 1] : "rw";
		target += strspn(target, "/");
		if (is_overlay)
			r = text_format(&entry, "%s %s overlay lowerdir=%s,upperdir=%s/%s/mounts/%s,workdir=%s/%s/mounts.work/%s,create=dir 0 0",
				source, target, source, c->config_path, c->name, target, c->config_path, c->name, target);
		else
			r = text_format(&entry, "%s %s none bind,%s,create=dir 0 0", source, target,
				strcmp(option, "ro") == 0 ? "ro" : "rw");
	}
	string_list_clear(&parts);
	if (r < 0 || !entry || !c->set_config_item(c, "lxc.mount.entry", entry)) {
		tool_container_error(call, c, "can not add the mount");
		return -1;
	}
	return 0;
}

/*
 * The upper layer of the copy's overlay on a tmpfs: mounted in the mount namespace of the container, before its root
 * file system, so that it goes away with it.
 */
static int put_on_tmpfs(const struct call *call, struct lxc_container *c)
{
	auto_free char *hook = NULL;
	char layers[2 * PATH_MAX] = "";
	(void)c->get_config_item(c, "lxc.rootfs.path", layers, sizeof(layers));
	if (!strchr(layers, ':') || strpbrk(c->config_path, "'\"$`\\")) {
		tool_error(call, "--tmpfs needs an original in a directory");
		return -1;
	}
	if (text_format(&hook, "/bin/sh -c 'd=\"%s/%s/overlay\"; mount -n -t tmpfs -o mode=0755 tmpfs \"$d\" && mkdir \"$d/delta\" \"$d/work\"'",
		    c->config_path, c->name) == 0 &&
		c->set_config_item(c, "lxc.hook.pre-mount", hook))
		return 0;
	tool_container_error(call, c, "can not add the tmpfs");
	return -1;
}

static int configure_ephemeral(const struct call *call, struct lxc_container *c)
{
	const struct copy_state *state = call->state;
	if (state->tmpfs && put_on_tmpfs(call, c) < 0)
		return -1;
	for (size_t i = 0; i < state->mounts.count; i++)
		if (add_mount(call, c, state->mounts.items[i]) < 0)
			return -1;
	if ((state->keep_data || c->set_config_item(c, "lxc.ephemeral", "1")) && c->save_config(c, NULL))
		return 0;
	tool_container_error(call, c, "can not save the configuration");
	return -1;
}

static int start_ephemeral(const struct call *call, struct lxc_container *c)
{
	const struct copy_state *state = call->state;
	if (configure_ephemeral(call, c) < 0) {
		(void)c->destroy(c); /* it would never be used */
		return EXIT_FAILURE;
	}
	struct extra_start_options options_of_start = { .foreground = state->foreground, .command = call->tool->name,
		.argv = call->argument_count > 0 ? call->arguments : NULL };
	if (extra_start(c, &options_of_start) >= 0)
		return EXIT_SUCCESS;
	tool_container_error(call, c, "can not start the copy");
	(void)c->destroy(c); /* it would never be used */
	return EXIT_FAILURE;
}

/* NAME_XXXXXX */
static char *random_name(const char *name)
{
	char *result = NULL;
	if (text_format(&result, "%s_XXXXXX", name) == 0)
		(void)random_letters(result + strlen(name) + 1, 6); /* that name, then */
	return result;
}

static int copy(const struct call *call, struct lxc_container *c, const char *new_name)
{
	const struct copy_state *state = call->state;
	bool shares = state->snapshot || state->ephemeral;
	int flags = (state->keep_name ? LXC_CLONE_KEEPNAME : 0) | (state->keep_mac ? LXC_CLONE_KEEPMACADDR : 0) |
		    (shares ? LXC_CLONE_SNAPSHOT : 0) |
		    (state->allow_running ? LXC_CLONE_ALLOW_RUNNING : 0);
	struct progress progress;
	progress_start(&progress, call, "copying", state->new_path ?: c->config_path);
	struct lxc_container *clone = c->clone(c, new_name, state->new_path, flags, state->store, NULL, state->size,
		state->ephemeral ? NULL : call->arguments);
	progress_end(&progress);
	if (!clone) {
		tool_container_error(call, c, "can not copy the container");
		return EXIT_FAILURE;
	}
	int status = EXIT_SUCCESS;
	if (state->ephemeral) {
		printf("Created %s as clone of %s\n", clone->name, c->name);
		fflush(stdout);
		status = start_ephemeral(call, clone);
	}
	lxc_container_put(clone);
	return status;
}

static int copy_or_rename(const struct call *call, const char *original)
{
	const struct copy_state *state = call->state;
	if (!state->ephemeral && (state->tmpfs || state->keep_data || state->mounts.count > 0)) {
		tool_error(call, "--tmpfs, --keepdata and --mount need --ephemeral");
		return EXIT_FAILURE;
	}
	auto_free char *random = state->new_name || !state->ephemeral ? NULL : random_name(original);
	const char *new_name = state->new_name ?: random;
	if (!new_name) {
		tool_error(call, "no name for the new container, use --newname");
		return EXIT_FAILURE;
	}
	struct lxc_container *c = lxc_container_new(original, call->lxcpath);
	if (!c || !c->is_defined(c)) {
		tool_error(call, "container %s is not defined", original);
		if (c)
			lxc_container_put(c);
		return EXIT_FAILURE;
	}
	int status = EXIT_SUCCESS;
	if (!state->rename) {
		status = copy(call, c, new_name);
	} else if (!c->rename(c, new_name)) {
		tool_container_error(call, c, "can not rename the container");
		status = EXIT_FAILURE;
	}
	lxc_container_put(c);
	return status;
}

static int run(struct call *call)
{
	return copy_or_rename(call, call->name);
}

static int run_clone(struct call *call)
{
	struct copy_state *state = call->state;
	const char *original = state->original;
	int next = 0;
	if (!original && call->argument_count > next)
		original = call->arguments[next++];
	if (!state->new_name && call->argument_count > next)
		state->new_name = call->arguments[next++];
	if (!original || !state->new_name) {
		tool_error(call, "the original and the new name are needed");
		return EXIT_FAILURE;
	}
	call->arguments += next;
	call->argument_count -= next;
	return copy_or_rename(call, original);
}

const struct tool lxc_copy_tool = {
	.name = "lxc-copy",
	.summary = "Copy or rename a container",
	.usage = "-n NAME -N NEWNAME [OPTION]... [-- HOOK ARGUMENT...]",
	.options = options,
	.description = "A copy has its own storage, a snapshot copy an overlay on the original's, which then can not be "
		       "removed before the copy.",
	.takes_arguments = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct copy_state),
};

const struct tool lxc_clone_tool = {
	.name = "lxc-clone",
	.summary = "Copy a container (old name of lxc-copy)",
	.usage = "-o NAME -n NEWNAME [OPTION]...",
	.options = clone_options,
	.takes_arguments = true,
	.no_name = true,
	.option = take_option,
	.run = run_clone,
	.state_size = sizeof(struct copy_state),
};
