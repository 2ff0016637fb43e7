/* wabe-dhcp: into the container's network, and out of everything else. */
#include "programs/dhcp.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/capability.h"
#include "kernel/namespace.h"
#include "kernel/seccomp.h"

#define NOBODY 65534

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define OWN_ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

static bool is_same_file(int a_fd, int b_fd)
{
	struct stat a, b;

	return fstat(a_fd, &a) == 0 && fstat(b_fd, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int dhcp_join(pid_t init_pid, bool *ret_is_root)
{
	auto_close int own_fd = namespace_open(0, NAMESPACE_USER);
	auto_close int user_fd = namespace_open(init_pid, NAMESPACE_USER);
	auto_close int net_fd = namespace_open(init_pid, NAMESPACE_NET);

	if (own_fd < 0 || user_fd < 0 || net_fd < 0)
		return own_fd < 0 ? own_fd : user_fd < 0 ? user_fd : net_fd;
	*ret_is_root = !is_same_file(own_fd, user_fd);
	if (*ret_is_root && setns(user_fd, CLONE_NEWUSER) < 0)
		return -errno;
	return setns(net_fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

/* Root's files are not ours any more. */
static int leave_user(bool is_root)
{
	uid_t id = is_root ? 0 : NOBODY;

	for (int number = capability_last(); number >= 0; number--)
		(void)capability_drop_bound((unsigned)number); /* with no_new_privs there is no way to them anyway */
	/* EPERM: setgroups(2) is denied where an ordinary user has mapped nothing but the own group */
	if (setgroups(0, NULL) < 0 && !(is_root && errno == EPERM))
		return -errno;
	int r = capability_keep_on_setuid();
	if (r < 0)
		return r;
	return setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0 ? -errno : 0;
}

static int keep_net_admin(void)
{
	const struct capability_sets sets = { .effective = 1ULL << CAP_NET_ADMIN, .permitted = 1ULL << CAP_NET_ADMIN };

	return capability_set(&sets);
}

/* What the loop needs. Anything else ends the process. */
static int limit_calls(void)
{
	static const int calls[] = {
#ifdef SYS_poll
		SYS_poll,
#endif
		SYS_ppoll, SYS_read, SYS_write, SYS_pwrite64, SYS_ftruncate, SYS_close, SYS_sendto, SYS_sendmsg, SYS_recvfrom,
		SYS_recvmsg, SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep, SYS_getrandom, SYS_brk, SYS_munmap,
		SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_restart_syscall, SYS_exit, SYS_exit_group
	};
	struct sock_filter code[8 + 2 * sizeof(calls) / sizeof(*calls)];
	unsigned short count = 0;

#ifdef OWN_ARCHITECTURE
	code[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0);
	code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
#endif
	code[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1);
		code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	/* memory of malloc, that can not become code */
	code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 1);
	code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM);
	code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	return seccomp_load_filter(code, count, 0, NULL);
}

int dhcp_shed_rights(bool is_root)
{
	if (chdir("/") < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	int r = leave_user(is_root);
	r = r ?: keep_net_admin();
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r ?: limit_calls();
}
