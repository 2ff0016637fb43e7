/* Hooks: /bin/sh -c "exec LINE ARGUMENTS", their environment, their output in the log. */
#include "engine/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/paths.h"
#include "base/process.h"
#include "base/text.h"
#include "kernel/namespace.h"

extern char **environ;

static const char *const moment_names[HOOK_MOMENTS] = { "pre-start", "pre-mount", "mount", "autodev", "start-host",
	"start", "stop", "post-stop", "clone", "destroy" };
static const char *const namespace_variables[NAMESPACE_KINDS] = { "LXC_USER_NS", "LXC_MNT_NS", "LXC_PID_NS",
	"LXC_UTS_NS", "LXC_IPC_NS", "LXC_NET_NS", "LXC_CGROUP_NS", "LXC_TIME_NS" };

bool hooks_has(const struct spec *spec, enum hook_moment moment)
{
	vector_for_each (hook, &spec->hooks.hooks)
		if (hook->moment == moment)
			return true;
	return false;
}

static int add_number(struct string_list *list, const char *name, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", value);
	return text_add_variable(list, name, text);
}

static int add_namespace_variables(struct string_list *list, const struct hook_context *context)
{
	char text[64];
	int r = 0;

	for (int kind = 0; r == 0 && kind < NAMESPACE_KINDS; kind++) {
		if (context->namespace_fds[kind] < 0)
			continue;
		snprintf(text, sizeof(text), "/proc/%d/fd/%d", getpid(), context->namespace_fds[kind]);
		r = text_add_variable(list, namespace_variables[kind], text);
	}
	return r;
}

