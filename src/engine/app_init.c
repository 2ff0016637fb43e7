/* The tiny pid 1: reaps everything, passes signals on, ends when nothing is left. */
#include "engine/app_init.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/capability.h"
#include "kernel/seccomp.h"

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

/* The architecture whose numbers SYS_x are: a filter that does not ask would pass another's numbers. */
#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#elif defined(__i386__)
#define OWN_ARCH AUDIT_ARCH_I386
#elif defined(__riscv) && __riscv_xlen == 64
#define OWN_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OWN_ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define OWN_ARCH AUDIT_ARCH_S390X
#else
#define OWN_ARCH 0 /* no filter */
#endif

static const unsigned own_calls[] = {
	SYS_rt_sigtimedwait, SYS_rt_sigreturn, SYS_restart_syscall, SYS_kill, SYS_exit, SYS_exit_group, SYS_waitid,
#ifdef SYS_wait4
	SYS_wait4,
#endif
#ifdef SYS_rt_sigtimedwait_time64
	SYS_rt_sigtimedwait_time64,
#endif
};

/* All but own_calls fails, also when a tracer puts them in our mouth. */
static void load_own_filter(void)
{
	enum { CALLS = sizeof(own_calls) / sizeof(*own_calls) };
	struct sock_filter code[3 + CALLS + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 0, CALLS + 1),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};

	for (unsigned i = 0; i < CALLS; i++)
		code[3 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, own_calls[i], CALLS - i, 0);
	code[3 + CALLS] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	code[3 + CALLS + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (OWN_ARCH)
		(void)seccomp_load_filter(code, sizeof(code) / sizeof(*code), 0, NULL); /* a kernel without: as it is */
}

/*
 * The program may be root with CAP_SYS_PTRACE, and this process has what the program gave up: capabilities, no filter.
 * It keeps what it needs to signal and to wait. Best effort: none of it is needed to run.
 */
static void confine_self(void)
{
	const struct capability_sets sets = { .effective = 1ULL << CAP_KILL, .permitted = 1ULL << CAP_KILL };

	(void)capability_set(&sets); /* fails for a caller without CAP_KILL, who has nothing to give up */
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	load_own_filter();
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

/* The program's child runs beside us in our memory until it executes, so on a stack of its own. */
struct program {
	struct start *start;
	void (*become)(struct start *start);
};

enum { PROGRAM_STACK_SIZE = 128 << 10 };

static int run_program(void *data)
{
	const struct program *program = data;
	sigset_t go;

	/* not before the tiny init has given up all: the program could take it from there */
	sigemptyset(&go);
	sigaddset(&go, SIGCONT);
	while (sigwaitinfo(&go, NULL) < 0)
		;
	program->become(program->start);
	return 1;
}

int app_init_run(struct start *start, void (*become_program)(struct start *start), struct error *err)
{
	struct program program = { .start = start, .become = become_program };
	sigset_t all;

	/* blocked before the clone: a signal that comes in between must not be lost */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	char *stack = mmap(NULL, PROGRAM_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return error_set(err, errno, "make a stack for the program");
	/* not fork: the child only gives up rights and executes, and each page copied for that would be a fault */
	pid_t pid = clone(run_program, stack + PROGRAM_STACK_SIZE, CLONE_VM | SIGCHLD, &program);
	if (pid < 0)
		return error_set(err, errno, "clone the program");
	/* the program's exec, not ours, tells the supervisor that all is well */
	close_range(3, ~0U, 0);
	prctl(PR_SET_NAME, "init");
	int signal = start->options->foreground ? SIGKILL : 0;
	if (start->spec->lifecycle.has_death_signal)
		signal = (int)start->spec->lifecycle.death_signal;
	prctl(PR_SET_PDEATHSIG, signal);
	confine_self();
	kill(pid, SIGCONT);
	run_init(pid, &all);
}
