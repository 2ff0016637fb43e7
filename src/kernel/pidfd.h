#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* All return >= 0 or -errno. */

/* A close-on-exec pidfd of pid (Linux 5.3). */
int process_pidfd(pid_t pid);
int pidfd_send_signal_number(int pidfd, int signal);

/* Until the process has ended: 0, or -ETIMEDOUT. timeout_ms -1: for ever. */
int pidfd_wait(int pidfd, int timeout_ms);

/*
 * The wait status of an ended process, also when it is not our child. -ESRCH: not known to this process
 * (PIDFD_GET_INFO with PIDFD_INFO_EXIT: Linux 6.15). Reaps a child of ours.
 */
int pidfd_exit_status(int pidfd, int *ret_status);

/* Start time of pid in clock ticks since boot: with the pid it names a process for ever (proc_pid_stat(5)). */
int process_start_ticks(pid_t pid, uint64_t *ret_ticks);
/* The same; -ESRCH also for a zombie. */
int process_living_start_ticks(pid_t pid, uint64_t *ret_ticks);

/* Whether the calling process is the ancestor, or was started below it by processes that live. */
bool process_is_below(pid_t ancestor);
