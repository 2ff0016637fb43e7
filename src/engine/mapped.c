/* Work on what belongs to a container's ids, by an ordinary user: in a child that is root of a user namespace. */
#include "engine/mapped.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "engine/idmaps.h"

/* What the child sends: first that its namespace is there, at the end what became of it. */
struct result {
	int result;
	struct error error;
};

bool engine_needs_mapping(const struct spec *spec)
{
	return geteuid() != 0 && spec->idmaps.count > 0;
}

static int become_root(struct error *err)
{
	/* EPERM: setgroups(2) is denied where the own group alone is mapped */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return error_set(err, errno, "drop the supplementary groups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) {
		(void)error_set(err, errno, "become root of the container's user namespace");
		return error_hint(err, "map user and group 0 with lxc.idmap");
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_set(err, errno, "separate the mounts from the host's");
	return 0;
}

static void run_child(int fd, mapped_work work, void *data) __attribute__((noreturn));

static void run_child(int fd, mapped_work work, void *data)
{
	struct result result = { 0 };
	char go;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* of a thread's own: it waits for us */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
		result.result = error_set(&result.error, errno, "make a user namespace");
		if (errno == EPERM || errno == ENOSPC)
			error_hint(&result.error, "allow them: sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces");
	}
	(void)send(fd, &result, sizeof(result), MSG_NOSIGNAL);
	if (result.result < 0 || recv(fd, &go, 1, 0) != 1)
		_exit(1);
	result.result = become_root(&result.error);
	if (result.result == 0)
		result.result = work(data, &result.error);
	(void)send(fd, &result, sizeof(result), MSG_NOSIGNAL);
	_exit(0);
}

static int receive(int fd, struct error *err)
{
	struct result result;
	ssize_t length;

	while ((length = recv(fd, &result, sizeof(result), 0)) < 0 && errno == EINTR)
		;
	if (length != sizeof(result))
		return error_set(err, EPIPE, "work in the container's user namespace");
	if (result.result < 0 && err)
		*err = result.error;
	return result.result;
}

int engine_run_inside(const struct spec *spec, mapped_work work, void *data, struct error *err)
{
	int fds[2];

	if (spec->idmaps.count == 0)
		return work(data, err);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return error_set(err, errno, "make a socket pair");
	auto_close int own = fds[0];
	pid_t pid = fork();
	if (pid == 0) {
		close_fd(&own);
		run_child(fds[1], work, data);
	}
	close(fds[1]);
	if (pid < 0)
		return error_set(err, errno, "make a process");
	int r = receive(own, err);
	r = r ?: idmaps_write(spec, pid, true, err);
	if (r == 0) {
		(void)send(own, "", 1, MSG_NOSIGNAL);
		r = receive(own, err);
	}
	close_fd(&own); /* the child ends when it waits still */
	(void)process_wait(pid, NULL); /* our child: it is there */
	return r;
}

int engine_run_mapped(const struct spec *spec, mapped_work work, void *data, struct error *err)
{
	return engine_needs_mapping(spec) ? engine_run_inside(spec, work, data, err) : work(data, err);
}
