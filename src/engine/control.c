/* The command socket, both sides. */
#include "engine/control.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "engine/monitor.h"
#include "kernel/fd_passing.h"
#include "kernel/pidfd.h"

#define PAYLOAD_MAX 4096

static int control_address(const struct container_id *id, struct sockaddr_un *address, socklen_t *ret_length)
{
	char name[PATH_MAX + 300];
	int length = snprintf(name, sizeof(name), "%s/%s/command", id->base_path, id->name);

	if (length < 0 || (size_t)length >= sizeof(name))
		return -ENAMETOOLONG;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if ((size_t)length >= sizeof(address->sun_path) - 1) {
		size_t hashed = (size_t)length - strlen("/command");
		length = snprintf(name, sizeof(name), "lxc/%016" PRIx64 "/command", hash_fnv1a64(name, hashed));
	}
	memcpy(address->sun_path + 1, name, (size_t)length);
	*ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
	return 0;
}

int control_listen(const struct container_id *id, int *ret_fd, struct error *err)
{
	struct sockaddr_un address;
	socklen_t length;
	int r = control_address(id, &address, &length);
	if (r < 0)
		return error_set(err, r, "name of the command socket");
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, errno, "create the command socket");
	if (bind(fd, (struct sockaddr *)&address, length) < 0)
		return error_set(err, errno, "bind the command socket @%s", address.sun_path + 1);
	if (listen(fd, 16) < 0)
		return error_set(err, errno, "listen on the command socket");
	*ret_fd = take_fd(&fd);
	return 0;
}

int control_connect(const struct container_id *id)
{
	struct sockaddr_un address;
	socklen_t length;
	int r = control_address(id, &address, &length);
	if (r < 0)
		return r;
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, length) < 0)
		return -errno;
	return take_fd(&fd);
}

/* Root and the user who started the container; an abstract socket has no file mode to say so. */
static bool is_allowed(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

void control_accept(struct control *control)
{
	struct timeval patience = { .tv_sec = 1 }; /* a peer that stops in mid-frame must not stop us */
	auto_close int fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0 || !is_allowed(fd))
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	for (size_t i = 0; i < CONTROL_CONNECTIONS; i++) {
		if (control->fds[i] < 0) {
			control->fds[i] = take_fd(&fd);
			return;
		}
	}
}

static int send_frame(int fd, const struct control_frame *frame, const void *data, int pass_fd)
{
	struct iovec parts[2] = { { (void *)(uintptr_t)frame, sizeof(*frame) },
		{ (void *)(uintptr_t)data, (size_t)frame->length } };

	return fd_passing_send(fd, parts, frame->length > 0 ? 2 : 1, &pass_fd, pass_fd >= 0);
}

static int answer_number(int fd, int32_t number, uint64_t value)
{
	return send_frame(fd, &(struct control_frame){ .number = number, .value = value }, NULL, -1);
}

static int answer_text(int fd, const char *text)
{
	if (!text)
		return answer_number(fd, -ENOENT, 0);
	struct control_frame frame = { .length = (int32_t)strlen(text) + 1 };
	return send_frame(fd, &frame, text, -1);
}

static int answer_tty(int fd, struct start *start, uint64_t wanted)
{
	int tty = (int)(int64_t)wanted;
	bool close_after;
	int master = console_lend(&start->console, &tty, fd, &close_after);
	if (master < 0)
		return answer_number(fd, master, 0);
	int r = send_frame(fd, &(struct control_frame){ .value = (uint64_t)tty }, NULL, master);
	if (close_after)
		close(master);
	return r;
}

static int answer_console_log(int fd, struct start *start, const char *payload, size_t length)
{
	struct control_console_log wish;
	struct console *console = &start->console;

	if (length != sizeof(wish))
		return answer_number(fd, -EINVAL, 0);
	memcpy(&wish, payload, sizeof(wish));
	if (!console->ring)
		return answer_number(fd, -EFAULT, 0);
	if (wish.read && console->ring_used == 0)
		return answer_number(fd, -ENODATA, 0);
	size_t size = wish.read ? console->ring_used : 0;
	if (wish.max > 0 && size > wish.max)
		size = wish.max;
	auto_free char *copy = malloc(size + 1);
	if (!copy)
		return answer_number(fd, -ENOMEM, 0);
	size_t from = console->ring_start + console->ring_used - size;
	for (size_t i = 0; i < size; i++)
		copy[i] = console->ring[(from + i) % console->ring_size];
	if (wish.clear)
		console->ring_used = 0;
	return send_frame(fd, &(struct control_frame){ .length = (int32_t)size }, copy, -1);
}

static int answer_freeze(int fd, struct start *start, bool freeze)
{
	int r = freeze ? cgroup_freeze(&start->cgroups, 10000) : cgroup_thaw(&start->cgroups, 10000);

	if (r == 0)
		monitor_publish(start->dir.path, &start->id, 0, freeze ? STATE_FROZEN : STATE_RUNNING);
	return answer_number(fd, r, 0);
}

