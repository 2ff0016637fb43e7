/* lxc-migrate: moves a container to another host. */
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "liblxc/extra.h"
#include "migrate/migrate.h"

#include <lxc/lxccontainer.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { KEY_VIA = 256, KEY_TARGET_PATH, KEY_ONLINE, KEY_NO_LAZY, KEY_SHARED, KEY_KEEP, KEY_CHECK, KEY_TIMEOUT, KEY_STOP_TIMEOUT, KEY_PASSES,
	KEY_RESUME, KEY_ABORT, KEY_FORCE, KEY_RECEIVE, STATUS_ON_ITS_WAY = 3 };

struct migrate_state {
	const char *host, *via, *target_path;
	struct migrate_request request;
	enum extra_migration act;
	bool is_receiver;
};

static const struct tool_option options[] = {
	{ "to", 't', ARGUMENT_REQUIRED, "HOST", "Move it to HOST, by ssh as ssh knows it ([USER@]HOST)" },
	{ "via", KEY_VIA, ARGUMENT_REQUIRED, "COMMAND", "Instead: to where the shell command COMMAND leads, which must run lxc-migrate --receive there" },
	{ "target-path", KEY_TARGET_PATH, ARGUMENT_REQUIRED, "PATH", "With --to: the containers of that host are below PATH" },
	{ "online", KEY_ONLINE, ARGUMENT_NONE, NULL, "With its memory and its connections; else it is stopped here and started there" },
	{ "no-lazy", KEY_NO_LAZY, ARGUMENT_NONE, NULL, "With --online: let it run there when all of its memory is in its place, not before" },
	{ "shared", KEY_SHARED, ARGUMENT_NONE, NULL, "Both hosts see its root file system at the same path: it is not sent" },
	{ "keep", KEY_KEEP, ARGUMENT_NONE, NULL, "Keep what is here, with the configuration renamed to config.migrated" },
	{ "check", KEY_CHECK, ARGUMENT_NONE, NULL, "Only say what is missing at the target" },
	{ "timeout", KEY_TIMEOUT, ARGUMENT_REQUIRED, "SECONDS", "How long the target may be silent, or away during the hand-over (default 120)" },
	{ "stop-timeout", KEY_STOP_TIMEOUT, ARGUMENT_REQUIRED, "SECONDS", "Without --online: kill it when it has not stopped after SECONDS (default 60)" },
	{ "passes", KEY_PASSES, ARGUMENT_REQUIRED, "NUMBER", "At most so many passes over files and memory while it runs (default 5)" },
	{ "resume", KEY_RESUME, ARGUMENT_NONE, NULL, "Go on with a migration that was cut off" },
	{ "abort", KEY_ABORT, ARGUMENT_NONE, NULL, "Take back a migration that was cut off; one that has arrived is ended" },
	{ "force", KEY_FORCE, ARGUMENT_NONE, NULL, "With --abort: although the target knows nothing of it any more" },
	{ "receive", KEY_RECEIVE, ARGUMENT_NONE, NULL, "Be the other end, on standard input and output" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_number(const struct call *call, const char *value, int *ret)
{
	if (text_to_i32(value, ret) == 0 && *ret > 0)
		return 0;
	tool_error(call, "'%s' is no number above 0", value);
	return -1;
}

static int take_option(struct call *call, int key, const char *value)
{
	struct migrate_state *state = call->state;
	int number = 0;
	switch (key) {
	case 't':
		state->host = value;
		return 0;
	case KEY_VIA:
		state->via = value;
		return 0;
	case KEY_TARGET_PATH:
		state->target_path = value;
		return 0;
	case KEY_ONLINE:
		state->request.online = true;
		return 0;
	case KEY_NO_LAZY:
		state->request.no_lazy = true;
		return 0;
	case KEY_SHARED:
		state->request.shared = true;
		return 0;
	case KEY_KEEP:
		state->request.keep = true;
		return 0;
	case KEY_CHECK:
		state->request.check = true;
		return 0;
	case KEY_TIMEOUT:
		return take_number(call, value, &state->request.timeout_s);
	case KEY_STOP_TIMEOUT:
		return take_number(call, value, &state->request.stop_timeout_s);
	case KEY_PASSES:
		if (take_number(call, value, &number) < 0)
			return -1;
		state->request.passes_max = (unsigned)number;
		return 0;
	case KEY_FORCE:
		state->request.force = true;
		return 0;
	case KEY_RECEIVE:
		state->is_receiver = true;
		return 0;
	default:
		state->act = key == KEY_RESUME ? EXTRA_MIGRATE_RESUME : EXTRA_MIGRATE_ABORT;
		return 0;
	}
}

/* ---- what the user sees ---- */

static void print_pages(const struct migrate_progress *progress)
{
	if (progress->duration_us)
		printf("pages: done in %" PRIu64 " ms\n", progress->duration_us / 1000);
	else
		printf("pages: %" PRIu64 " MiB to fill\n", progress->bytes >> 20);
	fflush(stdout);
}

static void print_progress(void *data, const struct migrate_progress *progress)
{
	const struct call *call = data;
	if (call->quiet)
		return;
	if (strcmp(progress->step, "pages") == 0) {
		print_pages(progress);
		return;
	}
	printf("%s", progress->step);
	if (progress->pass)
		printf(" pass %u", progress->pass);
	if (progress->duration_us)
		printf(": %" PRIu64 " entries, %" PRIu64 " bytes, %" PRIu64 " ms", progress->entries, progress->bytes,
			progress->duration_us / 1000);
	if (progress->estimated_freeze_us)
		printf(", estimated freeze %" PRIu64 " ms", progress->estimated_freeze_us / 1000);
	putchar('\n');
	fflush(stdout);
}

static void print_line(void *data, const char *line)
{
	tool_error(data, "%s", line);
}

static void print_result(const struct call *call, const struct migrate_result *result)
{
	const struct migrate_state *state = call->state;
	if (call->quiet || state->request.check)
		return;
	if (result->is_here)
		printf("it is here\n");
	else
		printf("moved in %" PRIu64 " ms, frozen %" PRIu64 " ms, %" PRIu64 " bytes\n", result->total_us / 1000,
			result->frozen_us / 1000, result->bytes);
}

/* ---- the two ends ---- */

/* The stream must not get into what is started here: standard input and output become others. */
static int receive(const struct call *call)
{
	char message[1024] = "";
	auto_close int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	auto_close int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (in < 0 || out < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		tool_error(call, "take the stream: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	process_outlive_signal(SIGPIPE);
	if (extra_migrate_receive(call->lxcpath, in, out, message, sizeof(message)) >= 0)
		return EXIT_SUCCESS;
	tool_error(call, "%s", message);
	return EXIT_FAILURE;
}

static int migrate(struct call *call, enum extra_migration act)
{
	struct migrate_state *state = call->state;
	struct migrate_result result = { 0 };
	struct lxc_container *c = tool_container(call, false);
	if (!c)
		return EXIT_FAILURE;
	int r = extra_migrate(c, act, &state->request, &result);
	if (r < 0)
		tool_error(call, "%s", c->error_string ?: "can not migrate the container");
	else if (act != EXTRA_MIGRATE_SETTLE)
		print_result(call, &result);
	lxc_container_put(c);
	return r == -EHOSTUNREACH ? STATUS_ON_ITS_WAY : r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A process of its own does the work: when it is killed, this one sees that the container runs on one side. */
static int guard(struct call *call)
{
	const struct migrate_state *state = call->state;
	int status = 0;
	pid_t worker = fork();
	process_outlive_signal(SIGPIPE);
	if (worker == 0)
		exit(migrate(call, state->act)); /* with all that it has printed */
	if (worker < 0) {
		tool_error(call, "fork: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	process_outlive_signal(SIGINT);
	process_outlive_signal(SIGTERM);
	process_outlive_signal(SIGHUP);
	(void)process_wait(worker, &status);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	tool_error(call, "the migration was killed by signal %d, looking where the container is", WTERMSIG(status));
	status = migrate(call, EXTRA_MIGRATE_SETTLE);
	return status == EXIT_SUCCESS ? EXIT_FAILURE : status;
}

/* A word that no shell changes. */
static int quote(const char *word, char **ret)
{
	size_t size;
	*ret = NULL;
	FILE *out = open_memstream(ret, &size);
	if (!out)
		return -ENOMEM;
	for (fputc('\'', out); *word; word++)
		*word == '\'' ? fputs("'\\''", out) : fputc(*word, out);
	fputc('\'', out);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

/* The words behind HOST go through the shell there once more. */
static int ssh_command(const struct migrate_state *state, char **ret)
{
	auto_free char *host = NULL, *path = NULL, *remote = NULL, *quoted = NULL;
	int r = quote(state->host, &host);
	if (r == 0 && state->target_path) {
		r = quote(state->target_path, &path);
		r = r ?: text_format(&remote, "lxc-migrate --receive -P %s", path);
	} else {
		r = r ?: text_format(&remote, "lxc-migrate --receive");
	}
	r = r ?: quote(remote, &quoted);
	return r ?: text_format(ret, "exec ssh -o BatchMode=yes -o ServerAliveInterval=15 -- %s %s", host, quoted);
}

static int run(struct call *call)
{
	struct migrate_state *state = call->state;
	struct migrate_request *request = &state->request;
	auto_free char *command = NULL;
	if (state->is_receiver)
		return receive(call);
	if (!call->name && call->argument_count > 0)
		call->name = call->arguments[0];
	if (!call->name || (state->act == EXTRA_MIGRATE_SEND && !state->host == !state->via) || (state->host && state->via)) {
		tool_error(call, call->name ? "say where to: either --to HOST or --via COMMAND" : "No container name specified");
		return EXIT_FAILURE;
	}
	if (state->host && ssh_command(state, &command) < 0)
		return EXIT_FAILURE;
	request->via = command ?: state->via;
	request->timeout_s = request->timeout_s ?: 120;
	request->stop_timeout_s = request->stop_timeout_s ?: 60;
	request->passes_max = request->passes_max ?: 5;
	request->progress = print_progress;
	request->tell = print_line;
	request->data = call;
	return request->check ? migrate(call, state->act) : guard(call);
}

const struct tool lxc_migrate_tool = {
	.name = "lxc-migrate",
	.summary = "Move a container to another host",
	.usage = "-n NAME --to HOST|--via COMMAND [--online] [OPTION]...",
	.options = options,
	.description = "Sends configuration, root file system and, with --online, the memory of a running container to another host, most "
		       "of it in passes while it runs, and hands it over: it runs there then and is removed here. Before anything is "
		       "changed the hosts are compared; what is missing at the target is said (with --check nothing else is done)."
		       "\n\nWhatever is killed or lost on the way, one copy runs, with all its data, or can be made to: until the "
		       "configuration here is renamed to config.migrated, this host has the container; from the moment that the target "
		       "has renamed its config.incoming to config, the target has it. In between only the target knows: then the command "
		       "asks it again until the timeout, and ends with status 3 if it could not. lxc-migrate --resume or --abort goes "
		       "on from there when the target can be reached; before it was answered neither host runs the container."
		       "\n\nThe target's end is lxc-migrate --receive, which ssh runs as the user who must be root there.\n\nThe exit "
		       "status is 0 when it was done, 3 when the container is on its way and the target could not be asked, else 1: "
		       "then the container is here, as it was.",
	.option = take_option,
	.run = run,
	.takes_arguments = true,
	.no_name = true,
	.state_size = sizeof(struct migrate_state),
};
