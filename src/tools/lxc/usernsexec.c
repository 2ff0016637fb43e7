/* lxc-usernsexec: a command as root of a new user namespace. */
#include "tools/lxc/namespace_child.h"

#include "base/cleanup.h"
#include "base/subid.h"
#include "base/text.h"

#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

struct usernsexec_state {
	struct string_list maps[2]; /* of users and of groups: "INSIDE OUTSIDE COUNT" */
	uint64_t end[2];	    /* the first id inside that is behind all maps */
	bool maps_self;
};

static const struct tool_option options[] = {
	{ NULL, 'm', ARGUMENT_REQUIRED, "u|g|b:INSIDE:OUTSIDE:COUNT", "Map COUNT users, groups or both from INSIDE on" },
	{ NULL, 's', ARGUMENT_NONE, NULL, "Map the calling user and group too, to the next free id" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int add_map(struct usernsexec_state *state, int kind, uint32_t inside, uint32_t outside, uint32_t count)
{
	auto_free char *line = NULL;
	if (text_format(&line, "%u %u %u", inside, outside, count) < 0)
		return -ENOMEM;
	if ((uint64_t)inside + count > state->end[kind])
		state->end[kind] = (uint64_t)inside + count;
	return string_list_add(&state->maps[kind], line);
}

static int parse_map(struct usernsexec_state *state, const char *text)
{
	struct string_list parts = { 0 };
	uint32_t numbers[3] = { 0 };
	int r = text_split(text, ":", &parts);
	if (r == 0 && (parts.count != 4 || !strchr("ugb", parts.items[0][0]) || parts.items[0][1] != '\0'))
		r = -EINVAL;
	char kind = r == 0 ? parts.items[0][0] : '\0';
	for (size_t i = 0; r == 0 && i < 3; i++)
		r = text_to_u32(parts.items[i + 1], &numbers[i]);
	if (r == 0 && numbers[2] == 0)
		r = -EINVAL;
	string_list_clear(&parts);
	if (r == 0 && kind != 'g')
		r = add_map(state, 0, numbers[0], numbers[1], numbers[2]);
	if (r == 0 && kind != 'u')
		r = add_map(state, 1, numbers[0], numbers[1], numbers[2]);
	return r;
}

static int take_option(struct call *call, int key, const char *value)
{
	struct usernsexec_state *state = call->state;
	if (key == 's') {
		state->maps_self = true;
		return 0;
	}
	if (parse_map(state, value) == 0)
		return 0;
	tool_error(call, "'%s' is not u|g|b:INSIDE:OUTSIDE:COUNT", value);
	return -1;
}

static char *user_name(void)
{
	const struct passwd *user = getpwuid(getuid());
	return user ? strdup(user->pw_name) : NULL;
}

/* The first range that the caller was given in /etc/subuid or /etc/subgid. */
static int add_default_map(const struct call *call, struct usernsexec_state *state, int kind)
{
	const char *file = kind ? SUBGID_FILE : SUBUID_FILE;
	auto_free char *name = user_name();
	uint32_t first, count;
	if (subid_find(file, getuid(), name, 0, &first, &count) == 0)
		return add_map(state, kind, 0, first, count);
	tool_error(call, "%s has no range for %s, add one or use -m", file, name ?: "this user");
	return -ENOENT;
}

/* Which of the lines newuidmap has refused. */
static void explain(const struct call *call, const struct string_list *lines, int kind)
{
	const char *file = kind ? SUBGID_FILE : SUBUID_FILE;
	auto_free char *name = user_name();
	vector_for_each (line, lines) {
		uint32_t inside, outside, count;
		if (sscanf(*line, "%u %u %u", &inside, &outside, &count) != 3 ||
			(count == 1 && outside == (kind ? getgid() : getuid())) || subid_has(file, getuid(), name, outside, count))
			continue;
		tool_error(call, "%s does not give %s ids %u to %u to %s", file, kind ? "group" : "user", outside,
			outside + count - 1, name ?: "this user");
		return;
	}
	tool_error(call, "can not map %s ids: new%cidmap refuses (it must be set-uid root)", kind ? "group" : "user",
		kind ? 'g' : 'u');
}

static char *join_lines(const struct string_list *lines)
{
	char *text = strdup("");
	for (size_t i = 0; text && i < lines->count; i++) {
		auto_free char *before = text;
		text = NULL;
		if (text_format(&text, "%s%s\n", before, lines->items[i]) < 0)
			return NULL;
	}
	return text;
}

static int write_maps(const struct call *call, pid_t pid)
{
	const struct usernsexec_state *state = call->state;
	for (int kind = 0; kind < 2; kind++) {
		auto_free char *lines = join_lines(&state->maps[kind]);
		if (!lines)
			return -ENOMEM;
		int r = *lines ? namespace_write_map(pid, kind == 1, lines) : 0;
		if (r == -ENOENT)
			tool_error(call, "%s is needed and not installed", kind ? "newgidmap" : "newuidmap");
		else if (r == -EPERM && geteuid() != 0)
			explain(call, &state->maps[kind], kind);
		else if (r < 0)
			tool_error(call, "can not map %s ids: %s", kind ? "group" : "user", strerror(-r));
		if (r < 0)
			return r;
	}
	return 0;
}

static void run_child(const struct call *call)
{
	char shell[] = "/bin/sh";
	char *const default_argv[] = { shell, NULL };
	/* mounts of the command are not for the host */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		tool_error(call, "can not make mounts private: %s", strerror(errno));
	if ((setgroups(0, NULL) < 0 && errno != EPERM) || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) {
		tool_error(call, "can not become root of the namespace: %s (map id 0)", strerror(errno));
		_exit(EXIT_FAILURE);
	}
	namespace_exec(call, call->argument_count > 0 ? call->arguments : default_argv);
}

static int complete_maps(const struct call *call, struct usernsexec_state *state)
{
	bool is_default = state->maps[0].count == 0 && state->maps[1].count == 0;
	for (int kind = 0; kind < 2; kind++) {
		int r = is_default ? add_default_map(call, state, kind) : 0;
		if (r == 0 && state->maps_self)
			r = add_map(state, kind, (uint32_t)state->end[kind], kind ? getgid() : getuid(), 1);
		if (r < 0)
			return r;
	}
	return 0;
}

static int run(struct call *call)
{
	struct usernsexec_state *state = call->state;
	int release_fd = -1, status = EXIT_FAILURE;
	if (complete_maps(call, state) == 0) {
		pid_t pid = namespace_child_start(CLONE_NEWUSER | CLONE_NEWNS, &release_fd);
		if (pid == 0)
			run_child(call);
		if (pid < 0)
			tool_error(call, "can not make a user namespace: %s", strerror(-pid));
		else if (write_maps(call, pid) == 0)
			namespace_child_release(&release_fd);
		close_fd(&release_fd);
		status = pid > 0 ? namespace_child_wait(pid) : EXIT_FAILURE;
	}
	string_list_clear(&state->maps[0]);
	string_list_clear(&state->maps[1]);
	return status;
}

const struct tool lxc_usernsexec_tool = {
	.name = "lxc-usernsexec",
	.summary = "Run a command as root of a new user namespace",
	.usage = "[-m u|g|b:INSIDE:OUTSIDE:COUNT]... [-s] [-- COMMAND [ARGUMENT]...]",
	.options = options,
	.description = "Without -m the first range that /etc/subuid and /etc/subgid give to the user is mapped from 0 on. "
		       "As another user than root newuidmap and newgidmap are called. The command, by default /bin/sh, has "
		       "user and group 0, no further groups and a mount namespace of its own.\n\nThe exit status is that of "
		       "the command, 128 + N when signal N killed it.",
	.takes_arguments = true,
	.no_name = true,
	.stop_at_argument = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct usernsexec_state),
};
