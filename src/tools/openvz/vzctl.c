/* vzctl: flags, command, container. */
#include "tools/openvz/request.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <string.h>
#include <sys/stat.h>

#define VZCTL_VERSION "4.11"

/* clang-format off */
const struct vz_command vz_commands[] = {
	{ "create", vz_command_create, COMMAND_LOCKS, "[OPTION]...", "make a container from a template" },
	{ "destroy", vz_command_destroy, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "", "remove a container" },
	{ "delete", vz_command_destroy, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG | COMMAND_HIDDEN, "", NULL },
	{ "mount", vz_command_mount, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "", "mount its files" },
	{ "umount", vz_command_umount, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "", "unmount its files" },
	{ "start", vz_command_start, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "[--wait] [--force]", "start it" },
	{ "stop", vz_command_stop, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "[--fast] [--skip-umount]", "stop it; --fast kills it" },
	{ "restart", vz_command_restart, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "[--wait] [--force] [--fast]", "stop and start it" },
	{ "stopped", vz_command_stopped, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG | COMMAND_HIDDEN, "", NULL },
	{ "suspend", vz_command_suspend, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "[--dumpfile DIRECTORY] [--suspend] [--dump] [--kill] [--resume]",
	  "save the running container and end it, or a part of that" },
	{ "chkpnt", vz_command_suspend, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG | COMMAND_HIDDEN, "", NULL },
	{ "resume", vz_command_resume, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "[--dumpfile DIRECTORY]", "bring it back from there" },
	{ "restore", vz_command_resume, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG | COMMAND_HIDDEN, "", NULL },
	{ "status", vz_command_status, 0, "", "one line: exist|deleted mounted|unmounted running|down" },
	{ "set", vz_command_set, COMMAND_LOCKS | COMMAND_HOST, "[--save] [--setmode restart|ignore] OPTION...", "change it" },
	{ "enter", vz_command_enter, COMMAND_NEEDS_CONFIG, "[--exec COMMAND...]", "a shell in it, on a terminal" },
	{ "exec", vz_command_exec, COMMAND_NEEDS_CONFIG, "COMMAND...", "run a command line in it; \"-\": lines of standard input" },
	{ "exec2", vz_command_exec2, COMMAND_NEEDS_CONFIG, "COMMAND...", "the same, with the command's exit status" },
	{ "exec3", vz_command_exec3, COMMAND_NEEDS_CONFIG, "PROGRAM [ARGUMENT]...", "the same, without a shell" },
	{ "runscript", vz_command_runscript, COMMAND_NEEDS_CONFIG, "SCRIPT", "run a script of the host in it, running or not" },
	{ "console", vz_command_console, COMMAND_NEEDS_CONFIG, "[ttyN]", "attach to a terminal of it (ESC . leaves)" },
	{ "quotaon", vz_command_quotaon, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "", "limit its disk space" },
	{ "quotaoff", vz_command_quotaoff, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "", "take the limit away" },
	{ "quotainit", vz_command_quotainit, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "", "count its disk space anew" },
	{ "snapshot", vz_command_snapshot, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "[--id UUID] [--name NAME] [--description TEXT]",
	  "keep its files as they are (ploop)" },
	{ "snapshot-switch", vz_command_snapshot_switch, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "--id UUID [--skip-config]", "go back to a snapshot" },
	{ "snapshot-delete", vz_command_snapshot_delete, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "--id UUID", "remove a snapshot" },
	{ "snapshot-list", vz_command_snapshot_list, COMMAND_NEEDS_CONFIG, "[-H] [-o FIELD,...] [-L] [--id UUID]", "its snapshots" },
	{ "snapshot-mount", vz_command_snapshot_mount, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "--id UUID --target DIRECTORY",
	  "mount a snapshot, read-only" },
	{ "snapshot-umount", vz_command_snapshot_umount, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "--id UUID", "unmount it" },
	{ "convert", vz_command_convert, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "[--layout ploop]", "from a directory into an image" },
	{ "compact", vz_command_compact, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "", "give unused blocks of its image back" },
	{ "register", vz_command_register, COMMAND_LOCKS | COMMAND_PATH_FIRST, "[--force]", "make a private area known" },
	{ "unregister", vz_command_unregister, COMMAND_LOCKS | COMMAND_NEEDS_CONFIG, "", "forget it, but keep its private area" },
	{ NULL, NULL, 0, NULL, NULL },
};
/* clang-format on */

