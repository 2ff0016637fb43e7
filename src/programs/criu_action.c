/* wabe-criu-action: criu calls it at each stage; the engine, at the other end of a socket pair, says whether to go on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/criu.h"

static const char *const told[] = { "pre-dump", "post-dump", "setup-namespaces", "post-setup-namespaces", "post-restore" };

/* criu closes all descriptors of its scripts: the socket is taken from criu itself, the parent (Linux 5.6). */
static int take_socket(int number)
{
	long pidfd = syscall(SYS_pidfd_open, getppid(), 0);

	return pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, (int)pidfd, number, 0);
}

int main(void)
{
	const char *action = getenv("CRTOOLS_SCRIPT_ACTION"), *pid = getenv("CRTOOLS_INIT_PID"), *fd = getenv(CRIU_ACTION_FD);
	struct criu_stage stage = { .init_pid = pid ? atoi(pid) : 0 };
	unsigned char answer = 1;

	if (!action || !fd) {
		fprintf(stderr, "wabe-criu-action: is started by criu, not by hand\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++)
		if (strcmp(action, told[i]) == 0)
			snprintf(stage.name, sizeof(stage.name), "%s", action);
	if (!*stage.name)
		return EXIT_SUCCESS;
	int socket_fd = take_socket(atoi(fd));
	if (socket_fd < 0 || send(socket_fd, &stage, sizeof(stage), MSG_NOSIGNAL) != sizeof(stage)) {
		fprintf(stderr, "Error (wabe-criu-action): tell the engine of %s: %s\n", action, strerror(errno));
		return EXIT_FAILURE;
	}
	ssize_t n;
	do
		n = recv(socket_fd, &answer, 1, 0);
	while (n < 0 && errno == EINTR);
	return n == 1 && answer == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
