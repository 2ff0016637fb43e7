/* Progress of calls that do not tell it themselves: a process beside them looks at the clock and at the disk. */
#include "tools/lxc/progress.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t used_bytes(const char *path)
{
	struct statvfs info;
	return statvfs(path, &info) < 0 ? 0 : (int64_t)((info.f_blocks - info.f_bfree) * info.f_frsize);
}

static void show(const struct call *call, const char *what, const char *path)
{
	int64_t before = used_bytes(path);
	for (int seconds = 1;; seconds++) {
		(void)poll(NULL, 0, 1000);
		int64_t change = (used_bytes(path) - before) / (1024 * 1024);
		fprintf(stderr, "\r\033[K%s: %s %s: %d s", call->tool->name, what, call->name ? call->name : "", seconds);
		if (change != 0)
			fprintf(stderr, ", %" PRId64 " MiB %s", change > 0 ? change : -change, change > 0 ? "written" : "freed");
		fflush(stderr);
	}
}

void progress_start(struct progress *progress, const struct call *call, const char *what, const char *path)
{
	progress->pid = 0;
	if (call->quiet || !isatty(STDERR_FILENO))
		return;
	fflush(NULL); /* or both processes write what is in the buffers */
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		show(call, what, path);
		_exit(EXIT_SUCCESS);
	}
	progress->pid = pid > 0 ? pid : 0; /* without a process without progress */
}

void progress_end(struct progress *progress)
{
	if (progress->pid <= 0)
		return;
	(void)kill(progress->pid, SIGKILL);
	(void)waitpid(progress->pid, NULL, 0);
	fprintf(stderr, "\r\033[K");
	fflush(stderr);
	progress->pid = 0;
}
