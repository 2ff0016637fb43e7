/* criu as a child process: command line, stages, reason of a failure. */
#include "engine/criu.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/paths.h"
#include "base/process.h"

#define STANDSTILL_S 10

char *criu_program(const char *wanted)
{
	const char *variable = getenv("WABE_CRIU");

	return strdup(wanted && *wanted ? wanted : variable && *variable ? variable : "criu");
}

void criu_add(struct criu_call *call, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list arguments;

	va_start(arguments, fmt);
	int r = text_vformat(&text, fmt, arguments);
	va_end(arguments);
	if (r < 0 || string_list_add(&call->words, text) < 0)
		call->is_broken = true;
}

void criu_clear(struct criu_call *call)
{
	string_list_clear(&call->words);
}

void criu_begin(struct criu_call *call, const char *program, const char *command, const char *directory, const char *log,
	bool verbose)
{
	criu_add(call, "%s", program);
	criu_add(call, "%s", command);
	criu_add(call, "--images-dir");
	criu_add(call, "%s", directory);
	criu_add(call, "--log-file");
	criu_add(call, "%s", log);
	criu_add(call, verbose ? "-v4" : "-v3");
}

void criu_add_action(struct criu_call *call, const char *user_script)
{
	criu_add(call, "--action-script");
	criu_add(call, "%s", WABE_CRIU_ACTION);
	if (!user_script)
		return;
	criu_add(call, "--action-script");
	criu_add(call, "%s", user_script);
}

void criu_add_limits(struct criu_call *call, const struct checkpoint_limits *limits, bool closes_tcp)
{
	if (closes_tcp || !limits->no_connections)
		criu_add(call, closes_tcp ? "--tcp-close" : "--tcp-established");
	if (!limits->no_file_locks)
		criu_add(call, "--file-locks");
	if (!limits->no_outside_sockets)
		criu_add(call, "--ext-unix-sk");
	if (limits->no_network) {
		criu_add(call, "--empty-ns");
		criu_add(call, "net");
	}
	criu_add(call, "--link-remap");
}

static int keep_over_exec(int fd)
{
	return fcntl(fd, F_SETFD, 0) < 0 ? -errno : 0;
}

static int own_standard_fds(void)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3; fd++)
		if (null_fd < 0 || dup2(null_fd, fd) < 0)
			return -errno;
	return 0;
}

int criu_exec(struct criu_call *call, int channel_fd, struct error *err)
{
	char number[16];

	if (call->is_broken || !vector_add(&call->words)) /* the closing NULL */
		return error_set(err, ENOMEM, "make the command line of criu");
	call->words.count--;
	snprintf(number, sizeof(number), "%d", channel_fd);
	if (own_standard_fds() < 0 || keep_over_exec(channel_fd) < 0 ||
		(call->kept_fd > 0 && keep_over_exec(call->kept_fd) < 0) || setenv(CRIU_ACTION_FD, number, 1) < 0)
		return error_set(err, errno, "prepare criu");
	process_reset_signals();
	execvp(call->words.items[0], call->words.items);
	int r = error_set(err, errno, "execute %s", call->words.items[0]);
	error_hint(err, "install criu, or name one by WABE_CRIU or wabe.criu in lxc.conf");
	return r;
}

/* The child's failure comes back through the channel, as a stage's name that criu does not have. */
static void run_child(void *data, int channel_fd)
{
	struct criu_call *call = data;
	struct criu_stage stage = { .name = "exec" };
	struct error err;

	(void)setsid(); /* a fresh child is no session leader */
	stage.init_pid = criu_exec(call, channel_fd, &err);
	(void)!write(channel_fd, &stage, sizeof(stage)); /* the parent may be gone */
	_exit(127);
}

int criu_fork(void (*run)(void *data, int channel_fd), void *data, struct criu_process *ret, struct error *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "talk to criu");
	pid_t pid = fork();
	if (pid == 0)
		run(data, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return error_set(err, errno, "start criu");
	}
	*ret = (struct criu_process){ .pid = pid, .channel_fd = pair[0] };
	return 0;
}

int criu_spawn(struct criu_call *call, struct criu_process *ret, struct error *err)
{
	return criu_fork(run_child, call, ret, err);
}

/* ---- why it failed ---- */

/* "(00.123) 17: Error (criu/x.c:12): REASON": the reason, or NULL. What criu gets along without is none. */
static const char *reason_of(char *line)
{
	static const char *const harmless[] = { "rlimit: Can't setup RLIMIT_NOFILE", "cgroupd: ", "Dumping FAILED",
		"Restoring FAILED", "Can't remove the directory", "Can't stop the cgroup", "was not completely restored" };
	char *error = strstr(line, "Error (");
	char *end = error ? strstr(error, "): ") : NULL;

	if (!end)
		return NULL;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		if (strstr(end, harmless[i]))
			return NULL;
	return end + strlen("): ");
}

