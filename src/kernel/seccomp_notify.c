#include "kernel/seccomp_notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"

int seccomp_notify_receive(int listener_fd, union seccomp_call *ret)
{
	memset(ret, 0, sizeof(*ret));
	return ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_RECV, ret) < 0 ? -errno : 0;
}

void seccomp_notify_answer(int listener_fd, const struct seccomp_notif_resp *answer)
{
	struct {
		struct seccomp_notif_resp answer;
		char grown[256]; /* of a newer kernel */
	} padded = { .answer = *answer };

	padded.answer.flags &= SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	(void)ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &padded); /* ENOENT: interrupted */
}

int seccomp_caller_open(int listener_fd, const struct seccomp_notif *call, struct seccomp_caller *ret)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", call->pid);
	*ret = (struct seccomp_caller){ listener_fd, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), call->id };
	if (ret->proc_fd < 0)
		return -ESRCH;
	if (seccomp_caller_waits(ret))
		return 0;
	close_fd(&ret->proc_fd);
	return -ESRCH;
}

bool seccomp_caller_waits(const struct seccomp_caller *caller)
{
	uint64_t id = caller->id;

	return ioctl(caller->listener_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

int seccomp_caller_memory(const struct seccomp_caller *caller, int flags)
{
	int fd = openat(caller->proc_fd, "mem", flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int seccomp_caller_path(const struct seccomp_caller *caller, uint64_t address, char path[SECCOMP_PATH_SIZE])
{
	auto_close int fd = seccomp_caller_memory(caller, O_RDONLY);

	if (fd < 0)
		return fd;
	ssize_t n = pread(fd, path, SECCOMP_PATH_SIZE - 1, (off_t)address); /* as much of it as is mapped */
	if (n <= 0)
		return -EFAULT;
	path[n] = '\0';
	return strlen(path) == SECCOMP_PATH_SIZE - 1 ? -ENAMETOOLONG : 0;
}
