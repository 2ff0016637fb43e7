#pragma once
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* File descriptors in messages of a UNIX socket: SCM_RIGHTS, man 7 unix. */
#define FD_PASSING_MAX 3

/* Sends the parts as one message with fds (at most FD_PASSING_MAX, borrowed; 0: none). 0 or -errno. */
int fd_passing_send(int socket_fd, struct iovec *parts, size_t part_count, const int *fds, size_t fd_count);

/*
 * recvmsg(2) of up to size bytes; *ret_fd gets the first fd that came along, close-on-exec, or -1 (others are
 * closed). The number of bytes, 0 at the end, or -errno.
 */
ssize_t fd_passing_receive(int socket_fd, void *data, size_t size, int flags, int *ret_fd);
