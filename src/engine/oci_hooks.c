/* Hooks of an OCI bundle: a program with exactly the given arguments and environment, the state on its input. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "engine/oci.h"
#include "kernel/clone.h"
#include "kernel/pidfd.h"

static const char *const moments[OCI_MOMENTS] = { "prestart", "createRuntime", "createContainer", "startContainer", "poststart",
	"poststop" };

bool oci_has_hooks(const struct spec *spec, enum oci_moment moment)
{
	vector_for_each (hook, &spec->oci.hooks)
		if (hook->moment == moment)
			return true;
	return false;
}

/* A file in memory: a hook that does not read its input, or writes without an end, can not block us. */
static int open_memory(const char *name, const char *text)
{
	auto_close int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	int r = text ? write_full(fd, text, strlen(text)) : 0;
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? r : take_fd(&fd);
}

/* Where a hook's output goes: a file that an annotation names, else memory, for the error line. */
static int open_output(const struct spec *spec, const char *name)
{
	const char *path = oci_annotation(spec, name);
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	return fd >= 0 ? fd : open_memory("output", NULL);
}

/* NULL-ended view of a list that stays. */
static int end_list(struct string_list *list)
{
	if (!vector_add(list))
		return -ENOMEM;
	list->count--;
	return 0;
}

static void become_hook(const struct spec_oci_hook *hook, const int fds[3]) __attribute__((noreturn));

static void become_hook(const struct spec_oci_hook *hook, const int fds[3])
{
	char *none[] = { NULL };
	sigset_t empty;

	sigemptyset(&empty);
	(void)sigprocmask(SIG_SETMASK, &empty, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			_exit(126);
	execve(hook->path, hook->argv.items, hook->environment.count ? hook->environment.items : none);
	dprintf(STDERR_FILENO, "%s\n", strerror(errno));
	_exit(127);
}

static void last_line(int fd, char *buffer, size_t size)
{
	char text[1024];
	ssize_t n = lseek(fd, 0, SEEK_END);

	buffer[0] = '\0';
	off_t from = n > (ssize_t)sizeof(text) - 1 ? n - ((ssize_t)sizeof(text) - 1) : 0;
	n = n < 0 ? n : pread(fd, text, sizeof(text) - 1, from);
	if (n <= 0)
		return;
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\0'))
		n--;
	text[n] = '\0';
	char *line = strrchr(text, '\n');
	(void)snprintf(buffer, size, "%.*s", (int)size - 1, line ? line + 1 : text);
}

static int wait_for_hook(const struct spec_oci_hook *hook, pid_t pid, int pidfd, int *ret_status)
{
	int r = hook->timeout ? pidfd_wait(pidfd, (int)(hook->timeout > 1000000 ? 1000000 : hook->timeout) * 1000) : 0;

	if (r == -ETIMEDOUT)
		(void)pidfd_send_signal_number(pidfd, SIGKILL); /* our child: it is there */
	int waited = process_wait(pid, ret_status);
	return r < 0 ? r : waited;
}

static int run_hook(const struct spec *spec, struct spec_oci_hook *hook, const char *state, struct error *err)
{
	char line[160];
	int status = 0;
	auto_close int in_fd = open_memory("state", state);
	auto_close int out_fd = open_output(spec, "run.oci.hooks.stdout");
	auto_close int err_fd = open_output(spec, "run.oci.hooks.stderr");
	auto_close int pidfd = -1;
	struct clone_request request = { .cgroup_fd = -1, .pidfd = &pidfd };

	if (in_fd < 0 || out_fd < 0 || err_fd < 0 || end_list(&hook->argv) < 0 || end_list(&hook->environment) < 0)
		return spec_error(err, ENOMEM, spec, &hook->origin, "run hook %s", hook->path);
	pid_t pid = clone_process(&request);
	if (pid == 0)
		become_hook(hook, (const int[]){ in_fd, out_fd, err_fd });
	if (pid < 0)
		return spec_error(err, (int)pid, spec, &hook->origin, "run hook %s", hook->path);
	int r = wait_for_hook(hook, pid, pidfd, &status);
	if (r == -ETIMEDOUT)
		return spec_error(err, r, spec, &hook->origin, "%s hook %s took longer than %u s", moments[hook->moment], hook->path,
			hook->timeout);
	if (r == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	last_line(err_fd, line, sizeof(line));
	r = spec_error(err, EINVAL, spec, &hook->origin, "%s hook %s ended with %s %d%s%s", moments[hook->moment], hook->path,
		WIFEXITED(status) ? "status" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
		*line ? ": " : "", line);
	err->errnum = 0;
	return r;
}

int oci_run_hooks(const struct spec *spec, enum oci_moment moment, enum oci_status status, pid_t pid, struct error *err)
{
	auto_free char *state = NULL;
	int r = 0;

	if (!oci_has_hooks(spec, moment))
		return 0;
	if (oci_state_text(spec, status, pid, 0, false, &state) < 0)
		return error_set(err, ENOMEM, "run the %s hooks", moments[moment]);
	vector_for_each (hook, &spec->oci.hooks) {
		if (hook->moment != moment)
			continue;
		struct error fault = { 0 };
		int hook_r = run_hook(spec, hook, state, &fault);
		if (hook_r < 0 && moment == OCI_POSTSTOP)
			oci_report(spec, &fault); /* the others run nevertheless */
		else if (hook_r < 0 && r == 0) {
			*err = fault;
			return hook_r;
		}
	}
	return r;
}
