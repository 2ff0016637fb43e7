#include "migrate/peer.h"

#include "base/cleanup.h"
#include "base/process.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

int peer_open(struct peer *peer, const char *command, int timeout_ms, struct error *err)
{
	int to[2], from[2];
	*peer = (struct peer){ .fds = { -1, -1 } };
	if (pipe2(to, O_CLOEXEC) < 0)
		return error_set(err, errno, "run %s", command);
	auto_close int their_in = to[0], our_out = to[1];
	if (pipe2(from, O_CLOEXEC) < 0)
		return error_set(err, errno, "run %s", command);
	auto_close int our_in = from[0], their_out = from[1];
	char *const argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)(uintptr_t)command, NULL };
	int r = process_spawn(argv, NULL, (int[3]){ their_in, their_out, 2 }, &peer->pid);
	if (r < 0)
		return error_set(err, r, "run %s", command);
	(void)fcntl(our_out, F_SETFL, O_NONBLOCK);
	(void)fcntl(our_out, F_SETPIPE_SZ, 1024 * 1024); /* refused: as large as it is */
	peer->fds[0] = take_fd(&our_in);
	peer->fds[1] = take_fd(&our_out);
	peer->stream = (struct stream){ .in_fd = peer->fds[0], .out_fd = peer->fds[1], .timeout_ms = timeout_ms };
	return 0;
}

/* It ends by itself when its input does; one that does not is ended. */
static void end_command(pid_t pid)
{
	int status;
	for (int i = 0; i < 40; i++) {
		pid_t done = waitpid(pid, &status, WNOHANG);
		if (done == pid || (done < 0 && errno != EINTR))
			return;
		if (i == 20)
			(void)kill(pid, SIGTERM);
		(void)nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
	(void)kill(pid, SIGKILL);
	(void)process_wait(pid, &status);
}

void peer_close(struct peer *peer)
{
	close_fd(&peer->fds[1]);
	close_fd(&peer->fds[0]);
	if (peer->pid > 0)
		end_command(peer->pid);
	peer->pid = 0;
	stream_clear(&peer->stream);
	message_clear(&peer->message);
}

int peer_answer(struct peer *peer, struct pairs *ret, struct error *err)
{
	int r = stream_receive(&peer->stream, &peer->message);
	if (r == -EPROTO) {
		(void)error_set_kind(err, ERROR_KERNEL, EPROTO, "what the other side sent is no answer");
		(void)error_hint(err, "see that its shell prints nothing when it starts");
		return -EREMOTEIO;
	}
	if (r < 0) {
		(void)error_set_kind(err, ERROR_KERNEL, r == -ENODATA ? 0 : r, "the link to the other side is lost");
		return -ENOTCONN;
	}
	const char *text = message_get_text(&peer->message);
	if (peer->message.type == MESSAGE_FAULT) {
		(void)error_set_kind(err, ERROR_KERNEL, 0, "target: %.400s", text);
		return -EREMOTEIO;
	}
	if (peer->message.type != MESSAGE_OK && peer->message.type != MESSAGE_HELLO) {
		(void)error_set_kind(err, ERROR_INTERNAL, EPROTO, "answer %u is not known", peer->message.type);
		return -EREMOTEIO;
	}
	return ret && pairs_parse(ret, text) < 0 ? error_set(err, ENOMEM, "read the answer") : 0;
}
