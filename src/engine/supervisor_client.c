/* What a front end asks of a supervisor: terminals, console log, seccomp listener. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/cleanup.h"
#include "engine/control.h"
#include "engine/running.h"

static int ask_supervisor(const struct container_id *id, struct error *err)
{
	struct running running;
	int r = container_load(id, 0, &running, err); /* replaces a supervisor that was killed */
	if (r < 0)
		return r;
	running_clear(&running);
	int fd = control_connect(id);
	if (fd < 0)
		return error_set(err, fd, "reach the supervisor of %s", id->name);
	struct timeval patience = { .tv_sec = id->answer_timeout_s };
	if (id->answer_timeout_s > 0) /* a socket takes any time */
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

int engine_console_open(const struct container_id *id, int *tty, int *ret_master_fd, int *ret_hold_fd,
	struct error *err)
{
	struct control_frame answer;
	auto_close int fd = ask_supervisor(id, err);
	if (fd < 0)
		return fd;
	int r = control_ask(fd, CONTROL_GET_TTY_FD, (uint64_t)(int64_t)*tty, NULL, 0, &answer, NULL, ret_master_fd);
	if (r == 0 && *ret_master_fd < 0)
		r = -EBADMSG;
	if (r == -EBUSY)
		return error_set(err, r, *tty > 0 ? "tty is in use" : "no tty of %s is free", id->name);
	if (r < 0)
		return error_set(err, r, "get tty %d of %s", *tty, id->name);
	*tty = (int)answer.value;
	*ret_hold_fd = take_fd(&fd);
	return 0;
}

int engine_console_log(const struct container_id *id, bool read, bool clear, uint64_t max, char **ret_data,
	size_t *ret_length, struct error *err)
{
	struct control_console_log wish = { .max = max, .read = read, .clear = clear };
	struct control_frame answer;
	int passed;
	auto_close int fd = ask_supervisor(id, err);
	if (fd < 0)
		return fd;
	int r = control_ask(fd, CONTROL_CONSOLE_LOG, 0, &wish, sizeof(wish), &answer, ret_data, &passed);
	if (r < 0)
		return error_set(err, r, "read the console log of %s", id->name);
	*ret_length = (size_t)answer.length;
	return 0;
}

int engine_seccomp_listener(const struct container_id *id, struct error *err)
{
	struct control_frame answer;
	int listener_fd;
	auto_close int fd = ask_supervisor(id, err);
	if (fd < 0)
		return fd;
	int r = control_ask(fd, CONTROL_GET_LISTENER, 0, NULL, 0, &answer, NULL, &listener_fd);
	if (r == 0 && listener_fd < 0)
		r = -EBADMSG;
	return r < 0 ? error_set(err, r, "get the seccomp listener of %s", id->name) : listener_fd;
}
