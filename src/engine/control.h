#pragma once
#include "engine/start.h"

#include <poll.h>

/*
 * The command socket: abstract, LXCPATH/NAME/command (hashed when too long), with the frames that others speak
 * to it: struct control_frame and datalen bytes, the answer in the same form. Numbers below 100 are LXC's.
 */
enum control_command {
	CONTROL_GET_TTY_FD = 0,
	CONTROL_STOP = 2,
	CONTROL_GET_STATE = 3,
	CONTROL_GET_INIT_PID = 4,
	CONTROL_GET_CGROUP = 6,
	CONTROL_GET_NAME = 8,
	CONTROL_GET_LXCPATH = 9,
	CONTROL_CONSOLE_LOG = 11,
	CONTROL_ADD_LISTENER = 13, /* an attached program's seccomp filter has one; it comes as an fd */
	CONTROL_FREEZE = 15,
	CONTROL_UNFREEZE = 16,
	CONTROL_GET_INIT_PIDFD = 18,
	CONTROL_GET_LIMIT_CGROUP = 19,
	CONTROL_GET_LISTENER = 22, /* of init's seccomp filter */
};

struct control_frame {
	int32_t number; /* request: command; answer: 0 or -errno */
	int32_t length; /* of what follows */
	uint64_t value; /* request: a small argument (tty number); answer: a small result */
};

/* Payload of CONTROL_CONSOLE_LOG. */
struct control_console_log {
	uint64_t max;
	uint8_t read, clear, unused[6]; /* no hole: it is sent as it lies in memory */
};

#define CONTROL_CONNECTIONS 32

struct control {
	int listen_fd;
	int fds[CONTROL_CONNECTIONS]; /* -1: free */
};

/* Both for an id: 0 or -errno. */
int control_listen(const struct container_id *id, int *ret_fd, struct error *err);
int control_connect(const struct container_id *id);

/* Takes a waiting connection; drops it when all places are taken or its user is not ours. */
void control_accept(struct control *control);
/* Serves what connection number i has to say; closes it at its end. */
void control_serve(struct control *control, size_t i, struct start *start);

/* Client side: one request and its answer. *ret_fd gets a passed fd or -1; payload malloc'ed. 0 or -errno. */
int control_ask(int fd, int32_t command, uint64_t value, const void *data, size_t length, struct control_frame *answer,
	char **ret_payload, int *ret_fd);

/* Hands an attached program's seccomp listener to the supervisor. 0 or -errno; -ECONNREFUSED: there is none. */
int control_add_listener(const struct container_id *id, int listener_fd);
