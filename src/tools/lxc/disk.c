/* lxc-disk: shows and changes the limits of a container's disk space and files. */
#include "liblxc/extra.h"
#include "tools/tool.h"

#include <lxc/lxccontainer.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_FORMAT = 256, KEY_JSON };

struct state {
	const char *size, *inodes;
	bool is_json;
};

static const struct tool_option options[] = {
	{ "size", 's', ARGUMENT_REQUIRED, "SIZE", "Bytes that the root file system may have, as 10G; 0: no limit" },
	{ "inodes", 'i', ARGUMENT_REQUIRED, "NUMBER", "Files and directories that it may have, as 100000; 0: no limit" },
	{ "format", KEY_FORMAT, ARGUMENT_REQUIRED, "FORMAT", "text or json" },
	{ "json", KEY_JSON, ARGUMENT_NONE, NULL, "The same as --format=json" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int option(struct call *call, int key, const char *value)
{
	struct state *state = call->state;
	switch (key) {
	case 's':
		state->size = value;
		break;
	case 'i':
		state->inodes = value;
		break;
	case KEY_FORMAT:
		return tool_parse_format(call, value, &state->is_json);
	case KEY_JSON:
		state->is_json = true;
		break;
	}
	return 0;
}

static void print_row(const char *name, uint64_t used, uint64_t limit)
{
	if (used == UINT64_MAX)
		return;
	if (limit)
		printf("%-10s %20" PRIu64 " of %20" PRIu64 "  %3.0f %%\n", name, used, limit, 100.0 * (double)used / (double)limit);
	else
		printf("%-10s %20" PRIu64 ", no limit\n", name, used);
}

static void print(const struct call *call, const struct extra_disk *disk)
{
	const struct state *state = call->state;
	struct json json;
	if (!state->is_json) {
		printf("%-10s %s\n", "By:", disk->mechanism);
		print_row("Bytes:", disk->bytes, disk->bytes_limit);
		print_row("Files:", disk->inodes, disk->inodes_limit);
		return;
	}
	json_start(&json, stdout);
	json_object(&json, NULL);
	json_text(&json, "name", call->name);
	json_text(&json, "mechanism", disk->mechanism);
	json_unsigned(&json, "bytes", disk->bytes);
	json_unsigned(&json, "bytes_limit", disk->bytes_limit ? disk->bytes_limit : UINT64_MAX);
	json_unsigned(&json, "inodes", disk->inodes);
	json_unsigned(&json, "inodes_limit", disk->inodes_limit ? disk->inodes_limit : UINT64_MAX);
	json_end(&json);
}

static int run(struct call *call)
{
	const struct state *state = call->state;
	struct extra_disk disk;
	struct lxc_container *c = tool_container(call, true);
	if (!c)
		return EXIT_FAILURE;
	bool sets = state->size || state->inodes;
	int r = sets ? extra_set_disk(c, state->size, state->inodes) : extra_disk(c, &disk);
	if (r < 0)
		tool_container_error(call, c, sets ? "can not set the limit" : "can not read the usage");
	else if (r > 0)
		tool_container_error(call, c, "the limit is set");
	else if (!sets)
		print(call, &disk);
	lxc_container_put(c);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct tool lxc_disk_tool = {
	.name = "lxc-disk",
	.summary = "Show or limit the disk space of a container",
	.usage = "-n NAME [--size SIZE] [--inodes NUMBER] [--json]",
	.options = options,
	.description = "Without --size and --inodes it prints what the root file system has and may have. With them the limit "
		       "holds at once, whether the container runs or not, and is kept in the configuration: lxc.rootfs.size "
		       "and lxc.rootfs.inodes.\n\nThe mechanism follows from where the root file system lies: project quota of "
		       "ext4 and XFS, a quota group of a btrfs subvolume (space alone, and df inside shows the whole file "
		       "system), or the size of an image, whose ext4, XFS or btrfs grows while the container runs, and shrinks "
		       "(ext4, btrfs) while it is stopped. Where there is none, an image is: lxc-create -B loop --fssize SIZE.\n\n"
		       "What is written past a limit fails inside with ENOSPC or EDQUOT. A container that runs in a user namespace "
		       "can not lift its limit. One that does not loses chattr, quotactl and CAP_SYS_RESOURCE when it is started "
		       "with one. With a quota group neither can make subvolumes that would not be counted.\n\n"
		       "lxc.rootfs.quota = 1 lets the root of a container with a user namespace and an image mounted with "
		       "lxc.rootfs.options = usrquota,grpquota use setquota, repquota and quota for its own users and groups.",
	.option = option,
	.run = run,
	.state_size = sizeof(struct state),
};
