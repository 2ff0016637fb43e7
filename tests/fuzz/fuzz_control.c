/*
 * Any bytes on the supervisor's command socket, cut anywhere, with descriptors, a disconnect in the middle. The input is
 * a row of parts: a byte (0-127: that many bytes follow; 128-159: a whole frame with command, length and payload out of
 * the next three bytes; 160-255: the same with one to five descriptors).
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/control.h"

const char *const fuzz_words[] = { "\200\0\0\0", "\200\2\0\0", "\200\3\1x", "\200\4\377\0", "\200\6\3memory", "\200\13\20\0",
	"\200\13\20\0\0\0\0\0\0\0\0\0\1\1", "\240\15\0\0", "\244\15\0\0", "\200\17\0\0", "\200\20\0\0", "\200\22\0\0", "\200\23\4cpu",
	"\200\26\0\0", "\20\0\0\0\0\377\377\377\377\0\0\0\0\0\0\0\0", "\20\6\0\0\0\0\20\0\0\0\0\0\0\0\0\0\0", NULL };

#define MAX_PASSED 5

/* bytes with count descriptors, as far as the socket takes them; never blocks. */
static void send_part(int fd, const void *bytes, size_t size, size_t count)
{
	char space[CMSG_SPACE(sizeof(int) * MAX_PASSED)] __attribute__((aligned(8))) = { 0 };
	struct iovec part = { (void *)(uintptr_t)bytes, size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (size == 0)
		return;
	if (count > 0) {
		message.msg_control = space;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		*header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * count) };
		for (size_t i = 0; i < count; i++)
			memcpy(CMSG_DATA(header) + i * sizeof(int), &(int){ 2 }, sizeof(int));
	}
	(void)!sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static const int32_t lengths[] = { 0, 1, -1, 16, 4096, 4097, INT32_MAX, INT32_MIN, 2, 15, 17, 4095, 6, 7, 8, 9 };

static void send_all(int fd, const uint8_t *data, size_t size)
{
	char payload[4200];

	for (size_t at = 0; at < size;) {
		uint8_t kind = data[at++];
		if (kind < 128) {
			size_t length = kind < size - at ? kind : size - at;
			send_part(fd, data + at, length, 0);
			at += length;
			continue;
		}
		if (size - at < 3)
			return;
		struct control_frame frame = { data[at] & 63, lengths[data[at + 1] % 16], data[at + 2] };
		if (data[at] & 64)
			frame.value = (uint64_t)-(int64_t)frame.value;
		at += 3;
		send_part(fd, &frame, sizeof(frame), kind < 160 ? 0 : 1 + (kind - 160) % MAX_PASSED);
		size_t length = frame.length > 0 && frame.length <= (int32_t)sizeof(payload) ? (size_t)frame.length : 0;
		for (size_t i = 0; i < length; i++)
			payload[i] = at + i < size ? (char)data[at + i] : 'x';
		at += length < size - at ? length : size - at;
		if (length > 0)
			send_part(fd, payload, length, kind > 200 ? 1 + kind % MAX_PASSED : 0);
	}
}

static void drain(int fd)
{
	char buffer[8192], space[CMSG_SPACE(sizeof(int) * 8)];
	int passed;

	for (;;) {
		struct iovec part = { buffer, sizeof(buffer) };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space) };
		if (recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) <= 0)
			return;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		for (size_t i = 0; header && i < (header->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			memcpy(&passed, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
			close(passed);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char ring[64] = "console";
	struct spec *spec = spec_new();
	struct log *log = NULL;
	int tty_masters[2] = { 2, 2 }, tty_indexes[2] = { 0, 1 }, tty_holders[2] = { -1, -1 }, pair[2];
	struct start start = { .spec = spec, .log = log, .id = { .name = "box", .base_path = "/var/lib/lxc", .dialect = "lxc" },
		.init_pid = 1, .init_pidfd = -1, .journal_fd = -1, .cgroup_fd = -1 };
	struct control control = { .listen_fd = -1 };

	strcpy(start.dir.path, "/nonexistent/box");
	start.dir.fd = -1;
	console_init(&start.console);
	start.console.ring = ring;
	start.console.ring_size = sizeof(ring);
	start.console.ring_start = size % sizeof(ring);
	start.console.ring_used = size % (sizeof(ring) + 1);
	start.console.tty_masters = tty_masters;
	start.console.tty_indexes = tty_indexes;
	start.console.tty_holders = tty_holders;
	start.console.tty_count = 2;
	notify_init(&start.notify);
	for (size_t i = 0; i < CONTROL_CONNECTIONS; i++)
		control.fds[i] = -1;
	if (!spec || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort(); /* not the target's fault */
	send_all(pair[0], data, size);
	shutdown(pair[0], SHUT_WR);
	control.fds[3] = pair[1];
	for (int round = 0; control.fds[3] >= 0; round++) {
		if (round > 20000)
			abort(); /* for ever */
		control_serve(&control, 3, &start);
		drain(pair[0]);
	}
	close(pair[0]);
	if (tty_holders[0] >= 0 || tty_holders[1] >= 0 || start.console.client_fd >= 0)
		abort(); /* a terminal stays lent to nobody */
	notify_clear(&start.notify);
	spec_free(spec);
	return 0;
}
