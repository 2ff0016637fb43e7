/* Messages between supervisor, init and caller. */
#include "engine/handover.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "kernel/fd_passing.h"
#include "security/security.h"

int handover_open(struct handover *handover)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	handover->supervisor_fd = pair[0];
	handover->init_fd = pair[1];
	return 0;
}

void handover_close(struct handover *handover)
{
	close_fd(&handover->supervisor_fd);
	close_fd(&handover->init_fd);
}

static int send_message(int fd, const struct message *message, int pass_fd)
{
	bool has_text = message->kind == MESSAGE_ERROR || message->kind == MESSAGE_WARNING;
	size_t size = has_text ? sizeof(*message) : offsetof(struct message, error);
	struct iovec part = { (void *)(uintptr_t)message, size };

	return fd_passing_send(fd, &part, 1, &pass_fd, pass_fd >= 0);
}

int message_send(int fd, const struct message *message)
{
	return send_message(fd, message, -1);
}

int handover_load_seccomp(int fd, const struct seccomp_filter *filter, struct error *err)
{
	auto_close int listener_fd = -1;
	int r = security_seccomp_load(filter, &listener_fd, err);

	if (r < 0 || listener_fd < 0)
		return r;
	r = send_message(fd, &(struct message){ .kind = MESSAGE_LISTENER }, listener_fd);
	return r < 0 ? error_set(err, r, "pass the seccomp listener on") : 0;
}

/*
 * When the other side closes with something unread, the next recv here fails with ECONNRESET although its last
 * message is still queued: the one after gives that.
 */
static int receive(int fd, struct message *ret, int flags, int *ret_fd)
{
	bool was_reset = false;
	ssize_t n;

	memset(ret, 0, sizeof(*ret));
	for (;;) {
		n = fd_passing_receive(fd, ret, sizeof(*ret), flags, ret_fd);
		if (n != -ECONNRESET || was_reset)
			break;
		was_reset = true;
	}
	if (n < 0)
		return (int)n;
	if (n == 0)
		return -ECONNRESET;
	return (size_t)n < offsetof(struct message, error) ? -EBADMSG : 0;
}

int message_receive_fd(int fd, struct message *ret, int *ret_fd)
{
	return receive(fd, ret, 0, ret_fd);
}

int message_receive(int fd, struct message *ret)
{
	auto_close int passed_fd = -1;

	return receive(fd, ret, 0, &passed_fd);
}

bool handover_find_error(int fd, struct error *err)
{
	auto_close int passed_fd = -1;
	struct message message;

	while (receive(fd, &message, MSG_DONTWAIT, &passed_fd) == 0)
		if (message.kind == MESSAGE_ERROR) {
			*err = message.error;
			return true;
		}
	return false;
}

int handover_signal(int fd, enum signal_point point)
{
	return message_send(fd, &(struct message){ .kind = MESSAGE_SIGNAL, .point = point });
}

int handover_await(int fd, enum signal_point point, struct error *err)
{
	struct message message;
	int r = message_receive(fd, &message);

	if (r < 0)
		return error_set_kind(err, ERROR_KERNEL, r, "the other half of the start is gone");
	if (message.kind == MESSAGE_ERROR) {
		*err = message.error;
		return err->errnum ? -err->errnum : -EINVAL;
	}
	if (message.kind != MESSAGE_SIGNAL || message.point != point)
		return error_set_kind(err, ERROR_INTERNAL, EBADMSG, "message %u where point %u was due",
			message.point, point);
	return 0;
}
