/* The keeper of the process that fills memory: it sees its end before the container could. */
#include "engine/pages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/checkpoint.h"
#include "engine/restore.h"
#include "engine/start.h"
#include "kernel/pidfd.h"
#include "memory/memory.h"

enum { END_MS = 60000 };

struct keeper {
	struct start *start; /* a copy of the supervisor's */
	int channel_fd;	     /* to it; -1: it is gone, or has left us alone */
	int run_fd, pages_fd;
	int images_fd, listening_fd; /* the server's */
	int signal_fd;
	int init_pidfd; /* from pages_go on */
	pid_t server_pid;
	bool has_gone; /* pages_go has come */
	bool is_done;  /* the container has ended before: the server is of no use */
	struct error *reason; /* shared with the server */
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

/* criu connects to it. A path below a descriptor is never too long for an address. */
static int listen_for_criu(struct keeper *keeper)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int work_fd = open(keeper->start->restore->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (work_fd < 0 || (unlinkat(work_fd, MEMORY_FILL_SOCKET, 0) < 0 && errno != ENOENT))
		return -errno;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" MEMORY_FILL_SOCKET, work_fd);
	keeper->listening_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (keeper->listening_fd < 0 || bind(keeper->listening_fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(keeper->listening_fd, 1) < 0)
		return -errno;
	return 0;
}

static _Noreturn void become_server(const struct keeper *keeper)
{
	(void)prctl(PR_SET_NAME, "wabe-fill");
	int r = memory_fill(keeper->images_fd, keeper->listening_fd, keeper->reason);

	if (r == 0)
		(void)say(keeper, "done\n");
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* It shares the table of descriptors: none is closed by its end. */
static int start_server(struct keeper *keeper, struct error *err)
{
	const char *directory = keeper->start->restore->directory;
	int r = listen_for_criu(keeper);

	if (r < 0)
		return error_set(err, r, "listen in %s", keeper->start->restore->work);
	keeper->images_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (keeper->images_fd < 0)
		return error_set(err, errno, "open directory %s", directory);
	keeper->reason = mmap(NULL, sizeof(*keeper->reason), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (keeper->reason == MAP_FAILED)
		return error_set(err, errno, "start the page server");
	keeper->server_pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, 0);
	if (keeper->server_pid == 0)
		become_server(keeper);
	return keeper->server_pid < 0 ? error_set(err, errno, "start the page server") : 0;
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
	const char *name = keeper->start->id.name;
	char why[600], what[160];

	(void)snprintf(what, sizeof(what), keeper->has_gone ? "%s was ended, for its memory could not be filled" : "fill the memory of %s",
		name);
	error_render(keeper->reason, why, sizeof(why));
	if (WIFSIGNALED(status))
		(void)error_set_kind(&keeper->fault, ERROR_KERNEL, 0, "%s: wabe-fill was ended by signal %d", what, WTERMSIG(status));
	else
		(void)error_set_kind(&keeper->fault, ERROR_KERNEL, 0, "%s: %s", what, why);
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

/* It has said by itself when all is there. */
static void judge(struct keeper *keeper, int status)
{
	if (status != 0 && container_is_gone(keeper))
		(void)say(keeper, "ended\n");
	else if (status != 0)
		fail(keeper, status);
}

static void reap(struct keeper *keeper)
{
	struct signalfd_siginfo info;
	int status;

	while (read(keeper->signal_fd, &info, sizeof(info)) > 0)
		;
	if (waitpid(keeper->server_pid, &status, WNOHANG) <= 0)
		return;
	keeper->server_pid = 0;
	judge(keeper, status);
}

/* ---- between ---- */

static void tell(const struct keeper *keeper, enum message_kind kind)
{
	struct message message = { .kind = kind, .error = keeper->fault };

	if (keeper->channel_fd >= 0)
		(void)message_send(keeper->channel_fd, &message); /* then it is gone */
}

/* The container has ended. */
static void end_server(struct keeper *keeper)
{
	keeper->is_done = true;
	if (keeper->server_pid > 0)
		kill(keeper->server_pid, SIGKILL);
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
		struct pollfd fds[] = { { keeper->signal_fd, POLLIN, 0 }, { keeper->channel_fd, POLLIN, 0 },
			{ keeper->init_pidfd, POLLIN, 0 } };
		if (poll(fds, 3, -1) <= 0)
			continue;
		if (fds[0].revents)
			reap(keeper);
		if (fds[1].revents)
			take_word(keeper);
		if (fds[2].revents) {
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
		return r;
	tell(keeper, MESSAGE_READY);
	watch(keeper);
	return 0;
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
	struct keeper keeper = { .start = start, .channel_fd = channel_fd, .run_fd = -1, .pages_fd = -1, .images_fd = -1,
		.listening_fd = -1, .signal_fd = -1, .init_pidfd = -1 };
	auto_free char *socket = NULL;

	(void)setsid(); /* a fresh child is no session leader */
	(void)prctl(PR_SET_NAME, "wabe-pages");
	show_title();
	if (run(&keeper) < 0 || keeper.fault.kind != ERROR_NONE)
		tell(&keeper, MESSAGE_ERROR); /* who still waits for the server hears why there is none */
	if (text_format(&socket, "%s/" MEMORY_FILL_SOCKET, start->restore->work) >= 0)
		(void)unlink(socket); /* may be another's by now, who has listened once and needs it no more */
	_exit(EXIT_SUCCESS);
}
