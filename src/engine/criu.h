#pragma once
#include "base/error.h"
#include "base/vector.h"
#include "engine/checkpoint.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Runs criu: its command line, its log, and what it tells at its stages. For the last wabe-criu-action is its action
 * script, which sends each stage through a socket pair and waits for the answer; when nobody is there any more to
 * answer, the stage fails, and criu takes back what it has done.
 */

#define CRIU_ACTION_FD "WABE_CRIU_FD" /* environment: the action's end of the socket pair */

/* One stage, as wabe-criu-action sends it; the answer is a byte, 0: go on. */
struct criu_stage {
	int32_t init_pid;
	char name[28]; /* "post-dump", "setup-namespaces", "post-restore" */
};

/* The path of the program: wanted, else $WABE_CRIU, else "criu" for PATH. malloc'ed, NULL: no memory. */
char *criu_program(const char *wanted);

/* A command line: a growing list of words. Failure of memory is remembered, criu_run tells it. */
struct criu_call {
	struct string_list words;
	int kept_fd; /* criu has it open until it ends; 0: none */
	bool is_broken;
};
void criu_add(struct criu_call *call, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void criu_clear(struct criu_call *call);
/* What all calls have: images, log, verbosity. */
void criu_begin(struct criu_call *call, const char *program, const char *command, const char *directory, const char *log,
	bool verbose);
/* Stages are told: through the channel, and to a script of the user, or NULL. */
void criu_add_action(struct criu_call *call, const char *user_script);

/* Connections, sockets and locks, on both sides. */
void criu_add_limits(struct criu_call *call, const struct checkpoint_limits *limits, bool closes_tcp);

struct criu_process {
	pid_t pid;
	int channel_fd; /* stages come here */
	bool is_patient; /* what it waits for may take its time: it is not ended when it stands still */
};
/* In a process about to become criu: the standard fds are /dev/null, channel_fd is its end. Returns only on failure. */
int criu_exec(struct criu_call *call, int channel_fd, struct error *err);
/* A child with the other end of a channel, which run must not return from. */
int criu_fork(void (*run)(void *data, int channel_fd), void *data, struct criu_process *ret, struct error *err);
/* A child that is criu, in a session of its own: an interrupt at the caller's terminal must not hit it in the middle. */
int criu_spawn(struct criu_call *call, struct criu_process *ret, struct error *err);

/*
 * Serves the stages until criu has ended; after post-restore one that stands still for 10 s is ended. stage: 0: go on, negative with *err filled: criu takes all back. Returns 0, or
 * -errno with *err filled: the stage's error, else criu's own reason out of its log (path log).
 */
int criu_serve(struct criu_process *process, int (*stage)(const struct criu_stage *stage, void *data, struct error *err),
	void *data, const char *log, const char *what, struct error *err);

/* Why a criu with this wait status failed: its first error in its log, else the status. Returns a negative number. */
int criu_tell_failure(int status, const char *log, const char *what, struct error *err);

/*
 * criu's output for one short question ("--version"), first line, or with wants_errors its first error if there is one;
 * its exit status, or -errno.
 */
int criu_ask(char *const *argv, bool wants_errors, char *answer, size_t size);
