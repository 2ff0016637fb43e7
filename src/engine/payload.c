/* The last acts of init before the program, and the tiny pid 1 of application containers. */
#include "engine/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/app_init.h"

extern char **environ;

/* systemd makes a getty for each name in container_ttys. */
static int add_ttys(const struct start *start)
{
	char text[1024] = "";
	size_t used = 0;

	for (size_t i = 0; i < start->console.tty_count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%spts/%d", i ? " " : "",
			start->console.tty_indexes[i]);
	return used == 0 ? 0 : setenv("container_ttys", text, 1);
}

static int put_variables(const struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (putenv(list->items[i]) != 0)
			return -1;
	return 0;
}

/* An init starts with a clean environment; an application keeps that of its caller, as any program. */
static int set_environment(const struct start *start, struct error *err)
{
	const struct spec_process *process = &start->spec->process;
	int r = 0;

	if (!process->is_application)
		r = clearenv();
	if (r == 0 && !getenv("PATH"))
		r = setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	r = r ?: setenv("container", "lxc", 1);
	r = r ?: add_ttys(start);
	r = r ?: put_variables(&process->environment);
	r = r ?: put_variables(&process->environment_runtime);
	return r ? error_set(err, ENOMEM, "set the environment") : 0;
}

/* Debug and supervisor fds end here; only what a service manager passed on (LISTEN_FDS) stays. */
static void close_others(void)
{
	const char *listen = getenv("LISTEN_FDS");
	unsigned first = 3 + (listen ? (unsigned)strtoul(listen, NULL, 10) : 0);

	(void)close_range(first, ~0U, CLOSE_RANGE_CLOEXEC); /* before 5.11 each fd is close-on-exec anyway */
}

static int give_up_privileges(struct start *start, struct error *err)
{
	const struct spec *spec = start->spec;
	const struct spec_lifecycle *life = &spec->lifecycle;
	int r = security_personality(spec, err);
	r = r ?: security_session_keyring(spec, err);
	r = r ?: security_set_lsm(spec, start->labels.apparmor, err);
	r = r ?: security_drop_bounding_set(spec, err);
	r = r ?: security_set_identity(spec, spec->process.uid, spec->process.gid, &spec->process.groups, err);
	r = r ?: security_drop_capabilities(spec, err);
	r = r ?: security_restrict_files(spec, err);
	if (r == 0 && spec_wants_no_new_privs(spec))
		r = security_no_new_privs(err);
	if (r < 0)
		return r;

	/* becoming another user cleared it; from here on it is the user's wish, not ours */
	int signal = life->has_death_signal ? (int)life->death_signal : start->options->foreground ? SIGKILL : 0;
	if (prctl(PR_SET_PDEATHSIG, signal) < 0)
		return error_set(err, errno, "set the death signal");
	return handover_load_seccomp(start->handover.init_fd, &start->seccomp, err);
}

static int execute_program(const struct start *start, struct error *err)
{
	const struct spec_process *process = &start->spec->process;
	char **argv = process->argv.items;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	int r = spec_error(err, errno, start->spec, &process->command_origin, "execute %s", argv[0]);
	if (r == -ENOENT)
		error_hint(err, "check that the program is inside the container");
	return r;
}

/* argv as execvp wants it: NULL-ended. */
static int end_argv(struct start *start, struct error *err)
{
	struct string_list *argv = &start->spec->process.argv;

	if (argv->count == 0)
		return error_set_kind(err, ERROR_INTERNAL, 0, "no program to execute");
	if (!vector_add(argv))
		return error_set(err, ENOMEM, "prepare the command line");
	argv->count--;
	return 0;
}

static int become(struct start *start, struct error *err)
{
	close_others();
	int r = give_up_privileges(start, err);
	return r < 0 ? r : execute_program(start, err);
}

/* In the child of the tiny init, whose memory this is. */
static void become_program(struct start *start)
{
	struct message message = { .kind = MESSAGE_ERROR };

	(void)become(start, &message.error);			 /* returns only when it failed */
	(void)message_send(start->handover.init_fd, &message); /* the supervisor may be gone */
	_exit(EXIT_FAILURE);
}

int payload_execute(struct start *start, struct error *err)
{
	const struct spec_process *process = &start->spec->process;
	const char *cwd = process->cwd;

	int r = end_argv(start, err);
	if (r == 0 && cwd && chdir(cwd) < 0)
		r = error_set(err, errno, "enter directory %s", cwd);
	if (r == 0)
		r = set_environment(start, err);
	if (r == 0 && start->namespaces & 1U << NAMESPACE_PID && process->use_init) {
		/* the tiny init too, and through it what attaches; the program has it from there */
		r = security_set_apparmor_now(start->spec, start->labels.apparmor, err);
		security_clear_labels(&start->labels);
		return r < 0 ? r : app_init_run(start, become_program, err);
	}
	return r < 0 ? r : become(start, err);
}
