#pragma once
#include "migrate/message.h"

#include <sys/types.h>

struct tree_sender;

/*
 * The images of memory, pages-N.img, sent while criu writes them: by a child, which has the stream until live_end. What it
 * has sent is a tree of its own, the rest comes behind it as always.
 */
struct live {
	pid_t pid; /* 0: none */
	int channel_fd;
};

/* directory: in which the directory name will be made, with files that only grow. 0 or -errno. */
int live_begin(struct live *live, const char *directory, const char *name, struct stream *stream);
/*
 * Nothing is written any more: the child sends what is left, and ends. memory leaves out what it has sent whole. 0 or -errno
 * (of the stream); the receiver's answer comes then. After a failure of the dump it is the same, the stream stays in order.
 */
int live_end(struct live *live, const char *directory, struct stream *stream, struct tree_sender *memory);
