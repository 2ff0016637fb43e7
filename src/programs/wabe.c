/* wabe: the OCI runtime's command line. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "engine/rundir.h"
#include "kernel/own_program.h"
#include "tools/oci/wabe.h"

static const struct command *find_command(const char *name)
{
	for (int i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static bool is_maker(const struct command *command)
{
	return command == &command_create || command == &command_run || command == &command_restore;
}

static int find_root(struct wabe_call *call, struct error *err)
{
	char buffer[PATH_MAX];
	const char *given = call->options.root;
	auto_free char *here = NULL;
	int r;

	const char *runtime = getenv("XDG_RUNTIME_DIR");
	if (!given && runtime && *runtime == '/' && geteuid() == 0 && oci_is_rootless()) {
		r = text_format(&call->root, "%s/wabe/oci", runtime);
	} else if (!given) {
		r = rundir_parent("oci", buffer, sizeof(buffer));
		r = r ?: text_replace(&call->root, buffer);
	} else {
		r = rundir_root(given, is_maker(call->command), buffer, sizeof(buffer));
		if (r == 0 && *buffer != '/' && !(here = getcwd(NULL, 0)))
			r = -errno;
		r = r ?: text_format(&call->root, "%s%s%s", here ?: "", here ? "/" : "", buffer);
	}
	return r < 0 ? error_set(err, r, "find the directory of the states") : 0;
}

static int prepare(struct wabe_call *call, struct error *err)
{
	const struct wabe_options *options = &call->options;
	const char *format = options->log_format, *manager = options->cgroup_manager;
	const char *log = options->log;

	if (format && strcmp(format, "json") != 0 && strcmp(format, "text") != 0)
		return error_set_kind(err, ERROR_USAGE, 0, "unknown --log-format %s", format);
	call->sink->oci.log_json = format && strcmp(format, "json") == 0;
	if (log && strncmp(log, "file:", 5) == 0)
		log += 5;
	if (log && *log && text_replace(&call->sink->oci.log, log) < 0)
		return error_set(err, ENOMEM, "read the options");
	if (manager && strcmp(manager, "cgroupfs") != 0 && strcmp(manager, "systemd") != 0 && strcmp(manager, "disabled") != 0)
		return error_set_kind(err, ERROR_USAGE, 0, "unknown --cgroup-manager %s", manager);
	return 0;
}

static int check_count(const struct wabe_call *call, struct error *err)
{
	const struct command *command = call->command;

	if (call->argument_count < command->least)
		return call_usage(call, err, "%s needs the ID of a container", command->name);
	if (command->most >= 0 && call->argument_count > command->most)
		return call_usage(call, err, "too many arguments for %s: %s", command->name, call->arguments[command->most]);
	return 0;
}

/* 0.. exit status; -errno: a fault. */
static int run(struct wabe_call *call, int argc, char **argv, struct error *err)
{
	int left = 1;

	int r = options_parse(global_options, true, argv, argc, &left, &call->options, err);
	if (r == 0 && call->options.version) {
		printf("wabe version " WABE_VERSION "\ncommit: " WABE_VERSION "\nspec: 1.3.0\n+SECCOMP +APPARMOR +SELINUX +CAP\n");
		return 0;
	}
	if (r == 1 || (r == 0 && left == 0)) {
		help_print_wabe("wabe");
		return r == 1 ? 0 : 1;
	}
	r = r < 0 ? r : prepare(call, err);
	if (r < 0)
		return r;
	call->command = find_command(argv[1]);
	if (!call->command)
		return error_set_kind(err, ERROR_USAGE, 0, "unknown command %s: see wabe --help", argv[1]);
	int index = 2, total = 1 + left;
	r = find_root(call, err);
	r = r < 0 ? r : options_parse(call->command->options, call->command->stops_at_argument, argv, total, &index, &call->options, err);
	if (r == 1) {
		help_print_command(call->command);
		return 0;
	}
	call->arguments = argv + 2;
	call->argument_count = index;
	r = r < 0 ? r : check_count(call, err);
	return r < 0 ? r : call->command->run(call, err);
}

/* Descriptors 0 to 2 are open: else a file of ours would become one of them. */
static void open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3 && fcntl(fd, F_SETFD, 0) == 0);
	close_fd(&fd);
}

/* Does the command make or enter containers? That a name of one may be taken for it costs nothing but time. */
static bool enters_containers(char *const *argv)
{
	for (char *const *word = argv; *word; word++)
		if (strcmp(*word, "create") == 0 || strcmp(*word, "run") == 0 || strcmp(*word, "exec") == 0 ||
			strcmp(*word, "restore") == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct wabe_call call = { 0 };
	struct error err = { 0 };

	if (enters_containers(argv)) {
		own_program_protect(argv, "wabe");
		process_prefault_stack();
	}
	call.sink = spec_new();
	int r = call.sink ? 0 : error_set(&err, ENOMEM, "start");

	struct pollfd standard[] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };

	if (poll(standard, 3, 0) != 0 && (standard[0].revents | standard[1].revents | standard[2].revents) & POLLNVAL)
		open_standard();
	r = r < 0 ? r : run(&call, argc, argv, &err);
	if (r < 0)
		oci_report(call.sink, &err);
	if (fflush(stdout) != 0 && r == 0)
		r = -errno;
	options_clear(&call.options);
	spec_free(call.sink);
	free(call.root);
	return r < 0 ? EXIT_FAILURE : r;
}
