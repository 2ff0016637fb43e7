#pragma once
#include <sys/types.h>

/* All return 0 or -errno. */

/*
 * Runs argv (NULL-ended, looked up in PATH) as a child. envp NULL: the caller's environment. fds: three fds for
 * 0, 1, 2 (-1: /dev/null), NULL: the caller's. All other fds but close-on-exec ones stay open. Signal mask and
 * ignored signals are back at their defaults in the child. -ENOENT etc.: it could not be executed.
 */
int process_spawn(char *const *argv, char *const *envp, const int *fds, pid_t *ret_pid);
/* waitpid that goes on after signals. status may be NULL. */
int process_wait(pid_t pid, int *ret_status);

/* "SIGTERM", "TERM", "15", "SIGRTMIN+3", "RTMAX-1", any case. The number, or -EINVAL. */
int signal_from_name(const char *name);

/*
 * The signal changes nothing any more for this process. Unlike with SIG_IGN, what it executes has the default again: a
 * program that waits for its child's end by SIGTERM would wait for ever, and a container would never get SIGPIPE.
 */
void process_outlive_signal(int number);
/* All signals at their defaults and unblocked: before the execution of another program. */
void process_reset_signals(void);

/*
 * Makes the next 32 KiB of the stack present in one go, where each page touched for the first time after an exec or a
 * fork would be a page fault of its own (on a virtual machine each costs as much as ten system calls).
 */
void process_prefault_stack(void);

/*
 * Blocks all signals but those of the caller's own faults, and gives them as a signalfd(2) that does not block and closes
 * on exec. -1 with errno.
 */
int process_open_signals(void);
