/* wabe-criu-action: criu calls it at each stage; the engine, at the other end of a socket pair, says whether to go on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/criu.h"

static const char *const told[] = { "pre-dump", "post-dump", "setup-namespaces", "post-setup-namespaces", "post-restore" };

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
	if (send(atoi(fd), &stage, sizeof(stage), MSG_NOSIGNAL) != sizeof(stage))
		return EXIT_FAILURE;
	ssize_t n;
	do
		n = recv(atoi(fd), &answer, 1, 0);
	while (n < 0 && errno == EINTR);
	return n == 1 && answer == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