static int answer_stop(int fd, struct start *start)
{
	int r = pidfd_send_signal_number(start->init_pidfd, (int)start->spec->lifecycle.signal_stop ?: SIGKILL);

	(void)cgroup_thaw(&start->cgroups, 10000); /* it was most likely not frozen */
	return answer_number(fd, r, 0);
}

static int answer_listener(int fd, const struct start *start)
{
	int listener_fd = notify_listener_of_init(&start->notify);

	if (listener_fd < 0)
		return answer_number(fd, -EBADF, 0);
	return send_frame(fd, &(struct control_frame){ 0 }, NULL, listener_fd);
}

/* *passed_fd: what came with the request; who keeps it sets -1. */
static int answer(int fd, struct start *start, const struct control_frame *request, const char *payload, int *passed_fd)
{
	const char *controller = request->length > 0 ? payload : NULL;

	switch (request->number) {
	case CONTROL_GET_TTY_FD:
		return answer_tty(fd, start, request->value);
	case CONTROL_STOP:
		return answer_stop(fd, start);
	case CONTROL_GET_STATE:
		return answer_number(fd, cgroup_is_frozen(&start->cgroups) > 0 ? STATE_FROZEN : STATE_RUNNING, 0);
	case CONTROL_GET_INIT_PID:
		return answer_number(fd, start->init_pid, (uint64_t)start->init_pid);
	case CONTROL_GET_CGROUP:
		return answer_text(fd, cgroup_inner_path(&start->cgroups, controller));
	case CONTROL_GET_LIMIT_CGROUP:
		return answer_text(fd, cgroup_path(&start->cgroups, controller));
	case CONTROL_GET_NAME:
		return answer_text(fd, start->id.name);
	case CONTROL_GET_LXCPATH:
		return answer_text(fd, start->id.base_path);
	case CONTROL_CONSOLE_LOG:
		return answer_console_log(fd, start, payload, (size_t)request->length);
	case CONTROL_ADD_LISTENER:
		return answer_number(fd, *passed_fd < 0 ? -EBADF : notify_add(start, take_fd(passed_fd)), 0);
	case CONTROL_GET_LISTENER:
		return answer_listener(fd, start);
	case CONTROL_FREEZE:
	case CONTROL_UNFREEZE:
		return answer_freeze(fd, start, request->number == CONTROL_FREEZE);
	case CONTROL_GET_INIT_PIDFD:
		return send_frame(fd, &(struct control_frame){ 0 }, NULL, start->init_pidfd);
	default:
		return answer_number(fd, -ENOSYS, 0);
	}
}

void control_serve(struct control *control, size_t i, struct start *start)
{
	struct control_frame request;
	char payload[PAYLOAD_MAX + 1];
	int fd = control->fds[i];

	auto_close int passed_fd = -1;
	ssize_t n = fd_passing_receive(fd, &request, sizeof(request), MSG_WAITALL, &passed_fd);
	bool is_good = n == sizeof(request) && request.length >= 0 && request.length <= PAYLOAD_MAX;
	if (is_good && request.length > 0)
		is_good = recv(fd, payload, (size_t)request.length, MSG_WAITALL) == request.length;
	if (is_good) {
		payload[request.length] = '\0';
		is_good = answer(fd, start, &request, payload, &passed_fd) == 0;
	}
	if (is_good)
		return;
	console_return(&start->console, fd);
	close_fd(&control->fds[i]);
}

static int receive_answer(int fd, struct control_frame *answer, int *ret_fd)
{
	ssize_t n = fd_passing_receive(fd, answer, sizeof(*answer), MSG_WAITALL, ret_fd);

	if (n < 0)
		return n == -EAGAIN ? -ETIMEDOUT : (int)n; /* the caller had set a time for it */
	return n == sizeof(*answer) ? 0 : -ECONNRESET;
}

int control_add_listener(const struct container_id *id, int listener_fd)
{
	struct control_frame request = { .number = CONTROL_ADD_LISTENER }, answer;
	int passed_fd;
	auto_close int fd = control_connect(id);

	if (fd < 0)
		return fd;
	int r = send_frame(fd, &request, NULL, listener_fd);
	r = r ?: receive_answer(fd, &answer, &passed_fd);
	if (r < 0)
		return r;
	close_fd(&passed_fd);
	return answer.number;
}

int control_ask(int fd, int32_t command, uint64_t value, const void *data, size_t length, struct control_frame *answer,
	char **ret_payload, int *ret_fd)
{
	struct control_frame request = { command, (int32_t)length, value };
	auto_free char *payload = NULL;

	*ret_fd = -1;
	int r = send_frame(fd, &request, data, -1);
	if (r == 0)
		r = receive_answer(fd, answer, ret_fd);
	if (r < 0)
		return r;
	if (answer->length > 0) {
		payload = calloc(1, (size_t)answer->length + 1);
		if (!payload)
			return -ENOMEM;
		if (recv(fd, payload, (size_t)answer->length, MSG_WAITALL) != answer->length)
			return -ECONNRESET;
	}
	if (ret_payload)
		*ret_payload = take_ptr(payload);
	return answer->number < 0 ? answer->number : 0;
}
