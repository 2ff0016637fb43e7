/* The tiny pid 1: reaps everything, passes signals on, ends when nothing is left. */
#include "engine/app_init.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Reaps all that has ended. False: no child is left. */
static bool reap(pid_t program, int *status)
{
	int ended;
	pid_t pid;

	while ((pid = waitpid(-1, &ended, WNOHANG)) > 0)
		if (pid == program)
			*status = ended;
	return pid == 0;
}

/* TERM and PWR end everything: a second to do it in order, then by force. */
static void terminate_all(pid_t program, int *status)
{
	struct timespec second = { .tv_sec = 1 };
	sigset_t child;

	kill(-1, SIGTERM);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while (sigtimedwait(&child, NULL, &second) > 0)
		if (!reap(program, status))
			return;
	kill(-1, SIGKILL);
}

static void run_init(pid_t program, const sigset_t *all) __attribute__((noreturn));

static void run_init(pid_t program, const sigset_t *all)
{
	int status = 0;
	siginfo_t info;

	do { /* SIGCHLD was blocked before the program was there */
		int signal = sigwaitinfo(all, &info);
		if (signal < 0 || signal == SIGCHLD)
			continue;
		if (signal == SIGTERM || signal == SIGPWR)
			terminate_all(program, &status);
		else
			kill(program, signal); /* gone: reaped now */
	} while (reap(program, &status));
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

int app_init_run(struct start *start, void (*become_program)(struct start *start), struct error *err)
{
	sigset_t all;

	/* blocked before the fork: a signal that comes in between must not be lost */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* not fork: the child only gives up rights and executes, and each page copied for that would be a fault */
	pid_t pid = vfork();
	if (pid < 0)
		return error_set(err, errno, "fork the program");
	if (pid == 0)
		become_program(start);
	/* the program's exec, not ours, tells the supervisor that all is well */
	close_range(3, ~0U, 0);
	prctl(PR_SET_NAME, "init");
	prctl(PR_SET_DUMPABLE, 0);
	int signal = start->options->foreground ? SIGKILL : 0;
	if (start->spec->lifecycle.has_death_signal)
		signal = (int)start->spec->lifecycle.death_signal;
	prctl(PR_SET_PDEATHSIG, signal);
	run_init(pid, &all);
}
