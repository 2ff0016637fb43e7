#pragma once
#include "base/error.h"
#include "migrate/message.h"

#include <sys/types.h>

/* The program at the other end, and the command that leads to it. */
struct peer {
	struct stream stream;
	pid_t pid; /* of the command; 0: none */
	int fds[2];
	struct message message; /* the last answer */
};

/* Runs the shell command. timeout_ms: of each answer. */
int peer_open(struct peer *peer, const char *command, int timeout_ms, struct error *err);
void peer_close(struct peer *peer);

/*
 * Waits for MESSAGE_OK, whose pairs go to *ret (may be NULL). -EREMOTEIO: the other side refused and said why; -ENOTCONN:
 * it is gone, or silent.
 */
int peer_answer(struct peer *peer, struct pairs *ret, struct error *err);
