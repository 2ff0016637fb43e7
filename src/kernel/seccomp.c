/* seccomp(2): the filter of the calling process. */
#include "kernel/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int seccomp_load_filter(struct sock_filter *instructions, size_t count, unsigned flags, int *ret_listener_fd)
{
	struct sock_fprog program = { .len = (unsigned short)count, .filter = instructions };

	if (count == 0 || count > BPF_MAXINSNS)
		return -E2BIG;
	flags |= ret_listener_fd ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (r < 0)
		return -errno;
	if (ret_listener_fd)
		*ret_listener_fd = (int)r;
	return 0;
}

bool seccomp_filter_notifies(const struct sock_filter *instructions, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (instructions[i].code == (BPF_RET | BPF_K) && instructions[i].k == SECCOMP_RET_USER_NOTIF)
			return true;
	return false;
}

bool seccomp_is_active(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0;
}
