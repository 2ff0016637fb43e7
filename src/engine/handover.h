#pragma once
#include "base/error.h"
#include "engine/plan.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct seccomp_filter;

enum message_kind {
	MESSAGE_SIGNAL, /* between the halves of a start */
	MESSAGE_ERROR,
	MESSAGE_RUNNING,  /* supervisor to caller; value: pid of init */
	MESSAGE_ENDED,	  /* supervisor to caller in the foreground; value: wait status */
	MESSAGE_LISTENER, /* of a program about to be executed, with its seccomp filter's listener */
	MESSAGE_READY,	  /* of the same: the last one */
	MESSAGE_WARNING,  /* supervisor to caller, before MESSAGE_RUNNING; the text is the error's */
};

struct message {
	uint32_t kind; /* enum message_kind */
	uint32_t point;
	int32_t value;
	struct error error; /* sent only with MESSAGE_ERROR and MESSAGE_WARNING */
};

/* One SOCK_SEQPACKET pair between supervisor and init; each side closes the other's end after the clone. */
struct handover {
	int supervisor_fd;
	int init_fd;
};

int handover_open(struct handover *handover);
void handover_close(struct handover *handover);

int message_send(int fd, const struct message *message);

/* Blocks for one message. 0, -ECONNRESET (the other side is gone: end of file), -errno. */
int message_receive(int fd, struct message *ret);
/* The same; *ret_fd gets the fd that came with it, or -1. */
int message_receive_fd(int fd, struct message *ret, int *ret_fd);

/* Waits for point; a MESSAGE_ERROR instead is returned as its error with *err filled. */
int handover_await(int fd, enum signal_point point, struct error *err);
int handover_signal(int fd, enum signal_point point);

/* Loads the filter into the caller, last before exec; the listener of one that notifies goes out as MESSAGE_LISTENER. */
int handover_load_seccomp(int fd, const struct seccomp_filter *filter, struct error *err);

/* Looks, without waiting, for an error among what the other side sent; true: *err is it. */
bool handover_find_error(int fd, struct error *err);
