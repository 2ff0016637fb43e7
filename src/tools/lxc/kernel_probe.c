/* Asks the running kernel what it can do. A call with arguments that can not succeed tells it: ENOSYS or not. */
#include "tools/lxc/kernel_probe.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "base/file.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* newer than some C libraries; the same on all architectures: include/uapi/asm-generic/unistd.h */
enum { CALL_STATMOUNT = 457, CORE_SCHEDULING = 62 };

static bool has_clone3(void)
{
	return syscall(SYS_clone3, NULL, (size_t)0) >= 0 || errno != ENOSYS;
}

static bool has_pidfd(void)
{
	return syscall(SYS_pidfd_open, -1, 0) >= 0 || errno != ENOSYS;
}

static bool has_mount_api(void)
{
	return syscall(SYS_open_tree, -1, NULL, 0) >= 0 || errno != ENOSYS;
}

static bool has_mount_setattr(void)
{
	return syscall(SYS_mount_setattr, -1, NULL, 0, NULL, (size_t)0) >= 0 || errno != ENOSYS;
}

static bool has_statmount(void)
{
	return syscall(CALL_STATMOUNT, NULL, NULL, (size_t)0, ~0U) >= 0 || errno != ENOSYS;
}

static bool has_openat2(void)
{
	return syscall(SYS_openat2, -1, NULL, NULL, (size_t)0) >= 0 || errno != ENOSYS;
}

static bool has_close_range(void)
{
	return syscall(SYS_close_range, ~0U, 0U, ~0U) >= 0 || errno != ENOSYS;
}

static bool has_landlock(void)
{
	return syscall(444, NULL, 0UL, 1U) > 0; /* landlock_create_ruleset: the version */
}

static bool has_seccomp(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

static bool has_seccomp_notify(void)
{
	uint32_t action = SECCOMP_RET_USER_NOTIF;
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static bool has_keyrings(void)
{
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) >= 0 || errno != ENOSYS;
}

static bool has_core_scheduling(void)
{
	uint64_t cookie;
	return prctl(CORE_SCHEDULING, 0, 0, 0, &cookie) >= 0 || errno != EINVAL;
}

static bool has_file_capabilities(void)
{
	return prctl(PR_CAPBSET_READ, 31 /* CAP_SETFCAP */, 0, 0, 0) >= 0;
}

/* "return 1": the shortest filter of devices. */
static bool has_device_filters(void)
{
	static const struct bpf_insn program[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr attribute;
	memset(&attribute, 0, sizeof(attribute));
	attribute.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attribute.insns = (uint64_t)(uintptr_t)program;
	attribute.insn_cnt = 2;
	attribute.license = (uint64_t)(uintptr_t) "GPL";
	auto_close int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attribute, sizeof(attribute));
	return fd >= 0 || (errno != ENOSYS && errno != EINVAL);
}

static const struct {
	const char *name;
	bool (*has)(void);
} calls[] = {
	{ "clone3", has_clone3 },
	{ "pidfd", has_pidfd },
	{ "mount-api", has_mount_api },
	{ "mount_setattr", has_mount_setattr },
	{ "statmount", has_statmount },
	{ "openat2", has_openat2 },
	{ "close_range", has_close_range },
	{ "seccomp", has_seccomp },
	{ "seccomp-notify", has_seccomp_notify },
	{ "keyrings", has_keyrings },
	{ "landlock", has_landlock },
	{ "core-scheduling", has_core_scheduling },
	{ "file-capabilities", has_file_capabilities },
	{ "device-filters", has_device_filters },
};

enum probe_result probe_call(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].has() ? PROBE_ENABLED : PROBE_MISSING;
	return PROBE_UNKNOWN;
}

enum probe_result probe_path(const char *path)
{
	return access(path, F_OK) == 0 ? PROBE_ENABLED : PROBE_MISSING;
}

enum probe_result probe_namespace(const char *name)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	return probe_path(path);
}

/* fsopen loads a module that the list of /proc/filesystems does not have yet. */
enum probe_result probe_filesystem(const char *type)
{
	auto_free char *text = NULL;
	size_t length, type_length = strlen(type);
	auto_close int fd = (int)syscall(SYS_fsopen, type, 0);
	if (fd >= 0)
		return PROBE_ENABLED;
	if (errno == ENODEV)
		return PROBE_MISSING;
	if (file_read(-1, "/proc/filesystems", 1 << 20, &text, &length) < 0)
		return PROBE_UNKNOWN;
	for (const char *at = text; (at = strstr(at, type)); at += type_length)
		if (at > text && at[-1] == '\t' && at[type_length] == '\n')
			return PROBE_ENABLED;
	/* as a user one can not tell a module that is not loaded from one that is not there */
	return PROBE_UNKNOWN;
}

/* ---- links ---- */

struct link_request {
	struct nlmsghdr header;
	struct ifinfomsg link;
	struct rtattr info;
	struct rtattr kind;
	char text[16];
};

/* The answer of the kernel to a new link of this kind, whose further attributes are missing. */
static int ask_for_link(const char *kind)
{
	struct link_request request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_NEWLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL },
		.info = { .rta_len = sizeof(request.info) + sizeof(request.kind) + sizeof(request.text),
			.rta_type = IFLA_LINKINFO },
		.kind = { .rta_len = sizeof(request.kind) + sizeof(request.text), .rta_type = IFLA_INFO_KIND },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer = { .error = { .error = -EIO } };
	(void)snprintf(request.text, sizeof(request.text), "%s", kind);
	auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
		return -EIO;
	return answer.error.error;
}

enum probe_result probe_link_kind(const char *kind)
{
	int status;
	pid_t pid = fork();
	if (pid < 0)
		return PROBE_UNKNOWN;
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
			_exit(PROBE_UNKNOWN);
		int r = ask_for_link(kind);
		/* in a user namespace a module may not be loaded, so that "no such kind" is no answer there */
		bool is_known = r != -EOPNOTSUPP && r != -EIO && r != -EPERM;
		_exit(is_known ? PROBE_ENABLED : r == -EOPNOTSUPP && geteuid() == 0 ? PROBE_MISSING : PROBE_UNKNOWN);
	}
	if (process_wait(pid, &status) < 0)
		return PROBE_UNKNOWN;
	return WIFEXITED(status) ? (enum probe_result)WEXITSTATUS(status) : PROBE_UNKNOWN;
}
