/* Seccomp notifications, from the kernel to the proxy and back (man 2 seccomp_unotify). */
#include "engine/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/paths.h"
#include "base/process.h"
#include "engine/quota.h"
#include "engine/start.h"
#include "kernel/clone.h"
#include "kernel/fd_passing.h"
#include "kernel/pidfd.h"
#include "kernel/seccomp_notify.h"
#include "storage/limit.h"

/* Packet to the proxy: this, the notification, a zeroed answer, the cookie; back comes the same with the
 * answer. */
struct proxy_message {
	uint64_t reserved;
	pid_t monitor_pid, init_pid;
	struct seccomp_notif_sizes sizes;
	uint64_t cookie_length;
};

/* What epoll reports. */
struct source {
	struct listener *listener;
	int fd;
};

struct listener {
	struct listener *next;
	struct source kernel, proxy; /* proxy.fd -1: not connected */
	struct source worker;	     /* a pidfd, or -1: the process that carries a call of a quota out */
	bool is_waiting;	     /* for the answer to id, of the proxy or of the worker */
	uint64_t id;
};

/* ---- the kernel's side ---- */

static int watch(const struct notify *notify, int operation, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };
	return epoll_ctl(notify->epoll_fd, operation, source->fd, &event) < 0 ? -errno : 0;
}

static void await_answer(const struct notify *notify, struct listener *listener, bool is_waiting)
{
	listener->is_waiting = is_waiting;
	(void)watch(notify, EPOLL_CTL_MOD, &listener->kernel,
		is_waiting ? 0 : EPOLLIN); /* it was added: can not fail */
}

static void respond(const struct listener *listener, struct seccomp_notif_resp answer)
{
	answer.id = listener->id;
	seccomp_notify_answer(listener->kernel.fd, &answer);
}

static void refuse(const struct listener *listener)
{
	respond(listener, (struct seccomp_notif_resp){ .error = -ENOSYS });
}

/* ---- the proxy's side ---- */

static int proxy_address(const char *proxy, struct sockaddr_un *address, socklen_t *ret_length)
{
	const char *path = proxy + strlen("unix:"); /* the prefix was checked with the spec */
	size_t length = strlen(path);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (length >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	memcpy(address->sun_path, path, length);
	*ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
	if (*path == '@') {
		address->sun_path[0] = '\0';
		(*ret_length)--;
	}
	return 0;
}

static int connect_proxy(struct start *start, struct listener *listener)
{
	struct sockaddr_un address;
	socklen_t length;
	const char *proxy = start->spec->security.seccomp_notify_proxy;
	int r = proxy ? proxy_address(proxy, &address, &length) : -ENOENT;
	if (r < 0)
		return r;
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, length) < 0)
		return -errno;
	listener->proxy.fd = fd;
	r = watch(&start->notify, EPOLL_CTL_ADD, &listener->proxy, EPOLLIN);
	if (r < 0) {
		listener->proxy.fd = -1;
		return r;
	}
	(void)take_fd(&fd);
	return 0;
}

static int send_or_reconnect(struct start *start, struct listener *listener, struct iovec *parts,
	size_t part_count, const int fds[FD_PASSING_MAX])
{
	if (listener->proxy.fd >= 0 &&
		fd_passing_send(listener->proxy.fd, parts, part_count, fds, FD_PASSING_MAX) == 0)
		return 0;
	close_fd(&listener->proxy.fd); /* the proxy may have been restarted */
	int r = connect_proxy(start, listener);
	return r < 0 ? r : fd_passing_send(listener->proxy.fd, parts, part_count, fds, FD_PASSING_MAX);
}

