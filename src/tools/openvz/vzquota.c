/*
 * vzquota: disk quotas by the words of OpenVZ's program, carried out by what this host's file systems have (storage/limit.h).
 * There is no quota file: limits are in CTID.conf, and what is used is the file system's own count.
 */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/limit.h"

#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

enum {
	QUOTA_DONE, QUOTA_SYSTEM, QUOTA_USAGE, QUOTA_KERNEL, QUOTA_FILE, QUOTA_IS_ON, QUOTA_IS_OFF, QUOTA_LOCKED, QUOTA_MOUNTS,
	QUOTA_NO_USERS, QUOTA_DIRTY, QUOTA_NO_FILE, QUOTA_INTERNAL,
};

struct call {
	struct vz vz;
	bool is_batch, shows_users;
	const char *path;
	const char *space[2], *inodes[2]; /* soft, hard */
};

struct quota_state {
	uint64_t blocks, inodes, soft[2], hard[2]; /* KiB, files; 0: no limit */
	bool is_on;
};

static int fail(int status, const char *text, const char *object)
{
	fprintf(stderr, "vzquota : (error) %s%s\n", text, object);
	return status;
}

static char *area_of(const struct call *call)
{
	return call->path ? strdup(call->path) : vz_ct_path(&call->vz.ct, "VE_PRIVATE");
}

/* ---- what is so ---- */

static void limits_of(const struct call *call, const char *key, enum vz_kind kind, uint64_t *ret_soft, uint64_t *ret_hard)
{
	struct vz_pair pair;
	const char *value = vz_ct_get(&call->vz.ct, key);
	if (!value || vz_parse_pair(value, kind, &pair) < 0)
		return;
	*ret_soft = pair.barrier == VZ_UNLIMITED ? 0 : (uint64_t)pair.barrier;
	*ret_hard = pair.limit == VZ_UNLIMITED ? 0 : (uint64_t)pair.limit;
}

/* Of an image: its file system, while that is mounted. */
static void read_image(const struct call *call, struct quota_state *ret)
{
	auto_free char *root = vz_ct_path(&call->vz.ct, "VE_ROOT");
	struct statvfs disk;
	if (!root || !vz_is_mounted(&call->vz) || statvfs(root, &disk) < 0)
		return;
	ret->is_on = true;
	ret->blocks = (disk.f_blocks - disk.f_bfree) * (disk.f_frsize / 512) / 2;
	ret->inodes = disk.f_files - disk.f_ffree;
	ret->hard[0] = disk.f_blocks * (disk.f_frsize / 512) / 2;
	ret->hard[1] = disk.f_files;
}

static int read_state(const struct call *call, struct quota_state *ret)
{
	auto_free char *area = area_of(call);
	struct storage_usage usage = { 0 };
	limits_of(call, "DISKSPACE", VZ_DISK_SPACE, &ret->soft[0], &ret->hard[0]);
	limits_of(call, "DISKINODES", VZ_DISK_INODES, &ret->soft[1], &ret->hard[1]);
	if (!call->path && vz_ct_is_ploop(&call->vz.ct, NULL)) {
		read_image(call, ret);
		return 0;
	}
	if (!area || storage_limit_get("dir", area, -1, &usage, NULL) < 0 || usage.kind == LIMIT_NONE)
		return 0;
	ret->blocks = usage.bytes / 1024;
	ret->inodes = usage.inodes == UINT64_MAX ? 0 : usage.inodes;
	ret->is_on = usage.bytes_limit || usage.inodes_limit;
	if (ret->is_on) { /* what holds, whatever the configuration says */
		ret->hard[0] = usage.bytes_limit / 1024;
		ret->hard[1] = usage.inodes_limit;
	}
	return 0;
}

static void print_line(const struct call *call, const char *name, uint64_t used, uint64_t soft, uint64_t hard)
{
	bool is_over = (soft && used > soft) || (hard && used > hard);
	if (call->is_batch)
		printf("%14" PRIu64 " %14" PRIu64 " %14" PRIu64 " %14d %14d\n", used, soft, hard, 0, 0);
	else
		printf("%11s %14" PRIu64 "%c %14" PRIu64 " %14" PRIu64 " %8s\n", name, used, is_over ? '*' : ' ', soft, hard, "");
}

