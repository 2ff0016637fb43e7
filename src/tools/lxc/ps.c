/* lxc-ps: ps with a column in front that says in which container a process is. */
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "liblxc/extra.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { KEY_LXC = 256, KEY_HOST, MAX_CGROUP_BYTES = 65536 };

/* A running container. */
struct place {
	char *name;
	ino_t pid_namespace; /* 0: shared with the host */
};

struct ps_state {
	bool only_containers, only_host;
	struct string_list names; /* -n; empty: any */
	struct place *places;
	size_t place_count;
	int width;
};

static const struct tool_option options[] = {
	{ "lxc", KEY_LXC, ARGUMENT_NONE, NULL, "Only processes of containers" },
	{ "host", KEY_HOST, ARGUMENT_NONE, NULL, "Only processes that are in no container" },
	{ "name", 'n', ARGUMENT_REQUIRED, "NAME,...", "Only processes of these containers" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_option(struct call *call, int key, const char *value)
{
	struct ps_state *state = call->state;

	if (key == 'n')
		return text_split(value, ",", &state->names);
	if (key == KEY_LXC)
		state->only_containers = true;
	else
		state->only_host = true;
	return 0;
}

static ino_t read_pid_namespace(int pid)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return stat(path, &status) ? 0 : status.st_ino;
}

static void add_places(struct ps_state *state, const char *lxcpath)
{
	ino_t host = read_pid_namespace(getpid());
	char **names = NULL;
	int count = extra_list_running(lxcpath, &names);

	for (int i = 0; i < count; i++) {
		struct extra_status status = { 0, -1, -1 };
		struct place *places = reallocarray(state->places, state->place_count + 1, sizeof(*places));
		ino_t inode = 0;

		if (!places) {
			free(names[i]);
			continue;
		}
		state->places = places;
		if (extra_status(lxcpath, names[i], &status) >= 0 && status.init_pid > 0)
			inode = read_pid_namespace(status.init_pid);
		if ((int)strlen(names[i]) > state->width)
			state->width = (int)strlen(names[i]);
		places[state->place_count++] = (struct place){ .name = names[i], .pid_namespace = inode == host ? 0 : inode };
	}
	free(names);
}

/* Whether text has "/" + one of LXC's names for the group of name as a whole component. */
static bool is_in_group(const char *text, const char *name)
{
	static const char *const prefixes[] = { "/lxc.payload.", "/lxc.payload/", "/lxc/" };
	size_t length = strlen(name);

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		for (const char *at = strstr(text, prefixes[i]); at; at = strstr(at + 1, prefixes[i])) {
			const char *component = at + strlen(prefixes[i]);

			if (!strncmp(component, name, length) && (!component[length] || strchr("/\n", component[length])))
				return true;
		}
	return false;
}

/* By the pid namespace; where it is shared, or one of a container's own containers, by the cgroup. */
static const char *find_place(const struct ps_state *state, int pid)
{
	ino_t inode = read_pid_namespace(pid);
	auto_free char *groups = NULL;
	size_t length;
	char path[64];

	for (size_t i = 0; i < state->place_count && inode; i++)
		if (state->places[i].pid_namespace == inode)
			return state->places[i].name;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (file_read(AT_FDCWD, path, MAX_CGROUP_BYTES, &groups, &length) < 0)
		return NULL;
	for (size_t i = 0; i < state->place_count; i++)
		if (is_in_group(groups, state->places[i].name))
			return state->places[i].name;
	return NULL;
}

static bool is_shown(const struct ps_state *state, const char *place)
{
	if (state->only_host)
		return !place;
	if (state->names.count)
		return place && string_list_has(&state->names, place);
	return place || !state->only_containers;
}

/* Number of the word "PID" in the heading, -1: there is none. */
static int find_pid_column(const char *heading)
{
	struct string_list words = { NULL, 0, 0 };
	int column = -1;

	text_split(heading, " \t\n", &words);
	for (size_t i = 0; i < words.count && column < 0; i++)
		if (!strcmp(words.items[i], "PID"))
			column = (int)i;
	string_list_clear(&words);
	return column;
}

static int read_pid(const char *line, int column)
{
	for (; column >= 0; column--) {
		line += strspn(line, " \t");
		if (!column)
			return atoi(line);
		line += strcspn(line, " \t\n");
	}
	return -1;
}

static int print_processes(const struct call *call, FILE *in)
{
	const struct ps_state *state = call->state;
	auto_free char *line = NULL;
	size_t size = 0;
	int column;

	if (getline(&line, &size, in) < 0)
		return 0; /* ps said why */
	column = find_pid_column(line);
	if (column < 0) {
		tool_error(call, "ps shows no column PID");
		return -EINVAL;
	}
	printf("%-*s %s", state->width, "CONTAINER", line);
	while (getline(&line, &size, in) > 0) {
		const char *place = find_place(state, read_pid(line, column));

		if (is_shown(state, place))
			printf("%-*s %s", state->width, place ? place : "", line);
	}
	return 0;
}

/* ps with the caller's options; without any, all processes if only those of containers are wanted. */
static char **build_command(const struct call *call)
{
	const struct ps_state *state = call->state;
	char **argv = calloc((size_t)call->argument_count + 3, sizeof(*argv));
	static char command[] = "ps", every[] = "-e";
	size_t count = 0;

	if (!argv)
		return NULL;
	argv[count++] = command;
	for (int i = 0; i < call->argument_count; i++)
		argv[count++] = call->arguments[i];
	if (!call->argument_count && (state->only_containers || state->only_host || state->names.count))
		argv[count++] = every;
	return argv;
}

static int run_ps(const struct call *call)
{
	auto_free char **argv = build_command(call);
	auto_fclose FILE *in = NULL;
	int fds[2], status = 0, ret;
	pid_t pid;

	if (!argv || pipe2(fds, O_CLOEXEC))
		return EXIT_FAILURE;
	ret = process_spawn(argv, NULL, (int[]){ STDIN_FILENO, fds[1], STDERR_FILENO }, &pid);
	close(fds[1]);
	in = fdopen(fds[0], "r");
	if (ret < 0 || !in) {
		tool_error(call, "can not run ps: %s", strerror(ret < 0 ? -ret : errno));
		return EXIT_FAILURE;
	}
	ret = print_processes(call, in);
	fclose(take_ptr(in));
	if (process_wait(pid, &status) < 0 || ret < 0)
		return EXIT_FAILURE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static int run(struct call *call)
{
	struct ps_state *state = call->state;
	int status;

	state->width = (int)strlen("CONTAINER");
	add_places(state, call->lxcpath);
	for (int i = 1; i < call->lxcpath_given; i++)
		add_places(state, call->lxcpaths[i]);
	status = run_ps(call);
	for (size_t i = 0; i < state->place_count; i++)
		free(state->places[i].name);
	free(state->places);
	string_list_clear(&state->names);
	return status;
}

const struct tool lxc_ps_tool = {
	.name = "lxc-ps",
	.summary = "List processes with their container",
	.usage = "[OPTION]... [-- PS-OPTION...]",
	.options = options,
	.description = "Runs ps(1) with the options behind -- and puts the name of the container in front of each line. "
		       "With --lxc, --host or -n and no options for ps all processes are looked at.",
	.takes_arguments = true,
	.no_name = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct ps_state),
};
