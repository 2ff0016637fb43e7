#pragma once
#include "base/error.h"
#include "migrate/message.h"

/*
 * A directory tree through a stream, in passes: each sends what has changed since the one before, by inode, size, mtime
 * and ctime. Owners, modes, times, attributes (ACLs and file capabilities among them), hard links, holes and device nodes
 * are kept; sockets and what is mounted below are left out.
 */
struct tree_sender;

struct tree_counts {
	uint64_t entries, bytes; /* sent in this pass */
};

/* is_written_once: what is there once does not change any more. NULL: no memory. */
struct tree_sender *tree_sender_new(bool is_written_once);
void tree_sender_free(struct tree_sender *sender);

/* The receiver has the file, or gets it otherwise: it is not sent. 0 or -ENOMEM. */
int tree_sender_leave_out(struct tree_sender *sender, const char *path);

struct stat;
/* Owner, mode and times, as they stand in the messages of entries. */
void tree_put_metadata(struct message *message, const struct stat *info);

/*
 * One pass over what root_fd is open on (borrowed), name: for errors. What changes meanwhile is for the next pass; one over
 * a tree at rest makes the copy whole. MESSAGE_TREE_END is sent and flushed; there is no answer.
 */
int tree_send(struct tree_sender *sender, int root_fd, const char *name, struct stream *stream, struct tree_counts *ret,
	struct error *err);

/* Takes entries up to MESSAGE_TREE_END into root_fd. Nothing outside of it is touched, whatever the stream says. */
int tree_receive(int root_fd, const char *name, struct stream *stream, struct error *err);
