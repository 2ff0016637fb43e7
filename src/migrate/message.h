#pragma once
#include "base/error.h"
#include "migrate/pairs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Messages over a stream of bytes. Each is a head of eight bytes, type and length as little endian 32-bit numbers, and
 * the content. docs/migration-protocol.md has the order in which they come.
 */
#define MESSAGE_MAX (64U << 20)
#define DATA_MAX    (4U << 20)

enum message_type {
	MESSAGE_HELLO = 1, /* pairs: who is there, what is wanted; the answer too */
	MESSAGE_CONFIG,	   /* text of the configuration */
	MESSAGE_BEGIN,	   /* make the container's directory */
	MESSAGE_COMPANION, /* name, mode, content of a small file beside the configuration */
	MESSAGE_TREE,	   /* "root" or "memory": entries follow, to MESSAGE_TREE_END */
	MESSAGE_TREE_END,
	MESSAGE_PREPARE,   /* all has been sent: to the disk with it */
	MESSAGE_COMMIT,	   /* the container is yours */
	MESSAGE_DONE,	   /* the source has noted that the target has it */
	MESSAGE_DROP,	   /* forget it */
	MESSAGE_OK,	   /* answer, pairs */
	MESSAGE_FAULT,	   /* answer: one line of text */
	/* of a tree; see tree.h */
	MESSAGE_DIRECTORY = 32,
	MESSAGE_NAMES,
	MESSAGE_FILE,
	MESSAGE_DATA,
	MESSAGE_FILE_END,
	MESSAGE_LINK,
	MESSAGE_SYMLINK,
	MESSAGE_NODE,
	MESSAGE_DIRECTORY_END,
};

struct message {
	uint32_t type;
	unsigned char *data;
	size_t length, capacity;
	size_t at;     /* of what is read next */
	size_t rest;   /* of MESSAGE_DATA: what is still in the stream, for stream_receive_data */
	bool is_short; /* more was read than there is, or memory was short */
};

void message_start(struct message *message, enum message_type type);
void message_put_number(struct message *message, uint64_t value);
/* length bytes, preceded by their number and followed by a NUL that is not counted. */
void message_put_bytes(struct message *message, const void *data, size_t length);
void message_put_text(struct message *message, const char *text);

/* 0 and "" behind the end, see is_short; borrowed until the next change. */
uint64_t message_get_number(struct message *message);
const char *message_get_bytes(struct message *message, size_t *ret_length);
const char *message_get_text(struct message *message);
void message_clear(struct message *message);

struct stream {
	int in_fd, out_fd;  /* borrowed */
	int timeout_ms;	    /* -1: for ever */
	uint64_t sent, received; /* bytes */
	unsigned char *pending; /* not written yet */
	size_t pending_length;
};

/* Sends are gathered until stream_flush. -EPIPE, -ECONNRESET: the other side is gone; -ETIMEDOUT. */
int stream_send(struct stream *stream, const struct message *message);
int stream_send_pairs(struct stream *stream, enum message_type type, const struct pairs *pairs);
int stream_send_text(struct stream *stream, enum message_type type, const char *text);
int stream_flush(struct stream *stream);
/*
 * MESSAGE_DATA with length bytes (at most DATA_MAX) of the file fd from at on, without a copy where the kernel can; behind the
 * file's end they are zeros. What was sent before is flushed.
 */
int stream_send_data(struct stream *stream, int fd, uint64_t at, size_t length);
/* -ENODATA: the other side is gone; -EPROTO: what it sends is none of this. */
int stream_receive(struct stream *stream, struct message *message);
/* After a MESSAGE_DATA: its content into the file fd, to where it belongs. */
int stream_receive_data(struct stream *stream, struct message *message, int fd);
/* Releases what it has, but the fds. */
void stream_clear(struct stream *stream);
