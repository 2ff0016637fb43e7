/*
 * A page server of criu (criu: page-xfer.c): messages of one size, each a command with flags in its upper half, a number of pages, an
 * address and the image that it is about; those that add pages are followed by them. Since 4.2 the number of pages has 64 bits. Opening
 * an image is answered by a byte (is there a parent that criu has to look at?), the end by a number (0: all is written).
 */
#include "memory/memory.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "memory/writer.h"

enum command { OPEN = 4, PARENT = 5, ADD = 6, FLUSH = 0x1023, FLUSH_AND_CLOSE = 0x1024 };
enum kind { PROCESS = 1, SHARED = 2 }; /* lowest byte of the image, its number above */

/* What criu may have sent before it is read: all of it in most cases, for it goes on meanwhile (pages are passed, not copied). */
#define AHEAD_BYTES (1 << 29)

struct request {
	uint32_t command;
	uint64_t pages, address, image;
};

struct server {
	struct memory_writer writer;
	unsigned char *buffer; /* MEMORY_CHUNK pages */
	uint64_t image;	       /* that is open; 0: none */
	size_t request_size;   /* 24 or 32; 0: not known yet */
	int socket_fd;
};

/* The first request waits for its answer: it comes alone, and so tells its size. 1, or 0 at the end. */
static int receive_request(struct server *server, struct request *ret)
{
	unsigned char bytes[32] = { 0 };
	uint32_t pages;

	if (server->request_size == 0) {
		ssize_t n = recv(server->socket_fd, bytes, sizeof(bytes), 0);
		if (n != 24 && n != 32)
			return n < 0 ? -errno : n == 0 ? 0 : -EPROTO;
		server->request_size = (size_t)n;
	} else {
		int r = read_full(server->socket_fd, bytes, server->request_size);
		if (r < 0)
			return r;
	}
	memcpy(&ret->command, bytes, 4);
	memcpy(&pages, bytes + 4, 4);
	memcpy(&ret->pages, bytes + 8, 8);
	if (server->request_size == 24)
		ret->pages = pages;
	memcpy(&ret->address, bytes + server->request_size - 16, 8);
	memcpy(&ret->image, bytes + server->request_size - 8, 8);
	return 1;
}

static int answer(const struct server *server, const void *data, size_t size)
{
	return send(server->socket_fd, data, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -errno;
}

static int close_image(struct server *server)
{
	int r = server->image ? memory_writer_close(&server->writer) : 0;

	server->image = 0;
	return r;
}

/* That it has a parent criu must not know: it would leave out what it holds to be unchanged. */
static int open_image(struct server *server, const struct request *request)
{
	unsigned kind = request->image & 0xff;
	char name[64];
	int r = close_image(server);

	if (kind != PROCESS && kind != SHARED)
		return -EPROTO;
	(void)snprintf(name, sizeof(name), kind == PROCESS ? "pagemap-%llu.img" : "pagemap-shmem-%llu.img",
		(unsigned long long)(request->image >> 8));
	r = r ?: memory_writer_open(&server->writer, name);
	server->image = request->image;
	return r ?: answer(server, "", 1);
}

static int add_pages(struct server *server, const struct request *request)
{
	unsigned flags = request->command >> 16;

	if (server->image != request->image || !server->image)
		return -EPROTO;
	if (!(flags & IMAGE_PRESENT))
		return memory_writer_add(&server->writer, request->address, request->pages, NULL, flags & IMAGE_LAZY);
	for (uint64_t done = 0; done < request->pages;) {
		uint64_t pages = request->pages - done < MEMORY_CHUNK ? request->pages - done : MEMORY_CHUNK;
		int r = read_full(server->socket_fd, server->buffer, pages * MEMORY_PAGE);
		r = r ?: memory_writer_add(&server->writer, request->address + done * MEMORY_PAGE, pages, server->buffer,
				flags & IMAGE_LAZY);
		if (r < 0)
			return r;
		done += pages;
	}
	return 0;
}

/* 1: it was the last. */
static int handle(struct server *server, const struct request *request)
{
	static const int32_t no[1]; /* all is well; there is no parent */
	unsigned command = request->command & 0xffff;
	int r;

	switch (command) {
	case OPEN:
		return open_image(server, request);
	case PARENT:
		return answer(server, no, sizeof(no));
	case ADD:
		return add_pages(server, request);
	case FLUSH:
	case FLUSH_AND_CLOSE:
		r = close_image(server);
		r = r ?: answer(server, no, sizeof(no));
		return r ?: command == FLUSH_AND_CLOSE;
	}
	return -EPROTO;
}

static int serve(struct server *server)
{
	struct request request = { 0 };
	int r;

	do {
		r = receive_request(server, &request);
		r = r == 1 ? handle(server, &request) : r ?: 1;
	} while (r == 0);
	return r > 0 || r == -ENODATA || r == -ECONNRESET ? 0 : r; /* that criu gave up is its business */
}

static _Noreturn void run(int dir_fd, int socket_fd, int channel_fd, pid_t parent)
{
	struct memory_tables old = { 0 };
	struct server server = { .writer = { .dir_fd = dir_fd, .old = &old }, .socket_fd = socket_fd,
		.buffer = malloc(MEMORY_CHUNK * MEMORY_PAGE) };
	int result = server.buffer ? 0 : -ENOMEM;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* without the caller nobody needs what it writes */
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	result = result ?: memory_tables_load_parent(&old, dir_fd);
	(void)send(channel_fd, &result, sizeof(result), MSG_NOSIGNAL); /* ready, or not */
	result = result ?: serve(&server);
	(void)send(channel_fd, &result, sizeof(result), MSG_NOSIGNAL);
	_exit(EXIT_SUCCESS);
}

static int hear(struct memory_server *server, struct error *err)
{
	int result = -EPIPE; /* it was killed */

	(void)recv(server->channel_fd, &result, sizeof(result), 0);
	return result < 0 ? error_set(err, result, "write the images of memory") : 0;
}

int memory_serve(int dir_fd, struct memory_server *ret, struct error *err)
{
	int sockets[2], channel[2], ahead = AHEAD_BYTES;
	pid_t parent = getpid();

	*ret = (struct memory_server){ 0 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set(err, errno, "start a page server");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0) {
		int r = error_set(err, errno, "start a page server");
		close(sockets[0]);
		close(sockets[1]);
		return r;
	}
	(void)setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUFFORCE, &ahead, sizeof(ahead)); /* else it waits sometimes */
	pid_t pid = fork();
	if (pid == 0) {
		close(sockets[0]);
		run(dir_fd, sockets[1], channel[1], parent);
	}
	close(sockets[1]);
	close(channel[1]);
	*ret = (struct memory_server){ .pid = pid, .socket_fd = sockets[0], .channel_fd = channel[0] };
	int r = pid < 0 ? error_set(err, errno, "start a page server") : hear(ret, err);
	if (r < 0) {
		struct error ignored;
		(void)memory_serve_end(ret, &ignored);
	}
	return r;
}

int memory_serve_end(struct memory_server *server, struct error *err)
{
	if (server->channel_fd <= 0)
		return 0;
	if (server->socket_fd > 0)
		close_fd(&server->socket_fd);
	int r = hear(server, err);
	close_fd(&server->channel_fd);
	if (server->pid > 0)
		(void)process_wait(server->pid, NULL);
	*server = (struct memory_server){ 0 };
	return r;
}