/* fds: /proc/PID and /proc/PID/mem of who made the call, the listener. -ESRCH: it is gone. */
static int forward(struct start *start, struct listener *listener, struct seccomp_notif *call)
{
	char path[40];
	const char *cookie = start->spec->security.seccomp_notify_cookie;
	struct seccomp_notif_resp answer = { 0 };
	struct proxy_message message = { .monitor_pid = getpid(),
		.init_pid = start->init_pid,
		.sizes = { sizeof(*call), sizeof(answer), sizeof(struct seccomp_data) },
		.cookie_length = cookie ? strlen(cookie) : 0};
	struct iovec parts[] = { { &message, sizeof(message) }, { call, sizeof(*call) }, { &answer, sizeof(answer) },
		{(char *)(uintptr_t)cookie, message.cookie_length}};

	snprintf(path, sizeof(path), "/proc/%u", call->pid);
	auto_close int proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int memory_fd = proc_fd < 0 ? -1 : openat(proc_fd, "mem", O_RDWR | O_CLOEXEC);
	if (memory_fd < 0 || ioctl(listener->kernel.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &listener->id) < 0)
		return -ESRCH; /* the pid may be another's by now */
	const int fds[FD_PASSING_MAX] = { proc_fd, memory_fd, listener->kernel.fd };
	return send_or_reconnect(start, listener, parts, cookie ? 4 : 3, fds);
}

/* ---- calls of quotas ---- */

#define WORKER_SECONDS 5

/*
 * A child does the work and this process looks at the clock: what waits for a file system of FUSE's, whose program has seen the
 * request, can not be killed (fs/fuse/dev.c, request_wait_answer). It ends when that answers, and does nothing any more.
 */
static void carry_out(const struct start *start, const struct listener *listener, const struct seccomp_notif *call)
	__attribute__((noreturn));

static void carry_out(const struct start *start, const struct listener *listener, const struct seccomp_notif *call)
{
	struct seccomp_notif_resp answer = { 0 };
	int pidfd = -1, status = -1;
	struct clone_request request = { .cgroup_fd = -1, .pidfd = &pidfd };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	pid_t pid = clone_process(&request);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		quota_serve(start, listener->kernel.fd, call, &answer);
		respond(listener, answer);
		_exit(0);
	}
	if (pid > 0 && pidfd_wait(pidfd, WORKER_SECONDS * 1000) == 0)
		(void)pidfd_exit_status(pidfd, &status);
	_exit(status == 0 ? 0 : 1);
}

/* What the call names lies in the container, on file systems that may never answer: another process looks it up. */
static int start_worker(struct start *start, struct listener *listener, const struct seccomp_notif *call)
{
	auto_close int pidfd = -1;
	struct clone_request request = { .cgroup_fd = -1, .pidfd = &pidfd };
	pid_t pid = clone_process(&request);

	if (pid == 0)
		carry_out(start, listener, call);
	if (pid < 0)
		return pid;
	listener->worker.fd = pidfd;
	int r = watch(&start->notify, EPOLL_CTL_ADD, &listener->worker, EPOLLIN);
	if (r < 0)
		listener->worker.fd = -1;
	else
		(void)take_fd(&pidfd);
	return r;
}

static void end_worker(struct start *start, struct listener *listener)
{
	int status = 0;

	(void)pidfd_exit_status(listener->worker.fd, &status);
	close_fd(&listener->worker.fd);
	if (status != 0) {
		log_warn(start->log, "a quota call of the container took more than %d s", WORKER_SECONDS);
		respond(listener, (struct seccomp_notif_resp){ .error = -EIO });
	}
	await_answer(&start->notify, listener, false);
}

static void kill_worker(struct listener *listener)
{
	int status;

	if (listener->worker.fd < 0)
		return;
	(void)pidfd_send_signal_number(listener->worker.fd, SIGKILL);
	(void)pidfd_wait(listener->worker.fd, 100);
	(void)pidfd_exit_status(listener->worker.fd, &status); /* not yet ended: the supervisor's end lets go of it */
	close_fd(&listener->worker.fd);
}

/* ---- both ---- */

static void serve_kernel(struct start *start, struct listener *listener)
{
	union seccomp_call received;

	if (seccomp_notify_receive(listener->kernel.fd, &received) < 0)
		return;
	listener->id = received.call.id;
	bool is_quota = quota_is_served(start, &received.call);
	int r = is_quota ? start_worker(start, listener, &received.call) : forward(start, listener, &received.call);
	if (r == 0)
		return await_answer(&start->notify, listener, true);
	log_warn(start->log, "system call %d of process %u: no %s: %s", received.call.data.nr, received.call.pid,
		is_quota ? "process for it" : "seccomp proxy", strerror(-r));
	refuse(listener);
}

