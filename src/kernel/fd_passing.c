#include "kernel/fd_passing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define SPACE CMSG_SPACE(sizeof(int) * FD_PASSING_MAX)

int fd_passing_send(int socket_fd, struct iovec *parts, size_t part_count, const int *fds, size_t fd_count)
{
	char space[SPACE] __attribute__((aligned(8))) = { 0 };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = part_count };

	if (fd_count > FD_PASSING_MAX)
		return -EINVAL;
	if (fd_count > 0) {
		message.msg_control = space;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
	}
	ssize_t n;
	do
		n = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* The first of the fds, the others closed: the kernel fills the space to its end, which is aligned. */
static int take_first(const struct cmsghdr *header)
{
	int fds[SPACE / sizeof(int)] = { -1 };
	size_t size = header->cmsg_len - CMSG_LEN(0);

	memcpy(fds, CMSG_DATA(header), size < sizeof(fds) ? size : sizeof(fds));
	for (size_t i = 1; i < size / sizeof(int) && i < sizeof(fds) / sizeof(*fds); i++)
		close_fd(&fds[i]);
	return fds[0];
}

ssize_t fd_passing_receive(int socket_fd, void *data, size_t size, int flags, int *ret_fd)
{
	char space[SPACE] __attribute__((aligned(8)));
	struct iovec part = { data, size };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = SPACE};
	ssize_t n;

	*ret_fd = -1;
	do
		n = recvmsg(socket_fd, &message, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		*ret_fd = take_first(header);
	return n;
}
