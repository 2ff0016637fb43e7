/* NOTIFY_SOCKET. */
#include "engine/oci_ready.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "kernel/fd_passing.h"
#include "spec/spec.h"

#define DIRECTORY  "notify"
#define SOCKET	   DIRECTORY "/notify.sock"
#define BARRIER_MS 30000

int oci_ready_prepare(struct spec *spec, int run_fd, const char *run_path, struct error *err)
{
	bool has_own_mounts = spec_new_namespaces(spec) & 1U << NAMESPACE_MOUNT;

	if (!spec->oci.notify_socket)
		return 0;
	if (!has_own_mounts)
		return text_replace(&spec->oci.notify_socket, NULL);
	struct spec_mount *entry = vector_add(&spec->mounts.entries);
	if (!entry || !(entry->target = strdup("/run/notify")) || !(entry->type = strdup("bind")) ||
		text_format(&entry->source, "%s/" DIRECTORY, run_path) < 0)
		return error_set(err, ENOMEM, "prepare the container");
	entry->flags_set = MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
	if (mkdirat(run_fd, DIRECTORY, 0755) < 0)
		return error_set(err, errno, "make %s/" DIRECTORY, run_path);
	return 0;
}

int oci_ready_open(const struct spec *spec, int run_fd, int *ret_fd, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (!spec->oci.notify_socket)
		return 0;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" SOCKET, run_fd);
	auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || fchmodat(run_fd, SOCKET, 0777, 0) < 0)
		return error_set(err, errno, "listen for READY=1 of the container");
	*ret_fd = take_fd(&fd);
	return 0;
}

static bool says_ready(char *text)
{
	for (char *line; (line = strsep(&text, "\n"));)
		if (strcmp(line, "READY=1") == 0)
			return true;
	return false;
}

bool oci_ready_serve(int fd, const struct spec *spec, pid_t init_pid)
{
	char text[4096], answer[48];
	ssize_t length = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT); /* descriptors that come with it are dropped */

	if (length <= 0)
		return false;
	text[length] = '\0';
	if (!says_ready(text))
		return false;
	/* one message: behind a MAINPID of its own systemd may not listen to us any more (NotifyAccess=main) */
	(void)snprintf(answer, sizeof(answer), "READY=1\nMAINPID=%d", init_pid);
	auto_close int host_fd = oci_connect(SOCK_DGRAM, spec->oci.notify_socket);
	if (host_fd >= 0)
		(void)send(host_fd, answer, strlen(answer), MSG_NOSIGNAL); /* who listens may be gone: the container runs */
	return true;
}

/* sd_notify(3), BARRIER=1: systemd looks up who has sent a message when it reads it, so the sender must be there still. */
static void await_barrier(const struct spec *spec)
{
	char word[] = "BARRIER=1";
	struct iovec part = { word, strlen(word) };
	int pair[2];

	auto_close int host_fd = oci_connect(SOCK_DGRAM, spec->oci.notify_socket);
	if (host_fd < 0 || pipe2(pair, O_CLOEXEC) < 0)
		return;
	auto_close int read_fd = pair[0];
	int r = fd_passing_send(host_fd, &part, 1, &pair[1], 1);
	close_fd(&pair[1]);
	struct pollfd closed = { .fd = read_fd };
	if (r >= 0)
		(void)poll(&closed, 1, BARRIER_MS);
}

void oci_ready_await(int fd, const struct spec *spec, pid_t init_pid, int init_pidfd)
{
	for (;;) {
		struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = init_pidfd, .events = POLLIN } };
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents && oci_ready_serve(fd, spec, init_pid))
			return await_barrier(spec);
		if (!fds[0].revents && fds[1].revents)
			return;
	}
}
