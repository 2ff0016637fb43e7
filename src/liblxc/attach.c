/* Programs in a running container. */
#include "base/process.h"
#include "engine/terminal_relay.h"
#include "liblxc/internal.h"

#include <pwd.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void translate(const lxc_attach_options_t *from, struct attach_options *to)
{
	int flags = from->attach_flags;
	*to = (struct attach_options){
		.namespaces = from->namespaces,
		.move_to_cgroup = flags & LXC_ATTACH_MOVE_TO_CGROUP,
		.drop_capabilities = flags & LXC_ATTACH_DROP_CAPABILITIES,
		.set_personality = flags & LXC_ATTACH_SET_PERSONALITY,
		.apply_lsm = flags & LXC_ATTACH_LSM,
		.no_new_privs = flags & LXC_ATTACH_NO_NEW_PRIVS,
		.remount_proc_sys = flags & LXC_ATTACH_REMOUNT_PROC_SYS,
		.setgroups = flags & LXC_ATTACH_SETGROUPS,
		.personality = from->personality,
		.uid = from->uid,
		.gid = from->gid,
		.groups = from->groups.list,
		.group_count = from->groups.size,
		.clear_environment = from->env_policy == LXC_ATTACH_CLEAR_ENV,
		.keep_environment = from->extra_keep_env,
		.extra_environment = from->extra_env_vars,
		.initial_cwd = from->initial_cwd,
		.lsm_label = flags & LXC_ATTACH_LSM_LABEL ? from->lsm_label : NULL,
		.stdin_fd = from->stdin_fd,
		.stdout_fd = from->stdout_fd,
		.stderr_fd = from->stderr_fd,
	};
}

/* ---- LXC_ATTACH_TERMINAL ---- */

struct in_terminal {
	const struct terminal_relay *relay;
	lxc_attach_exec_t function;
	void *payload;
};

static int run_in_terminal(void *data)
{
	const struct in_terminal *in = data;
	relay_enter_child(in->relay);
	return in->function(in->payload);
}

/* Comes back when the program has ended; it is still to be waited for. */
static int attach_with_terminal(struct lxc_container *c, struct in_terminal *in, int log_fd,
	struct attach_options *options, pid_t *ret_pid, struct error *err)
{
	struct terminal_relay relay;
	struct container_id id = id_of(c);
	int *fds[] = { &options->stdin_fd, &options->stdout_fd, &options->stderr_fd };
	auto_close int devpts_fd = c->devpts_fd(c);
	int r = relay_open(&relay, devpts_fd, log_fd);
	if (r < 0) {
		r = error_set(err, r, "open a terminal");
	} else {
		for (int i = 0; i < 3; i++)
			if (relay.replaces[i])
				*fds[i] = relay.slave_fd;
		in->relay = &relay;
		r = engine_attach(&id, run_in_terminal, in, options, ret_pid, err);
		if (r >= 0)
			(void)relay_run(&relay, *ret_pid); /* the program is there, whatever became of the terminal */
	}
	relay_close(&relay);
	return r;
}

static int attach(struct lxc_container *c, lxc_attach_exec_t function, void *payload, lxc_attach_options_t *options,
	pid_t *attached_process)
{
	static const lxc_attach_options_t defaults = LXC_ATTACH_OPTIONS_DEFAULT;
	struct attach_options translated;
	struct error err = { 0 };
	if (!c || !function || !attached_process)
		return -EINVAL;
	struct container_id id = id_of(c);
	options = options ?: (lxc_attach_options_t *)&defaults; /* only read */
	translate(options, &translated);
	struct in_terminal in = { .function = function, .payload = payload };
	int r = options->attach_flags & LXC_ATTACH_TERMINAL ?
			attach_with_terminal(c, &in, options->log_fd, &translated, attached_process, &err) :
			engine_attach(&id, function, payload, &translated, attached_process, &err);
	if (r < 0) {
		return container_fault(c, &err, r);
	}
	return 0;
}

static int attach_run_wait(struct lxc_container *c, lxc_attach_options_t *options, const char *program,
	const char *const argv[])
{
	lxc_attach_command_t command = { (char *)program, (char **)argv };
	pid_t pid;
	int status;
	int r = attach(c, lxc_attach_run_command, &command, options, &pid);
	r = r < 0 ? r : process_wait(pid, &status);
	return r < 0 ? r : status;
}

static int attach_run_waitl(struct lxc_container *c, lxc_attach_options_t *options, const char *program,
	const char *argument, ...)
{
	va_list arguments;
	va_start(arguments, argument);
	auto_free char **rest = collect_arguments(arguments);
	va_end(arguments);
	size_t count = 0;
	while (rest && rest[count])
		count++;
	auto_free const char **argv = calloc(count + 2, sizeof(*argv));
	if (!rest || !argv)
		return -ENOMEM;
	argv[0] = argument;
	memcpy(&argv[1], rest, count * sizeof(*argv));
	return attach_run_wait(c, options, program, argv);
}

int lxc_attach_run_command(void *payload)
{
	const lxc_attach_command_t *command = payload;
	execvp(command->program, command->argv);
	switch (errno) {
	case EACCES:
	case ENOEXEC:
		return 126;
	case ENOENT:
		return 127;
	default:
		return -1;
	}
}

/* The shell in /etc/passwd of the container, read without NSS: its libraries need not fit ours. */
static char *login_shell(uid_t uid)
{
	char line[1024];
	auto_fclose FILE *file = fopen("/etc/passwd", "re");
	while (file && fgets(line, sizeof(line), file)) {
		char *next = line, *fields[7] = { 0 };
		line[strcspn(line, "\n")] = '\0';
		for (int i = 0; i < 7 && next; i++)
			fields[i] = strsep(&next, ":");
		uint32_t number;
		if (fields[6] && text_to_u32(fields[2], &number) == 0 && number == uid && *fields[6])
			return strdup(fields[6]);
	}
	return NULL;
}

int lxc_attach_run_shell(void *payload)
{
	(void)payload;
	auto_free char *shell = login_shell(getuid());
	if (shell)
		execlp(shell, shell, (char *)NULL);
	execlp("/bin/sh", "/bin/sh", (char *)NULL);
	return -1;
}

void wire_attach(struct lxc_container *c)
{
	c->attach = attach;
	c->attach_run_wait = attach_run_wait;
	c->attach_run_waitl = attach_run_waitl;
}
