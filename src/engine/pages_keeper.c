/* The keeper of criu's page server: it sees its end before the container could. */
#include "engine/pages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/checkpoint.h"
#include "engine/criu.h"
#include "engine/restore.h"
#include "engine/start.h"
#include "kernel/pidfd.h"

#define SERVER_LOG    "lazy-pages.log"
#define SERVER_SOCKET "lazy-pages.socket" /* criu's own name */

enum { READY_MS = 10000, END_MS = 60000 };

struct keeper {
	struct start *start; /* a copy of the supervisor's */
	int channel_fd;	     /* to it; -1: it is gone, or has left us alone */
	int run_fd, pages_fd;
	int ready_fd;	/* criu writes a byte when it listens; -1 afterwards */
	int signal_fd;
	int init_pidfd; /* from pages_go on */
	pid_t server_pid;
	bool has_listened; /* before it nothing could depend on it */
	bool has_gone;	   /* pages_go has come */
	bool is_done;	   /* the container has ended before: the server is of no use */
	bool is_judged;	   /* it is known how the server ends */
	struct error fault;
};

/* ---- the beginning ---- */

/* The supervisor's lock, sockets and terminals must not live on in here. */
static void close_others(const int *kept, size_t count)
{
	auto_closedir DIR *dir = opendir("/proc/self/fd");

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		int fd = atoi(entry->d_name);
		bool is_kept = fd <= STDERR_FILENO || fd == dirfd(dir);
		for (size_t i = 0; i < count; i++)
			is_kept |= fd == kept[i];
		if (!is_kept)
			close(fd);
	}
}

