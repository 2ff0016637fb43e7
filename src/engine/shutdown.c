/* The orderly end: asks init to halt, and asks again where the first time could not be heard. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "engine/running.h"
#include "kernel/pidfd.h"

/* Until it is heard, and after that: a reboot may bring a new init. */
enum { ASK_AGAIN_MS = 50, LOOK_AGAIN_MS = 500 };

/* Whom the signal reached last. */
struct asked {
	pid_t init_pid;
	bool was_heard;
};

/* The kernel drops what a pid 1 neither catches nor blocks (to read it by signalfd, as systemd does). */
static bool init_knows(pid_t pid, int signal)
{
	char path[32];
	auto_free char *text = NULL;
	size_t length;
	uint64_t bit = 1ULL << (signal - 1), mask;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read(-1, path, 1 << 16, &text, &length) < 0)
		return false;
	const char *blocked = strstr(text, "\nSigBlk:"), *caught = strstr(text, "\nSigCgt:");
	return (blocked && sscanf(blocked + 8, "%lx", &mask) == 1 && mask & bit) ||
		(caught && sscanf(caught + 8, "%lx", &mask) == 1 && mask & bit);
}

/* Asks an init that has not been asked yet, or did not listen then. */
static int ask(const struct container_id *id, struct asked *asked, struct error *err)
{
	struct running running;
	int r = container_load(id, RUNNING_SPEC, &running, err);
	if (r < 0)
		return r;
	pid_t pid = running.init_pid;
	int signal = (int)running.spec->lifecycle.signal_halt;
	running_clear(&running);
	if (asked->init_pid == pid && asked->was_heard)
		return 0;
	if (signal == 0)
		signal = init_knows(pid, SIGRTMIN + 3) ? SIGRTMIN + 3 : SIGPWR;
	bool is_heard = init_knows(pid, signal);
	if (asked->init_pid == pid && !is_heard)
		return 0;
	*asked = (struct asked){ pid, is_heard };
	return engine_signal(id, signal, true, err);
}

int engine_shutdown(const struct container_id *id, int timeout_ms, struct error *err)
{
	struct engine_watch *watch = NULL;
	struct asked asked = { 0 };
	int64_t end = clock_ms() + timeout_ms;

	int r = timeout_ms == 0 ? 0 : engine_watch_open(id, &watch, err);
	r = r ?: ask(id, &asked, err);
	while (r == 0 && watch) {
		int64_t pause = asked.was_heard ? LOOK_AGAIN_MS : ASK_AGAIN_MS, left = timeout_ms < 0 ? pause : end - clock_ms();
		if (left <= 0) {
			r = error_set(err, ETIMEDOUT, "%s did not halt", id->name);
			break;
		}
		if (engine_watch_wait(watch, 1U << STATE_STOPPED, (int)(left < pause ? left : pause), NULL) == 0)
			break;
		(void)ask(id, &asked, NULL); /* none there: between two of a reboot, or the end is near */
	}
	engine_watch_close(watch);
	return r == -ESRCH ? 0 : r; /* it stopped by itself meanwhile */
}
