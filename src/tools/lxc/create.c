/* lxc-create: makes a container from a template. */
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <stdlib.h>
#include <string.h>

enum { KEY_DIR = 256, KEY_LVNAME, KEY_VGNAME, KEY_THINPOOL, KEY_RBDNAME, KEY_RBDPOOL, KEY_RBDUSER, KEY_ZFSROOT, KEY_FSTYPE,
	KEY_FSSIZE };

struct create_state {
	const char *template, *config, *store;
	struct bdev_specs specs;
	bool has_specs, wants_help;
};

static const struct tool_option options[] = {
	{ "template", 't', ARGUMENT_REQUIRED, "TEMPLATE", "Name of a template, path of one, or none" },
	{ "config", 'f', ARGUMENT_REQUIRED, "FILE", "Start from this configuration rather than the default one" },
	{ "bdev", 'B', ARGUMENT_REQUIRED, "STORE", "Kind of storage (default dir)" },
	{ "dir", KEY_DIR, ARGUMENT_REQUIRED, "DIR", "Make the root file system in DIR" },
	{ "lvname", KEY_LVNAME, ARGUMENT_REQUIRED, "NAME", "LVM: logical volume" },
	{ "vgname", KEY_VGNAME, ARGUMENT_REQUIRED, "NAME", "LVM: volume group" },
	{ "thinpool", KEY_THINPOOL, ARGUMENT_REQUIRED, "NAME", "LVM: thin pool" },
	{ "rbdname", KEY_RBDNAME, ARGUMENT_REQUIRED, "NAME", "RBD: image" },
	{ "rbdpool", KEY_RBDPOOL, ARGUMENT_REQUIRED, "NAME", "RBD: pool" },
	{ "rbduser", KEY_RBDUSER, ARGUMENT_REQUIRED, "NAME", "RBD: user" },
	{ "zfsroot", KEY_ZFSROOT, ARGUMENT_REQUIRED, "PATH", "ZFS: dataset above the container's" },
	{ "fstype", KEY_FSTYPE, ARGUMENT_REQUIRED, "TYPE", "File system of a block device (default ext4)" },
	{ "fssize", KEY_FSSIZE, ARGUMENT_REQUIRED, "SIZE", "Size of a block device, with unit b, k, M, G or T (default 1G)" },
	{ "help", 'h', ARGUMENT_NONE, NULL, "Show this help, with --template the options of the template" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_size(struct call *call, const char *value)
{
	struct create_state *state = call->state;
	auto_free char *text = NULL;
	size_t length = strlen(value);
	bool has_unit = length > 0 && (value[length - 1] < '0' || value[length - 1] > '9');
	if (text_format(&text, "%s%s", value, has_unit ? "" : "M") == 0 && text_to_bytes(text, &state->specs.fssize) == 0)
		return 0;
	tool_error(call, "'%s' is not a size", value);
	return -1;
}

/* Where the text of an option about the storage belongs. */
static char **member_of(struct bdev_specs *specs, int key)
{
	switch (key) {
	case KEY_DIR:
		return &specs->dir;
	case KEY_LVNAME:
		return &specs->lvm.lv;
	case KEY_VGNAME:
		return &specs->lvm.vg;
	case KEY_THINPOOL:
		return &specs->lvm.thinpool;
	case KEY_RBDNAME:
		return &specs->rbd.rbdname;
	case KEY_RBDPOOL:
		return &specs->rbd.rbdpool;
	case KEY_RBDUSER:
		return &specs->rbd.rbduser;
	case KEY_ZFSROOT:
		return &specs->zfs.zfsroot;
	default:
		return &specs->fstype;
	}
}

static int take_option(struct call *call, int key, const char *value)
{
	struct create_state *state = call->state;
	switch (key) {
	case 't':
		state->template = value;
		return 0;
	case 'f':
		state->config = value;
		return 0;
	case 'B':
		state->store = value;
		return 0;
	case 'h':
		state->wants_help = true;
		return 0;
	default:
		break;
	}
	state->has_specs = true;
	if (key == KEY_FSSIZE)
		return take_size(call, value);
	*member_of(&state->specs, key) = (char *)value;
	return 0;
}

/* An option of another store than the one chosen is a mistake. */
static bool check_store(const struct call *call)
{
	const struct create_state *state = call->state;
	const struct bdev_specs *specs = &state->specs;
	const char *store = state->store ?: "dir";
	const char *wrong = NULL;
	if (specs->dir && strcmp(store, "dir") != 0)
		wrong = "--dir";
	else if ((specs->lvm.lv || specs->lvm.vg || specs->lvm.thinpool) && strcmp(store, "lvm") != 0)
		wrong = "--lvname, --vgname and --thinpool";
	else if (specs->zfs.zfsroot && strcmp(store, "zfs") != 0)
		wrong = "--zfsroot";
	else if ((specs->rbd.rbdname || specs->rbd.rbdpool || specs->rbd.rbduser) && strcmp(store, "rbd") != 0)
		wrong = "--rbdname, --rbdpool and --rbduser";
	if (wrong)
		tool_error(call, "%s can not be used with storage %s", wrong, store);
	return !wrong;
}

/* "-t NAME -h": the template's own help. */
static int show_template_help(const struct call *call, const char *template)
{
	auto_free char *path = NULL;
	if (extra_find_template(template, &path) < 0)
		return EXIT_FAILURE;
	char *argv[] = { path, (char *)"-h", NULL };
	pid_t pid;
	int r = process_spawn(argv, NULL, (int[3]){ 0, 1, 2 }, &pid);
	if (r == 0)
		r = process_wait(pid, NULL);
	if (r == 0)
		return EXIT_SUCCESS;
	tool_error(call, "template %s: %s", path, strerror(-r));
	return EXIT_FAILURE;
}

static int create(const struct call *call, struct lxc_container *c)
{
	const struct create_state *state = call->state;
	if (c->is_defined(c)) {
		tool_error(call, "Container already exists");
		return EXIT_FAILURE;
	}
	if (state->config && extra_load_config(c, state->config) < 0) {
		tool_container_error(call, c, "can not read the configuration");
		return EXIT_FAILURE;
	}
	const char *template = strcmp(state->template, "none") == 0 ? NULL : state->template;
	int flags = call->quiet ? LXC_CREATE_QUIET : 0;
	struct bdev_specs *specs = state->has_specs ? (struct bdev_specs *)&state->specs : NULL;
	if (c->create(c, template, state->store, specs, flags, call->arguments))
		return EXIT_SUCCESS;
	tool_container_error(call, c, "can not create the container");
	return EXIT_FAILURE;
}

/* Not left to the parser: help about a template needs no name. */
static bool take_name(struct call *call)
{
	if (!call->name && call->argument_count > 0) {
		call->name = call->arguments[0];
		call->arguments++;
		call->argument_count--;
	}
	if (!call->name)
		tool_error(call, "No container name specified");
	return call->name;
}

static int run(struct call *call)
{
	const struct create_state *state = call->state;
	bool is_help_argument = call->argument_count == 1 && strcmp(call->arguments[0], "-h") == 0;
	if (state->wants_help && !state->template) {
		help_print(call->tool, stdout);
		return EXIT_SUCCESS;
	}
	if (state->template && (state->wants_help || is_help_argument))
		return show_template_help(call, state->template);
	if (!take_name(call))
		return EXIT_FAILURE;
	if (!state->template) {
		tool_error(call, "no template given, use --template NAME or --template none");
		return EXIT_FAILURE;
	}
	if (!check_store(call))
		return EXIT_FAILURE;
	struct lxc_container *c = tool_container(call, false);
	if (!c)
		return EXIT_FAILURE;
	int status = create(call, c);
	lxc_container_put(c);
	return status;
}

const struct tool lxc_create_tool = {
	.name = "lxc-create",
	.summary = "Make a container",
	.usage = "-n NAME -t TEMPLATE [OPTION]... [-- TEMPLATE OPTION...]",
	.options = options,
	.description = "The template fills the root file system and adds to the configuration. Templates that come along: "
		       "busybox, debian, download, local, oci. A creation that fails leaves nothing.",
	.takes_arguments = true,
	.no_name = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct create_state),
};
