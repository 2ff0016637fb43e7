#include "base/process.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define STACK_PREFAULT (32UL << 10)

extern char **environ;

static int plan_fds(posix_spawn_file_actions_t *actions, const int *fds)
{
	for (int number = 0; fds && number < 3; number++) {
		if (fds[number] == number)
			continue; /* stays as it is, also when it is closed */
		int r = fds[number] >= 0 ?
			posix_spawn_file_actions_adddup2(actions, fds[number], number) :
			posix_spawn_file_actions_addopen(actions, number, "/dev/null", O_RDWR, 0);
		if (r)
			return r;
	}
	return 0;
}

int process_spawn(char *const *argv, char *const *envp, const int *fds, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int r = plan_fds(&actions, fds);
	if (r == 0)
		r = posix_spawnp(ret_pid, argv[0], &actions, &attributes, argv, envp ? envp : environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -r;
}

int process_wait(pid_t pid, int *ret_status)
{
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* "RTMIN+3" and the like, without SIG. */
static int realtime_signal(const char *name)
{
	bool from_max = strncasecmp(name, "RTMAX", 5) == 0;
	if (!from_max && strncasecmp(name, "RTMIN", 5) != 0)
		return -EINVAL;
	int32_t offset = 0;
	if (name[5] && text_to_i32(name + 5, &offset) < 0)
		return -EINVAL;
	int signal = (from_max ? SIGRTMAX : SIGRTMIN) + offset;
	return signal < SIGRTMIN || signal > SIGRTMAX ? -EINVAL : signal;
}

int signal_from_name(const char *name)
{
	uint32_t number;
	if (text_to_u32(name, &number) == 0)
		return number > 0 && number < NSIG ? (int)number : -EINVAL;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int signal = 1; signal < NSIG; signal++) {
		const char *known = sigabbrev_np(signal);
		if (known && strcasecmp(known, name) == 0)
			return signal;
	}
	if (strcasecmp(name, "IOT") == 0)
		return SIGABRT;
	if (strcasecmp(name, "CLD") == 0)
		return SIGCHLD;
	return realtime_signal(name);
}

static void do_nothing(int number)
{
	(void)number;
}

void process_outlive_signal(int number)
{
	const struct sigaction action = { .sa_handler = do_nothing, .sa_flags = SA_RESTART };
	(void)sigaction(number, &action, NULL);
}

void process_reset_signals(void)
{
	sigset_t none;
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL); /* refused for some: they are at it */
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void process_prefault_stack(void)
{
	uintptr_t page = (uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)4095;

	/* in vain before 5.14, or where the stack ends sooner */
	(void)madvise((void *)(page - STACK_PREFAULT + 4096), STACK_PREFAULT, MADV_POPULATE_WRITE);
}

int process_open_signals(void)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGSEGV);
	sigdelset(&set, SIGBUS);
	sigdelset(&set, SIGILL);
	sigdelset(&set, SIGFPE);
	sigdelset(&set, SIGABRT);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
