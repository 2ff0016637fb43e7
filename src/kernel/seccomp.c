/* seccomp(2): the filter of the calling process. */
#include "kernel/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int seccomp_load_filter(struct sock_filter *instructions, size_t count)
{
	struct sock_fprog program = { .len = (unsigned short)count, .filter = instructions };

	if (count == 0 || count > BPF_MAXINSNS)
		return -E2BIG;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

bool seccomp_is_active(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0;
}