static void print_help(FILE *out)
{
	fprintf(out, "vzctl version " VZCTL_VERSION "\nUsage: vzctl [--quiet] [--verbose] [--skiplock] [--version] COMMAND CTID|NAME "
		     "[ARGUMENT]...\n\n");
	for (const struct vz_command *command = vz_commands; command->name; command++)
		if (!(command->flags & COMMAND_HIDDEN))
			fprintf(out, "  vzctl %s %s%s%s\n        %s\n", command->name,
				command->flags & COMMAND_PATH_FIRST ? "PATH CTID" : "CTID", *command->usage ? " " : "", command->usage,
				command->help);
	fprintf(out, "\nOptions of create:\n");
	vz_request_help(out, true);
	fprintf(out, "\nOptions of set:\n");
	vz_request_help(out, false);
}

/* Flags in front of the command. The first word that is none, or -1 with *ret_exit: that was all. */
static int take_flags(struct vz *vz, int argc, char **argv, int *ret_exit)
{
	int i = 1;
	*ret_exit = VZ_OK;
	for (; i < argc && text_starts(argv[i], "-"); i++) {
		if (strcmp(argv[i], "--quiet") == 0) {
			vz->quiet++;
		} else if (strcmp(argv[i], "--verbose") == 0) {
			vz->verbose++;
		} else if (strcmp(argv[i], "--skiplock") == 0) {
			vz->skips_lock = true;
		} else if (strcmp(argv[i], "--version") == 0) {
			puts("vzctl version " VZCTL_VERSION);
			return -1;
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			print_help(stdout);
			return -1;
		} else {
			fprintf(stderr, "Bad command: %s\n", argv[i]);
			*ret_exit = VZ_SYNTAX;
			return -1;
		}
	}
	if (i < argc)
		return i;
	print_help(stderr);
	*ret_exit = VZ_SYNTAX;
	return -1;
}

static const struct vz_command *find_command(const char *name)
{
	for (const struct vz_command *command = vz_commands; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

/* The container that is named; -1 with *ret_exit told. */
static int64_t find_container(const struct vz_command *command, const char *text, int *ret_exit)
{
	*ret_exit = VZ_BAD_VALUE;
	if (!text) {
		fprintf(stderr, "CT ID missing\n");
		return -1;
	}
	if (strcmp(text, "0") == 0) {
		if (command->flags & COMMAND_HOST)
			return 0;
		fprintf(stderr, "Only set actions are allowed for CT0\n");
		return -1;
	}
	uint32_t id = vz_find(text);
	if (id)
		return id;
	if (text[strspn(text, "0123456789-")] == '\0')
		fprintf(stderr, "Bad CT ID %s\n", text);
	else
		fprintf(stderr, "Unable to find container by name %s\n", text);
	return -1;
}

static int run(struct vz *vz, const struct vz_command *command)
{
	struct stat info;
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/vz.conf", vz_config_directory());
	if (stat(path, &info) < 0)
		return vz_fail(vz, VZ_NO_GLOBAL, "Global configuration file %s not found", path);
	if (!vz->ct.has_conf && command->flags & COMMAND_NEEDS_CONFIG)
		return vz_fail(vz, VZ_NO_CONFIG, "Container config file does not exist");
	int status = command->flags & COMMAND_LOCKS ? vz_lock(vz) : VZ_OK;
	if (status == VZ_OK)
		status = command->run(vz);
	vz_unlock(vz);
	return status;
}

int vzctl_main(int argc, char **argv)
{
	struct vz vz = { .command = "vzctl", .lock_fd = -1 };
	struct error err = { 0 };
	int status, first = take_flags(&vz, argc, argv, &status);
	if (first < 0)
		return status;
	const struct vz_command *command = find_command(argv[first]);
	if (!command) {
		fprintf(stderr, "Bad command: %s\n", argv[first]);
		return VZ_SYNTAX;
	}
	int place = first + 1 + (command->flags & COMMAND_PATH_FIRST ? 1 : 0);
	int64_t id = find_container(command, place < argc ? argv[place] : NULL, &status);
	if (id < 0)
		return status;
	if (geteuid() != 0) {
		fprintf(stderr, "This program can only be run under root\n");
		return VZ_PERMISSION;
	}
	vz.argv = argv + place + 1;
	vz.argc = argc - place - 1;
	if (command->flags & COMMAND_PATH_FIRST) { /* the id goes, the path stays in front */
		argv[place] = argv[first + 1];
		vz.argv--;
		vz.argc++;
	}
	if (vz_ct_open(&vz.ct, (uint32_t)id, &err) < 0)
		status = vz_fail_error(&vz, VZ_BAD_CONFIG, &err);
	else
		status = run(&vz, command);
	vz_ct_clear(&vz.ct);
	return status;
}