static void serve_proxy(struct start *start, struct listener *listener)
{
	struct {
		struct proxy_message message;
		struct seccomp_notif call;
		struct seccomp_notif_resp answer;
		char rest[256]; /* the cookie, if it comes back as well */
	} __attribute__((packed)) packet;
	const size_t least = offsetof(__typeof__(packet), rest);
	ssize_t n = recv(listener->proxy.fd, &packet, sizeof(packet), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		close_fd(&listener->proxy.fd);
	if (!listener->is_waiting)
		return;
	if (n >= (ssize_t)least && packet.answer.id == listener->id) {
		respond(listener, packet.answer);
	} else {
		log_warn(start->log, "the seccomp proxy gave no answer");
		refuse(listener);
	}
	await_answer(&start->notify, listener, false);
}

static void drop(struct notify *notify, struct listener *listener)
{
	struct listener **at = &notify->first;

	while (*at != listener)
		at = &(*at)->next;
	*at = listener->next;
	/* the proxy may have it open still, and then closing it here does not end the watch: epoll(7) */
	(void)epoll_ctl(notify->epoll_fd, EPOLL_CTL_DEL, listener->kernel.fd, NULL);
	kill_worker(listener);
	close_fd(&listener->kernel.fd);
	close_fd(&listener->proxy.fd);
	free(listener);
}

void notify_serve(struct start *start)
{
	struct epoll_event event; /* one: what it says of others may not hold after it was served */

	if (epoll_wait(start->notify.epoll_fd, &event, 1, 0) <= 0)
		return;
	struct source *source = event.data.ptr;
	struct listener *listener = source->listener;
	if (source == &listener->proxy)
		serve_proxy(start, listener);
	else if (source == &listener->worker)
		end_worker(start, listener);
	else if (event.events & EPOLLIN)
		serve_kernel(start, listener);
	else if (event.events & EPOLLHUP)
		drop(&start->notify, listener); /* (5.9) nobody is below the filter any more */
	/* EPOLLERR alone: a signal came while the kernel waited for the filter's lock (kernel/seccomp.c, seccomp_notify_poll) */
}

/* ---- life ---- */

void notify_init(struct notify *notify)
{
	*notify = (struct notify){ .epoll_fd = -1 };
}

void notify_clear(struct notify *notify)
{
	while (notify->first)
		drop(notify, notify->first);
	close_fd(&notify->epoll_fd);
}

/* Anything may have been sent; what is readable and no listener would be served for ever. */
static bool is_listener(int fd)
{
	uint64_t id = 0;

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0 || errno == ENOENT;
}

/* The program puts itself into the background, and ends with the last process below the filter. */
static int serve_statfs(const struct spec *spec, int listener_fd)
{
	char program[] = WABE_STATFS;
	char *argv[] = { program, spec->rootfs.path, NULL };
	int status;
	pid_t pid;

	int r = process_spawn(argv, NULL, (int[3]){ listener_fd, -1, -1 }, &pid);
	r = r < 0 ? r : process_wait(pid, &status);
	return r < 0 ? r : status == 0 ? 0 : -ECHILD;
}

int notify_add(struct start *start, int listener_fd)
{
	struct notify *notify = &start->notify;
	auto_close int fd = listener_fd;

	if (!is_listener(fd))
		return -EINVAL;
	if (storage_limit_guard(start->spec) & GUARD_STATFS)
		return serve_statfs(start->spec, fd);
	auto_free struct listener *listener = calloc(1, sizeof(*listener));
	if (!listener)
		return -ENOMEM;
	if (notify->epoll_fd < 0 && (notify->epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
		return -errno;
	listener->kernel = (struct source){ listener, fd };
	listener->proxy = (struct source){ listener, -1 };
	listener->worker = (struct source){ listener, -1 };
	int r = watch(notify, EPOLL_CTL_ADD, &listener->kernel, EPOLLIN);
	if (r < 0)
		return r;
	struct listener **at = &notify->first;
	while (*at)
		at = &(*at)->next;
	*at = take_ptr(listener);
	(void)take_fd(&fd);
	return 0;
}

int notify_listener_of_init(const struct notify *notify)
{
	return notify->first ? notify->first->kernel.fd : -1;
}