/* stat: while it is on; show: in any case. */
static int show(struct call *call, bool needs_on)
{
	struct quota_state state = { 0 };
	if (read_state(call, &state) < 0)
		return QUOTA_SYSTEM;
	if (needs_on && !state.is_on)
		return fail(QUOTA_IS_OFF, "Quota accounting is off, try vzquota show id", "");
	if (!needs_on && !call->vz.ct.has_conf && !state.is_on)
		return fail(QUOTA_NO_FILE, "there is no configuration of ", call->vz.ct.name);
	if (!call->is_batch)
		printf("%11s %14s  %14s %14s %8s\n", "resource", "usage", "softlimit", "hardlimit", "grace");
	print_line(call, "1k-blocks", state.blocks, state.soft[0], state.hard[0]);
	print_line(call, "inodes", state.inodes, state.soft[1], state.hard[1]);
	if (!call->shows_users)
		return QUOTA_DONE;
	bool has_users = vz_ct_is_ploop(&call->vz.ct, NULL) && !text_equal(vz_ct_get(&call->vz.ct, "QUOTAUGIDLIMIT") ?: "0", "0");
	printf("User/group quota: %s,%s\n", has_users ? "on" : "off", has_users && state.is_on ? "active" : "inactive");
	if (has_users)
		puts("Users and groups: repquota in the container"); /* its own file system has them */
	return has_users ? QUOTA_DONE : QUOTA_NO_USERS;
}

/* ---- what shall be so ---- */

static int64_t number_of(const char *text)
{
	uint64_t number;
	return text && text_to_u64(text, &number) == 0 && number < (uint64_t)VZ_UNLIMITED ? (int64_t)number : -1;
}

/* Soft and hard limit as a value of the configuration; one alone stands for both. */
static int put(struct call *call, const char *key, const char *const values[2])
{
	auto_free char *text = NULL;
	const char *hard = values[1] ?: values[0], *soft = values[0] ?: values[1];
	if (!hard)
		return QUOTA_DONE;
	if (number_of(hard) < 0 || number_of(soft) < 0)
		return fail(QUOTA_USAGE, "bad limit: ", number_of(hard) < 0 ? hard : soft);
	if (text_format(&text, "%s:%s", number_of(soft) > number_of(hard) ? hard : soft, hard) < 0)
		return QUOTA_SYSTEM;
	return vz_conf_set(&call->vz.ct.given, key, text) < 0 ? QUOTA_SYSTEM : QUOTA_DONE;
}

/* A directory that is no container's. */
static int set_path(struct call *call)
{
	struct error err = { 0 };
	char line[1024];
	int64_t space = number_of(call->space[1] ?: call->space[0]), inodes = number_of(call->inodes[1] ?: call->inodes[0]);
	int r = storage_limit_set("dir", call->path, -1, space < 0 ? UINT64_MAX : (uint64_t)space * 1024,
		inodes < 0 ? UINT64_MAX : (uint64_t)inodes, &err);
	return r < 0 ? fail(QUOTA_KERNEL, error_render(&err, line, sizeof(line)), "") : QUOTA_DONE;
}

static int apply(struct call *call)
{
	if (call->path)
		return set_path(call);
	if (!call->vz.ct.has_conf)
		return fail(QUOTA_NO_FILE, "there is no configuration of ", call->vz.ct.name);
	int status = put(call, "DISKSPACE", call->space);
	status = status ?: put(call, "DISKINODES", call->inodes);
	if (status == QUOTA_DONE && !vz_ct_get(&call->vz.ct, "DISKSPACE") && !vz_ct_get(&call->vz.ct, "DISKINODES"))
		return fail(QUOTA_USAGE, "no limit is given, and none is in the configuration of ", call->vz.ct.name);
	return status ?: vz_apply_disk(&call->vz) == VZ_OK ? QUOTA_DONE : QUOTA_KERNEL;
}

static int turn_on(struct call *call)
{
	struct quota_state state = { 0 };
	if (!vz_ct_is_ploop(&call->vz.ct, NULL) && read_state(call, &state) == 0 && state.is_on)
		return fail(QUOTA_IS_ON, "Quota is running already", "");
	return apply(call);
}

static int turn_off(struct call *call)
{
	struct quota_state state = { 0 };
	struct error err = { 0 };
	char line[1024];
	auto_free char *area = area_of(call);
	if (read_state(call, &state) < 0 || !area)
		return QUOTA_SYSTEM;
	if (!state.is_on)
		return fail(QUOTA_IS_OFF, "Quota is not running", "");
	if (!call->path && vz_ct_is_ploop(&call->vz.ct, NULL))
		return fail(QUOTA_KERNEL, "the size of the image is the limit: vzctl set --diskspace changes it", "");
	if (storage_limit_set("dir", area, -1, 0, 0, &err) < 0)
		return fail(QUOTA_KERNEL, error_render(&err, line, sizeof(line)), "");
	return QUOTA_DONE;
}

