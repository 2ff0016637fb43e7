/* lxc-attach: runs a command inside a running container. */
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "base/vector.h"
#include "tools/lxc/namespace_names.h"

#include <lxc/lxccontainer.h>

#include <fcntl.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/wait.h>

enum { KEY_CLEAR_ENV = 256, KEY_KEEP_ENV, KEY_KEEP_VAR };

struct attach_state {
	int flags, clear_flags; /* of lxc_attach_options_t, to set and to clear */
	int namespaces;
	bool has_namespaces, clear_env, has_personality;
	long personality;
	uint32_t uid, gid;
	bool has_uid, has_gid;
	const char *context, *pty_log;
	struct string_list set_variables, keep_variables;
};

static const struct tool_option options[] = {
	{ "elevated-privileges", 'e', ARGUMENT_OPTIONAL, "CAP|CGROUP|LSM",
	  "Keep the caller's capabilities, cgroup and security label, or those named" },
	{ "arch", 'a', ARGUMENT_REQUIRED, "ARCH", "Use the personality of ARCH instead of the container's" },
	{ "namespaces", 's', ARGUMENT_REQUIRED, "MOUNT|PID|UTSNAME|IPC|USER|NETWORK|CGROUP|TIME",
	  "Enter these namespaces only; implies -e" },
	{ "remount-sys-proc", 'R', ARGUMENT_NONE, NULL, "Mount /sys and /proc anew if the mount namespace is not entered" },
	{ "clear-env", KEY_CLEAR_ENV, ARGUMENT_NONE, NULL, "Start with an empty environment" },
	{ "keep-env", KEY_KEEP_ENV, ARGUMENT_NONE, NULL, "Keep the caller's environment (the default)" },
	{ "set-var", 'v', ARGUMENT_REQUIRED, "NAME=VALUE", "Set a variable for the command" },
	{ "keep-var", KEY_KEEP_VAR, ARGUMENT_REQUIRED, "NAME", "Keep this variable with --clear-env" },
	{ "pty-log", 'L', ARGUMENT_REQUIRED, "FILE", "Log what the terminal shows to FILE" },
	{ "rcfile", 'f', ARGUMENT_REQUIRED, "FILE", "Load the configuration from FILE instead" },
	{ "uid", 'u', ARGUMENT_REQUIRED, "UID", "Run the command as user UID of the container" },
	{ "gid", 'g', ARGUMENT_REQUIRED, "GID", "Run the command as group GID of the container" },
	{ "context", 'c', ARGUMENT_REQUIRED, "LABEL", "Run the command under this SELinux or AppArmor label" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static const struct {
	const char *name;
	int flag;
} privileges[] = {
	{ "CGROUP", LXC_ATTACH_MOVE_TO_CGROUP },
	{ "CAP", LXC_ATTACH_DROP_CAPABILITIES },
	{ "LSM", LXC_ATTACH_LSM_EXEC },
};

static int parse_privileges(const char *text, int *flags)
{
	struct string_list names = { NULL, 0, 0 };
	int ret = text ? text_split(text, "|,", &names) : 0;

	for (size_t i = 0; i < sizeof(privileges) / sizeof(privileges[0]) && !text; i++)
		*flags |= privileges[i].flag;
	for (size_t name = 0; name < names.count && !ret; name++) {
		ret = -EINVAL;
		for (size_t i = 0; i < sizeof(privileges) / sizeof(privileges[0]); i++)
			if (!strcasecmp(privileges[i].name, names.items[name])) {
				*flags |= privileges[i].flag;
				ret = 0;
			}
	}
	string_list_clear(&names);
	return ret;
}

static int parse_personality(const char *name, long *ret_personality)
{
	static const char *const narrow[] = { "x86", "i386", "i486", "i586", "i686", "linux32", "arm", "armel", "armhf",
					      "armv7", "armv7l", "athlon", "mips", "mipsel", "ppc", "powerpc", NULL };
	static const char *const wide[] = { "x86_64", "amd64", "linux64", "aarch64", "arm64", "ppc64", "ppc64le", "ppc64el",
					    "powerpc64", "s390x", "riscv64", "mips64", "mips64el", "loongarch64", NULL };

	for (size_t i = 0; narrow[i]; i++)
		if (!strcmp(narrow[i], name)) {
			*ret_personality = PER_LINUX32;
			return 0;
		}
	for (size_t i = 0; wide[i]; i++)
		if (!strcmp(wide[i], name)) {
			*ret_personality = PER_LINUX;
			return 0;
		}
	return -EINVAL;
}

static int take_id(const char *value, uint32_t *ret_id, bool *ret_has)
{
	*ret_has = true;
	return text_to_u32(value, ret_id);
}

static int take_value(struct attach_state *state, int key, const char *value)
{
	switch (key) {
	case 'e':
		return parse_privileges(value, &state->clear_flags);
	case 'a':
		state->has_personality = true;
		return parse_personality(value, &state->personality);
	case 's':
		state->has_namespaces = true;
		parse_privileges(NULL, &state->clear_flags);
		return namespace_flags_from_names(value, &state->namespaces);
	case 'R':
		state->flags |= LXC_ATTACH_REMOUNT_PROC_SYS;
		return 0;
	case KEY_CLEAR_ENV:
	case KEY_KEEP_ENV:
		state->clear_env = key == KEY_CLEAR_ENV;
		return 0;
	case 'v':
		return strchr(value, '=') ? string_list_add(&state->set_variables, value) : -EINVAL;
	case KEY_KEEP_VAR:
		return string_list_add(&state->keep_variables, value);
	case 'L':
		state->pty_log = value;
		return 0;
	case 'u':
		return take_id(value, &state->uid, &state->has_uid);
	case 'g':
		return take_id(value, &state->gid, &state->has_gid);
	default:
		state->context = value;
		return 0;
	}
}

static int take_option(struct call *call, int key, const char *value)
{
	int ret = take_value(call->state, key, value);

	if (ret < 0)
		tool_error(call, "'%s' is not a value of -%c: %s", value ? value : "", key < 256 ? key : '-', strerror(-ret));
	return ret;
}

static int run_in_container(void *data)
{
	const struct call *call = data;
	lxc_attach_command_t command = { .program = call->arguments[0], .argv = call->arguments };
	int status, reason;

	if (!call->argument_count)
		return lxc_attach_run_shell(NULL);
	status = lxc_attach_run_command(&command);
	reason = errno;
	tool_error(call, "can not run %s: %s", command.program, strerror(reason));
	return status;
}

/* The lists end by NULL for the library. */
static int end_lists(struct attach_state *state)
{
	return vector_add(&state->set_variables) && vector_add(&state->keep_variables) ? 0 : -ENOMEM;
}

static void fill_options(const struct attach_state *state, lxc_attach_options_t *o)
{
	o->attach_flags = (o->attach_flags | state->flags) & ~state->clear_flags;
	if (state->has_namespaces)
		o->namespaces = state->namespaces;
	if (state->has_personality)
		o->personality = state->personality;
	if (state->has_uid)
		o->uid = state->uid;
	if (state->has_gid)
		o->gid = state->gid;
	if (state->context) {
		o->attach_flags |= LXC_ATTACH_LSM_LABEL;
		o->lsm_label = (char *)state->context;
	}
	if (state->clear_env)
		o->env_policy = LXC_ATTACH_CLEAR_ENV;
	o->extra_env_vars = state->set_variables.items;
	o->extra_keep_env = state->keep_variables.items;
	if (isatty(STDIN_FILENO) || isatty(STDOUT_FILENO) || isatty(STDERR_FILENO))
		o->attach_flags |= LXC_ATTACH_TERMINAL;
}

static int attach(const struct call *call, struct lxc_container *c)
{
	struct attach_state *state = call->state;
	lxc_attach_options_t attach_options = LXC_ATTACH_OPTIONS_DEFAULT;
	auto_close int log_fd = -1;
	pid_t pid = -1;
	int status;

	if (state->pty_log) {
		log_fd = open(state->pty_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (log_fd < 0) {
			tool_error(call, "can not open %s: %s", state->pty_log, strerror(errno));
			return EXIT_FAILURE;
		}
		attach_options.log_fd = log_fd;
	}
	fill_options(state, &attach_options);
	if (c->attach(c, run_in_container, (void *)(uintptr_t)call, &attach_options, &pid) < 0) {
		tool_container_error(call, c, "can not enter the container");
		return EXIT_FAILURE;
	}
	if (process_wait(pid, &status) < 0)
		return EXIT_FAILURE;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run(struct call *call)
{
	struct attach_state *state = call->state;
	struct lxc_container *c = tool_container(call, false);
	int status = EXIT_FAILURE;

	if (c && !c->may_control(c))
		tool_error(call, "Insufficient privileges to control the container");
	else if (c && !c->is_running(c))
		tool_error(call, "container is not running");
	else if (c && end_lists(state) >= 0)
		status = attach(call, c);
	string_list_clear(&state->set_variables);
	string_list_clear(&state->keep_variables);
	if (c)
		lxc_container_put(c);
	return status;
}

const struct tool lxc_attach_tool = {
	.name = "lxc-attach",
	.summary = "Run a command inside a running container",
	.usage = "-n NAME [OPTION]... [--] [COMMAND [ARGUMENT]...]",
	.options = options,
	.description = "Runs COMMAND, or the login shell, in the namespaces, cgroup and security context of the container. "
		       "Standard input, output and error that are terminals are replaced by a terminal of the container; "
		       "pipes and files are handed over as they are.\n\nThe exit status is that of the command, 128+N "
		       "if signal N killed it, 127 if it does not exist, 126 if it can not be executed, and 1 if the "
		       "container could not be entered.",
	.takes_arguments = true,
	.closes_fds = true,
	.stop_at_argument = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct attach_state),
};
