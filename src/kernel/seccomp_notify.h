#pragma once
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

/* Calls that a seccomp filter has notified its listener of, and who makes them (man 2 seccomp_unotify). */

union seccomp_call {
	struct seccomp_notif call;
	char grown[512]; /* of a newer kernel */
};

/* Takes the next one. 0 or -errno; -ENOENT: its caller was interrupted meanwhile. */
int seccomp_notify_receive(int listener_fd, union seccomp_call *ret);

/* answer->id: of the call. One that was interrupted meanwhile needs none. */
void seccomp_notify_answer(int listener_fd, const struct seccomp_notif_resp *answer);

/* Who waits for an answer. */
struct seccomp_caller {
	int listener_fd; /* borrowed */
	int proc_fd;	 /* /proc/PID */
	uint64_t id;	 /* of the call */
};

/* 0, or -ESRCH: it is gone. Closed by close_fd(&caller->proc_fd). */
int seccomp_caller_open(int listener_fd, const struct seccomp_notif *call, struct seccomp_caller *ret);

/* Else the pid may be another's: nothing may be done by what was read of it. */
bool seccomp_caller_waits(const struct seccomp_caller *caller);

/* Its memory, as a file. flags: O_RDONLY, O_RDWR. -errno. */
int seccomp_caller_memory(const struct seccomp_caller *caller, int flags);

#define SECCOMP_PATH_SIZE 4096

/* A path in its memory. 0, -EFAULT, -ENAMETOOLONG. */
int seccomp_caller_path(const struct seccomp_caller *caller, uint64_t address, char path[SECCOMP_PATH_SIZE]);