static int drop(struct call *call)
{
	struct quota_state state = { 0 };
	auto_free char *area = area_of(call);
	if (read_state(call, &state) == 0 && state.is_on)
		return fail(QUOTA_IS_ON, "Quota is running: vzquota off first", "");
	return area && storage_limit_clear("dir", area, NULL) < 0 ? QUOTA_SYSTEM : QUOTA_DONE;
}

/* ---- the command ---- */

static int usage(FILE *out)
{
	fputs("Usage: vzquota [-h] [-V] [-q] [-v] [-b] COMMAND ID [OPTION]...\n"
	      "  stat [-t]      what is used, and the limits that hold (-t: users, too)\n"
	      "  show [-t]      the same whether limits hold or not\n"
	      "  setlimit       other limits from now on\n"
	      "  init, on       the limits of the configuration, or these\n"
	      "  off, drop      no limit\n"
	      "Options: -p DIRECTORY (the private area of container ID), -b and -B KB, -i and -I FILES (soft, hard)\n",
		out);
	return out == stdout ? QUOTA_DONE : QUOTA_USAGE;
}

static const struct {
	const char *name, *long_name;
	bool has_value;
} options[] = {
	{ "-p", "--path", true }, { "-b", "--block-softlimit", true }, { "-B", "--block-hardlimit", true },
	{ "-i", "--inode-softlimit", true }, { "-I", "--inode-hardlimit", true }, { "-t", "--user-group", false },
	/* accepted: there is no grace time but the file system's, no file, and users are the image's affair */
	{ "-e", "--block-exptime", true }, { "-n", "--inode-exptime", true }, { "-s", "--sub-quotas", true },
	{ "-u", "--ugid-limit", true }, { "-c", "--quota-file", true }, { "-f", "--force", false }, { "-R", "--relative", false },
};

static int take_options(struct call *call, int argc, char **argv)
{
	const char **const slots[] = { &call->path, &call->space[0], &call->space[1], &call->inodes[0], &call->inodes[1] };
	for (int i = 0; i < argc; i++) {
		size_t k = 0, count = sizeof(options) / sizeof(*options);
		while (k < count && strcmp(argv[i], options[k].name) != 0 && strcmp(argv[i], options[k].long_name) != 0)
			k++;
		if (k == count || (options[k].has_value && ++i == argc))
			return usage(stderr);
		if (k < sizeof(slots) / sizeof(*slots))
			*slots[k] = argv[i];
		else if (*options[k].name == '-' && options[k].name[1] == 't')
			call->shows_users = true;
		else if (strchr("ens", options[k].name[1]))
			fprintf(stderr, "vzquota : (warning) %s has no effect here\n", options[k].long_name);
	}
	return QUOTA_DONE;
}

static int run(struct call *call, const char *command)
{
	if (strcmp(command, "stat") == 0)
		return show(call, true);
	if (strcmp(command, "show") == 0)
		return show(call, false);
	if (strcmp(command, "setlimit") == 0 || strcmp(command, "init") == 0)
		return apply(call);
	if (strcmp(command, "on") == 0)
		return turn_on(call);
	if (strcmp(command, "off") == 0)
		return turn_off(call);
	if (strcmp(command, "drop") == 0)
		return drop(call);
	if (strcmp(command, "setlimit2") == 0)
		return fail(QUOTA_KERNEL, "setlimit2: users' quotas are set in the container: vzctl exec ID setquota ... /", "");
	return usage(stderr);
}

int vzquota_main(int argc, char **argv)
{
	struct call call = { .vz = { .command = "vzquota", .lock_fd = -1 } };
	struct error err = { 0 };
	char line[1024];
	int i = 1;
	for (; i < argc && *argv[i] == '-'; i++) {
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
			return usage(stdout);
		if (strcmp(argv[i], "-V") == 0)
			return puts("vzquota (by Wabe)") < 0;
		call.is_batch |= strcmp(argv[i], "-b") == 0;
		call.vz.quiet += strcmp(argv[i], "-q") == 0;
	}
	uint32_t id = i + 1 < argc ? vz_parse_id(argv[i + 1]) : 0;
	if (id == 0)
		return usage(stderr);
	int status = take_options(&call, argc - i - 2, argv + i + 2);
	if (status == QUOTA_DONE && vz_ct_open(&call.vz.ct, id, &err) < 0)
		status = fail(QUOTA_FILE, error_render(&err, line, sizeof(line)), "");
	status = status ?: run(&call, argv[i]);
	vz_ct_clear(&call.vz.ct);
	return status;
}