static int add_list(struct string_list *list, const struct string_list *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (string_list_add(list, from->items[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int build_environment(const struct hook_context *context, enum hook_moment moment, struct string_list *list)
{
	const struct spec *spec = context->spec;
	int r = 0;

	for (char **item = environ; r == 0 && *item; item++)
		if (strncmp(*item, "LXC_", 4) != 0)
			r = string_list_add(list, *item);
	r = r ?: text_add_variable(list, "LXC_NAME", spec->identity.name);
	r = r ?: text_add_variable(list, "LXC_SRC_NAME", context->source_name);
	r = r ?: text_add_variable(list, "LXC_CONFIG_FILE", spec->identity.config_file);
	r = r ?: text_add_variable(list, "LXC_ROOTFS_MOUNT",
		context->rootfs_mount ? context->rootfs_mount :
		spec->rootfs.mount    ? spec->rootfs.mount :
					WABE_ROOTFS_MOUNT);
	r = r ?: text_add_variable(list, "LXC_ROOTFS_PATH", spec->rootfs.path);
	r = r ?: text_add_variable(list, "LXC_CONSOLE", context->console ? context->console : spec->console.path);
	r = r ?: text_add_variable(list, "LXC_CONSOLE_LOGPATH", spec->console.logfile);
	r = r ?: text_add_variable(list, "LXC_CGNS_AWARE", "1");
	r = r ?: text_add_variable(list, "LXC_LOG_LEVEL", spec->log.level ? spec->log.level : "ERROR");
	r = r ?: add_number(list, "LXC_HOOK_VERSION", spec->hooks.version);
	if (context->init_pid > 0)
		r = r ?: add_number(list, "LXC_PID", context->init_pid);
	r = r ?: text_add_variable(list, "LXC_TARGET", context->target);
	r = r ?: text_add_variable(list, "LXC_HOOK_TYPE", moment_names[moment]);
	r = r ?: text_add_variable(list, "LXC_HOOK_SECTION", "lxc");
	if (context->namespace_fds)
		r = r ?: add_namespace_variables(list, context);
	r = r ?: add_list(list, &spec->process.environment);
	return r ?: add_list(list, &spec->process.environment_hooks);
}

static void append(char **line, const char *text)
{
	char *longer = NULL;

	if (!*line || asprintf(&longer, "%s %s", *line, text) < 0)
		longer = NULL;
	free(*line);
	*line = longer;
}

/* The shell's line; NULL: no memory. */
static char *build_line(const struct hook_context *context, const struct spec_hook *hook)
{
	char *line = NULL, text[64];

	if (asprintf(&line, "exec %s", hook->command) < 0)
		return NULL;
	if (context->spec->hooks.version == 0) {
		append(&line, context->spec->identity.name);
		append(&line, "lxc");
		append(&line, moment_names[hook->moment]);
		for (int kind = 0; context->namespace_fds && kind < NAMESPACE_KINDS; kind++) {
			if (context->namespace_fds[kind] < 0)
				continue;
			snprintf(text, sizeof(text), "%s:/proc/%d/fd/%d", namespace_name((enum namespace_kind)kind), getpid(),
				context->namespace_fds[kind]);
			append(&line, text);
		}
	}
	for (char *const *extra = context->extra; extra && *extra; extra++)
		append(&line, *extra);
	return line;
}

/* Reads until the hook closes its output; the last line stays in last. */
static void log_output(const struct hook_context *context, int fd, char *last, size_t size)
{
	auto_fclose FILE *stream = fdopen(fd, "r");
	auto_free char *line = NULL;
	size_t capacity = 0;
	ssize_t n;

	last[0] = '\0';
	while (stream && (n = getline(&line, &capacity, stream)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		log_debug(context->log, "hook output: %s", line);
		if (line[0])
			snprintf(last, size, "%s", line);
	}
}

static int spawn_shell(const char *line, char *const *environment, int output_fd, pid_t *ret_pid)
{
	char shell[] = "/bin/sh", option[] = "-c";
	char *argv[] = { shell, option, (char *)line, NULL };

	return process_spawn(argv, environment, (int[3]){ STDIN_FILENO, output_fd, output_fd }, ret_pid);
}

static int run_hook(const struct hook_context *context, const struct spec_hook *hook, char *const *environment,
	struct error *err)
{
	auto_free char *line = build_line(context, hook);
	char last[160];
	int output[2], status = 0;
	pid_t pid;

	if (!line)
		return error_set(err, ENOMEM, "run hook %s", hook->command);
	if (pipe2(output, O_CLOEXEC) < 0)
		return error_set(err, errno, "run hook %s", hook->command);
	int r = spawn_shell(line, environment, output[1], &pid);
	close(output[1]);
	if (r < 0) {
		close(output[0]);
		return spec_error(err, r, context->spec, &hook->origin, "run hook %s", hook->command);
	}
	log_output(context, output[0], last, sizeof(last));
	(void)process_wait(pid, &status); /* our child: it is there */
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	r = spec_error(err, EINVAL, context->spec, &hook->origin, "%s hook %s ended with %s %d%s%s",
		moment_names[hook->moment], hook->command, WIFEXITED(status) ? "status" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), last[0] ? ": " : "", last);
	if (err)
		err->errnum = 0;
	return r;
}

int hooks_run(const struct hook_context *context, enum hook_moment moment, struct error *err)
{
	struct string_list environment = { 0 };
	int r;

	if (!hooks_has(context->spec, moment))
		return 0;
	r = build_environment(context, moment, &environment);
	if (r == 0 && !vector_add(&environment)) /* the closing NULL */
		r = -ENOMEM;
	if (r < 0)
		error_set(err, r, "run %s hooks", moment_names[moment]);
	vector_for_each (hook, &context->spec->hooks.hooks)
		if (r == 0 && hook->moment == moment)
			r = run_hook(context, hook, environment.items, err);
	string_list_clear(&environment);
	return r;
}

int engine_run_hooks(const struct spec *spec, enum hook_moment moment, const char *source_name, char *const *extra,
	struct error *err)
{
	struct hook_context context = { .spec = spec, .source_name = source_name, .extra = extra };

	return hooks_run(&context, moment, err);
}