static int open_files(struct keeper *keeper)
{
	struct start *start = keeper->start;
	const int kept[] = { keeper->channel_fd, start->dir.fd, start->log ? start->log->fd : -1 };
	sigset_t signals;

	close_others(kept, sizeof(kept) / sizeof(*kept));
	keeper->run_fd = openat(start->dir.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(start->dir.fd); /* with its lock */
	if (keeper->run_fd < 0)
		return -errno;
	keeper->pages_fd = openat(keeper->run_fd, PAGES_FILE, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (keeper->pages_fd < 0 || flock(keeper->pages_fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	sigfillset(&signals);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	keeper->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return keeper->signal_fd < 0 ? -errno : 0;
}

static int say(const struct keeper *keeper, const char *text)
{
	return ftruncate(keeper->pages_fd, 0) < 0 || pwrite(keeper->pages_fd, text, strlen(text), 0) < 0 ? -errno : 0;
}

/* The out of memory killer would take the container with it. */
static void protect(void)
{
	(void)file_write(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY, 0, "-1000", 5); /* in vain without CAP_SYS_RESOURCE */
}

static void build_call(const struct keeper *keeper, struct criu_call *call, int ready_fd)
{
	const struct restore *restore = keeper->start->restore;

	criu_begin(call, restore->criu, "lazy-pages", restore->directory, SERVER_LOG, restore->verbose);
	criu_add(call, "--work-dir");
	criu_add(call, "%s", restore->work);
	criu_add(call, "--status-fd");
	criu_add(call, "%d", ready_fd);
	call->kept_fd = keeper->pages_fd; /* with its lock */
}

static _Noreturn void become_server(const struct keeper *keeper, int go_fd, int ready_fd)
{
	struct criu_call call = { 0 };
	struct error err;
	char byte;

	build_call(keeper, &call, ready_fd);
	if (read(go_fd, &byte, 1) == 1) /* once it is traced */
		(void)criu_exec(&call, ready_fd, &err);
	_exit(127);
}

static int start_server(struct keeper *keeper, struct error *err)
{
	int go[2], ready[2];

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(ready, O_CLOEXEC) < 0)
		return error_set(err, errno, "start the page server");
	keeper->server_pid = fork();
	if (keeper->server_pid == 0) {
		close(go[1]);
		become_server(keeper, go[0], ready[1]);
	}
	if (keeper->server_pid < 0)
		return error_set(err, errno, "start the page server");
	close(go[0]);
	close(ready[1]);
	keeper->ready_fd = ready[0];
	if (ptrace(PTRACE_SEIZE, keeper->server_pid, NULL, (void *)(uintptr_t)PTRACE_O_TRACEEXIT) < 0)
		return error_set(err, errno, "watch the page server");
	ssize_t n = write(go[1], "", 1);
	close(go[1]);
	return n < 0 ? error_set(err, errno, "start the page server") : 0;
}

/* ---- the end ---- */

/* Everything in the container, while the server still has all that it had. */
static void kill_container(struct keeper *keeper)
{
	struct run_state state;
	struct cgroup_set cgroups = { 0 };

	if (run_state_read(keeper->run_fd, &state) < 0)
		return;
	auto_close int pidfd = run_state_open_init(&state);
	if (pidfd >= 0)
		(void)pidfd_send_signal_number(pidfd, SIGKILL); /* with it all of its pid namespace */
	if (state.cgroups && cgroup_set_from_text(&cgroups, state.cgroups) == 0) {
		(void)cgroup_kill(&cgroups);
		cgroup_set_clear(&cgroups);
	}
	if (pidfd >= 0)
		(void)pidfd_wait(pidfd, END_MS);
	run_state_clear(&state);
}

static bool container_is_gone(const struct keeper *keeper)
{
	return keeper->is_done || (keeper->init_pidfd >= 0 && pidfd_wait(keeper->init_pidfd, 0) == 0);
}

/* Fills keeper->fault. */
static void find_reason(struct keeper *keeper, int status)
{
	auto_free char *log = NULL, *what = NULL;
	const char *name = keeper->start->id.name;

	if (text_format(&log, "%s/" SERVER_LOG, keeper->start->restore->work) < 0 ||
		text_format(&what, keeper->has_listened ? "%s was ended, for its memory could not be filled" :
							  "serve the memory of %s", name) < 0)
		return;
	(void)criu_tell_failure(status, log, what, &keeper->fault);
}

static void fail(struct keeper *keeper, int status)
{
	auto_free char *text = NULL;
	char line[1200];

	kill_container(keeper);
	find_reason(keeper, status);
	error_render(&keeper->fault, line, sizeof(line));
	log_error(keeper->start->log, "%s", line);
	if (text_format(&text, "failed %s\n", line) >= 0)
		(void)say(keeper, text);
}

/* status: of the server, which still exists when it is traced. */
static void judge(struct keeper *keeper, int status)
{
	if (keeper->is_judged)
		return;
	keeper->is_judged = true;
	if (status == 0)
		(void)say(keeper, "done\n");
	else if (container_is_gone(keeper))
		(void)say(keeper, "ended\n");
	else if (!keeper->has_listened)
		find_reason(keeper, status);
	else
		fail(keeper, status);
}

/* One change of the server's state; ptrace(2), PTRACE_SEIZE: signals are passed on, a stop of it is one. */
static void follow(struct keeper *keeper, int status)
{
	pid_t pid = keeper->server_pid;
	int signal = WSTOPSIG(status), event = status >> 16;
	bool is_stop = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
	unsigned long end = 0;

	if (!WIFSTOPPED(status)) {
		judge(keeper, status);
		keeper->server_pid = 0;
	} else if (event == PTRACE_EVENT_EXIT) {
		if (ptrace(PTRACE_GETEVENTMSG, pid, NULL, &end) == 0)
			judge(keeper, (int)end);
		(void)ptrace(PTRACE_CONT, pid, NULL, NULL); /* it may be gone by now */
	} else if (event == PTRACE_EVENT_STOP) {
		(void)ptrace(is_stop ? PTRACE_LISTEN : PTRACE_CONT, pid, NULL, NULL);
	} else {
		(void)ptrace(PTRACE_CONT, pid, NULL, (void *)(uintptr_t)signal);
	}
}

static void trace(struct keeper *keeper)
{
	struct signalfd_siginfo info;
	int status;

	while (read(keeper->signal_fd, &info, sizeof(info)) > 0)
		;
	while (keeper->server_pid > 0 && waitpid(keeper->server_pid, &status, WNOHANG | __WALL) > 0)
		follow(keeper, status);
}

/* ---- between ---- */

static void tell(const struct keeper *keeper, enum message_kind kind)
{
	struct message message = { .kind = kind, .error = keeper->fault };

	if (keeper->channel_fd >= 0)
		(void)message_send(keeper->channel_fd, &message); /* then it is gone */
}

static void stop_server(struct keeper *keeper)
{
	if (keeper->server_pid > 0)
		kill(keeper->server_pid, SIGKILL);
}

/* The container has ended. */
static void end_server(struct keeper *keeper)
{
	keeper->is_done = true;
	stop_server(keeper);
}

static void take_ready(struct keeper *keeper)
{
	char byte;

	keeper->has_listened = read(keeper->ready_fd, &byte, 1) == 1;
	if (keeper->has_listened)
		tell(keeper, MESSAGE_READY);
	else
		stop_server(keeper); /* it is about to end */
	close_fd(&keeper->ready_fd);
}

/* The restore has ended, or the supervisor has. */
static void take_word(struct keeper *keeper)
{
	struct message message;
	struct run_state state;

	if (message_receive(keeper->channel_fd, &message) < 0) {
		close_fd(&keeper->channel_fd);
		if (!keeper->has_gone) {
			kill_container(keeper);
			end_server(keeper);
		}
		return;
	}
	keeper->has_gone = true;
	if (run_state_read(keeper->run_fd, &state) < 0)
		return;
	keeper->init_pidfd = run_state_open_init(&state);
	run_state_clear(&state);
	if (keeper->init_pidfd < 0)
		end_server(keeper); /* it has ended already */
}

static void watch(struct keeper *keeper)
{
	while (keeper->server_pid > 0) {
		struct pollfd fds[] = { { keeper->signal_fd, POLLIN, 0 }, { keeper->ready_fd, POLLIN, 0 },
			{ keeper->channel_fd, POLLIN, 0 }, { keeper->init_pidfd, POLLIN, 0 } };
		int count = poll(fds, 4, keeper->ready_fd >= 0 ? READY_MS : -1);
		if (count == 0)
			stop_server(keeper);
		if (count <= 0)
			continue;
		if (fds[0].revents)
			trace(keeper);
		if (fds[1].revents)
			take_ready(keeper);
		if (fds[2].revents)
			take_word(keeper);
		if (fds[3].revents) {
			close_fd(&keeper->init_pidfd);
			end_server(keeper);
		}
	}
}

static int run(struct keeper *keeper)
{
	struct error *err = &keeper->fault;
	char line[64];
	int r = open_files(keeper);

	if (r < 0)
		return error_set(err, r, "prepare the keeper of the pages");
	protect();
	snprintf(line, sizeof(line), "filling %" PRIu64 "\n", checkpoint_memory_bytes(keeper->start->restore->directory));
	r = say(keeper, line);
	r = r < 0 ? error_set(err, r, "write %s in the run directory", PAGES_FILE) : start_server(keeper, err);
	if (r < 0)
		stop_server(keeper);
	else
		watch(keeper);
	return r;
}

/* "[lxc monitor] PATH NAME" is the supervisor's: whoever looks for that must not find this one. */
static void show_title(void)
{
	char *word = strstr(program_invocation_name, "monitor]");

	if (word)
		memcpy(word, "  pages]", strlen("monitor]"));
}

void pages_keep(struct start *start, int channel_fd)
{
	struct keeper keeper = { .start = start, .channel_fd = channel_fd, .run_fd = -1, .pages_fd = -1, .ready_fd = -1,
		.signal_fd = -1, .init_pidfd = -1 };
	auto_free char *socket = NULL;

	(void)setsid(); /* a fresh child is no session leader */
	(void)prctl(PR_SET_NAME, "wabe-pages");
	show_title();
	if (run(&keeper) < 0 || keeper.fault.kind != ERROR_NONE)
		tell(&keeper, MESSAGE_ERROR); /* who still waits for the server hears why there is none */
	if (text_format(&socket, "%s/" SERVER_SOCKET, start->restore->work) >= 0)
		(void)unlink(socket); /* may be another's by now, who has listened once and needs it no more */
	_exit(EXIT_SUCCESS);
}
