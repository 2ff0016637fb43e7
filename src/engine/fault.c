/* Fault injection, compiled in by -Dfault_injection=true only. */
#include "engine/fault.h"

#ifdef WABE_FAULTS
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Who made this end's socket pair; our parent has gone, and was not the caller. */
static void kill_peer(int fd)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);

	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 1)
		kill(peer.pid, SIGKILL);
}

int fault_inject(const char *step, bool is_init, pid_t init_pid, int report_fd, struct error *err)
{
	const char *wish = getenv("WABE_FAULT");
	size_t length = strlen(step);

	if (!wish || strncmp(wish, step, length) != 0 || wish[length] != ':')
		return 0;
	const char *act = wish + length + 1;
	if (strcmp(act, "fail") == 0)
		return error_set(err, EIO, "step %s made to fail", step);
	if (strcmp(act, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(act, "kill-init") == 0 && !is_init && init_pid > 0)
		kill(init_pid, SIGKILL);
	if (strcmp(act, "kill-caller") == 0 && !is_init)
		kill_peer(report_fd);
	return 0;
}
#else
typedef int fault_injection_is_off; /* an empty file is no C */
#endif
