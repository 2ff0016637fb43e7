/* syscall(3) of the tests' program under valgrind, and so of the library in it: see syscall-server beside
 * this. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static long raw_syscall(long number, const long *a)
{
	long result;
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	register long r9 __asm__("r9") = a[5];
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	if (result >= 0 || result < -4095)
		return result;
	errno = (int)-result;
	return -1;
}

static int connect_to_server(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *name = getenv("API_SYSCALL_SERVER");
	size_t length = name ? strlen(name) : 0;
	int fd = length ? socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) : -1;
	if (fd < 0)
		return -1;
	memcpy(address.sun_path + 1, name, length);
	if (connect(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)) == 0)
		return fd;
	close(fd);
	return -1;
}

union passed {
	char space[CMSG_SPACE(sizeof(int))];
	struct cmsghdr header;
};

static void put_fd(struct msghdr *message, union passed *passed, int fd)
{
	message->msg_control = passed->space;
	message->msg_controllen = sizeof(passed->space);
	passed->header = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))
	};
	memcpy(CMSG_DATA(&passed->header), &fd, sizeof(fd));
}

/* The call's own number and its argument, and parts[1] and [2] behind; fd -1: none goes along. A new fd, or
 * 0. */
static long ask_server(int call, int argument, int fd, struct iovec *parts)
{
	int request[2] = { call, argument }, number = -ENOSYS, got = -1;
	parts[0] = (struct iovec){ request, sizeof(request) };
	struct iovec part = { &number, sizeof(number) };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };
	union passed passed = { .space = { 0 } };
	int server = connect_to_server();
	if (fd >= 0)
		put_fd(&message, &passed, fd);
	if (server >= 0 && sendmsg(server, &message, MSG_NOSIGNAL) > 0) {
		message = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1 };
		put_fd(&message, &passed, -1);
		(void)recvmsg(server, &message, MSG_CMSG_CLOEXEC);
		if (CMSG_FIRSTHDR(&message))
			memcpy(&got, CMSG_DATA(&passed.header), sizeof(got));
	}
	if (server >= 0)
		close(server);
	if (number == 0)
		return got >= 0 ? got : 0;
	errno = -number;
	return -1;
}

long syscall(long number, ...)
{
	long a[6];
	struct iovec parts[3] = { 0 };
	va_list arguments;
	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	if (number == SYS_pidfd_open)
		return ask_server((int)number, (int)a[0], -1, parts);
	if (number == SYS_pidfd_send_signal)
		return ask_server((int)number, (int)a[1], (int)a[0], parts);
	if (number == SYS_openat2) {
		parts[1] = (struct iovec){ (void *)a[2], (size_t)a[3] };
		parts[2] = (struct iovec){ (void *)a[1], strlen((const char *)a[1]) + 1 };
		return ask_server((int)number, 0, (int)a[0], parts);
	}
	return raw_syscall(number, a);
}