/* The first error that the log has: those behind it follow from it. malloc'ed or NULL. */
static char *find_reason(const char *log)
{
	auto_fclose FILE *file = fopen(log, "re");
	auto_free char *line = NULL;
	size_t capacity = 0;

	while (file && getline(&line, &capacity, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		const char *reason = reason_of(line);
		if (reason)
			return strdup(reason);
	}
	return NULL;
}

int criu_tell_failure(int status, const char *log, const char *what, struct error *err)
{
	auto_free char *reason = find_reason(log);

	if (reason)
		(void)error_set_kind(err, ERROR_KERNEL, 0, "%s: criu: %.300s", what, reason);
	else if (WIFSIGNALED(status))
		(void)error_set_kind(err, ERROR_KERNEL, 0, "%s: criu was ended by signal %d", what, WTERMSIG(status));
	else
		(void)error_set_kind(err, ERROR_KERNEL, 0, "%s: criu ended with status %d", what, WEXITSTATUS(status));
	return error_hint(err, "see %.180s", log);
}

/* ---- its stages ---- */

/* A number that grows whenever it runs; 0: it does run, or something runs for it, or nobody knows. */
static uint64_t turns_asleep(pid_t pid)
{
	char path[64];
	auto_free char *children = NULL, *status = NULL;
	size_t length;
	unsigned long long given = 0, taken = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	if (file_read(AT_FDCWD, path, 65536, &children, &length) < 0 || *children)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read(AT_FDCWD, path, 65536, &status, &length) < 0 || !strstr(status, "\nState:\tS"))
		return 0;
	const char *line = strstr(status, "\nvoluntary_ctxt_switches:");
	if (!line || sscanf(line, "\nvoluntary_ctxt_switches: %llu nonvoluntary_ctxt_switches: %llu", &given, &taken) != 2)
		return 0;
	return given + taken;
}

/*
 * Once all processes are made, criu makes them go on one by one. When one of them fails there, for lack of its AppArmor
 * profile, say, criu waits for ever: for that one's turn, or for an init that itself waits for a dead child which criu, as
 * its tracer, would have to reap. Then criu is ended: that lets go of all.
 */
static bool await_stage(const struct criu_process *process)
{
	struct pollfd fd = { .fd = process->channel_fd, .events = POLLIN };
	uint64_t before = 0;

	for (int still = 0; still < STANDSTILL_S;) {
		if (poll(&fd, 1, 1000) != 0)
			return true; /* recv says what */
		uint64_t now = turns_asleep(process->pid);
		still = now && now == before ? still + 1 : 0;
		before = now;
	}
	(void)kill(process->pid, SIGKILL);
	return false;
}

static int tell_standstill(const char *log, const char *what, struct error *err)
{
	auto_free char *reason = find_reason(log);

	(void)error_set_kind(err, ERROR_KERNEL, 0, "%s: criu: %.300s", what, reason ?: "stood still, and was ended");
	return error_hint(err, "see %.180s", log);
}

int criu_serve(struct criu_process *process, int (*serve)(const struct criu_stage *stage, void *data, struct error *err),
	void *data, const char *log, const char *what, struct error *err)
{
	struct criu_stage stage;
	int status = 0, failed = 0;
	bool is_made = false, moves = true;
	ssize_t n;

	while ((moves = !is_made || process->is_patient || await_stage(process)) &&
		(n = recv(process->channel_fd, &stage, sizeof(stage), 0)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(stage))
			break;
		if (strcmp(stage.name, "exec") == 0) {
			failed = error_set(err, stage.init_pid, "execute criu");
			error_hint(err, "install criu, or name one by WABE_CRIU or wabe.criu in lxc.conf");
			break;
		}
		int r = failed ?: serve(&stage, data, err);
		failed = failed ?: r;
		is_made |= strcmp(stage.name, "post-restore") == 0;
		unsigned char answer = failed != 0;
		(void)!send(process->channel_fd, &answer, 1, MSG_NOSIGNAL); /* if it is gone, wait tells */
	}
	close_fd(&process->channel_fd);
	int r = process_wait(process->pid, &status);
	if (failed < 0)
		return failed;
	if (r < 0)
		return error_set(err, r, "wait for criu");
	if (!moves)
		return tell_standstill(log, what, err);
	return status == 0 ? 0 : criu_tell_failure(status, log, what, err);
}

int criu_ask(char *const *argv, bool wants_errors, char *answer, size_t size)
{
	int pipe_fds[2], status;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	int r = process_spawn(argv, NULL, (int[3]){ -1, pipe_fds[1], wants_errors ? pipe_fds[1] : -1 }, &pid);
	close(pipe_fds[1]);
	auto_free char *text = NULL;
	size_t length = 0;
	if (r == 0 && file_read_fd(pipe_fds[0], 65536, &text, &length) == 0) {
		const char *line = strstr(text, "Error (") ?: text;
		snprintf(answer, size, "%.*s", (int)strcspn(line, "\n"), line);
	}
	close(pipe_fds[0]);
	r = r ?: process_wait(pid, &status);
	return r < 0 ? r : WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}
