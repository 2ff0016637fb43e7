/*
 * wabe-statfs ROOTFS <LISTENER   tells a container on a btrfs subvolume with a limit how much room it has
 *
 * btrfs tells statfs(2) of the whole file system, whatever quota group asks. The container's seccomp filter notifies of
 * statfs and fstatfs; what lies in the container's own subvolume is answered here by the limit and the use of its quota
 * group, everything else by the kernel. The path is looked up with the caller's ids, and never leaves the root's mount: no
 * file system that the container serves itself (FUSE) is ever asked. Where anything is in doubt, the kernel answers. Runs
 * beside the supervisor, whose death it survives, until the last process below the filter is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/btrfs.h"
#include "kernel/path_in_root.h"
#include "kernel/seccomp_notify.h"

#define LISTENER   3
#define MAX_GROUPS 1024

/* What is limited. */
struct volume {
	int fd;
	dev_t device;
	uint64_t group;
};

/* By what the kernel lets somebody look up a path. */
struct identity {
	uid_t uid;
	gid_t gid, groups[MAX_GROUPS];
	size_t group_count;
};

/* ---- who asks ---- */

static const char *field(const char *status, const char *name)
{
	const char *line = strstr(status, name);

	return line ? line + strlen(name) : "";
}

/* The fourth of "real effective saved file-system". */
static unsigned fourth(const char *ids)
{
	unsigned id = UINT32_MAX;

	return sscanf(ids, "%*u %*u %*u %u", &id) == 1 ? id : UINT32_MAX;
}

static int read_identity(const struct seccomp_caller *caller, struct identity *ret)
{
	const uint64_t any_directory = 1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_DAC_OVERRIDE;
	auto_free char *status = NULL;
	size_t length;

	int r = file_read(caller->proc_fd, "status", 1 << 20, &status, &length);
	if (r < 0)
		return r;
	ret->uid = fourth(field(status, "\nUid:"));
	ret->gid = fourth(field(status, "\nGid:"));
	if (ret->uid == UINT32_MAX || ret->gid == UINT32_MAX)
		return -EINVAL;
	/* the id alone brings this program's capabilities with it */
	if (ret->uid == 0 && !(strtoull(field(status, "\nCapEff:"), NULL, 16) & any_directory))
		return -EPERM;
	char *next = (char *)(uintptr_t)field(status, "\nGroups:");
	for (ret->group_count = 0;; ret->group_count++) {
		next += strspn(next, "\t ");
		if (*next < '0' || *next > '9')
			return 0;
		if (ret->group_count == MAX_GROUPS)
			return -E2BIG;
		ret->groups[ret->group_count] = (gid_t)strtoul(next, &next, 10);
	}
}

/* For look-ups; another id than 0 has none of the capabilities for files: capabilities(7). */
static bool become(const struct identity *identity)
{
	if (syscall(SYS_setgroups, identity->group_count, identity->groups) < 0)
		return false;
	(void)setfsgid(identity->gid);
	(void)setfsuid(identity->uid);
	return (gid_t)setfsgid((gid_t)-1) == identity->gid && (uid_t)setfsuid((uid_t)-1) == identity->uid;
}

/* ---- what is asked for ---- */

/* Nobody is asked who could keep one waiting. */
static bool is_in_volume(const struct volume *volume, int fd)
{
	struct statx st;

	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &st) == 0 &&
	       makedev(st.stx_dev_major, st.stx_dev_minor) == volume->device;
}

static int look_up(const struct volume *volume, const struct seccomp_caller *caller, uint64_t address)
{
	static const struct identity own = { 0 };
	char path[SECCOMP_PATH_SIZE];
	struct identity identity;
	int r = seccomp_caller_path(caller, address, path);

	r = r ?: read_identity(caller, &identity);
	if (r < 0)
		return r;
	bool is_root = *path == '/';
	auto_close int start_fd = openat(caller->proc_fd, is_root ? "root" : "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (start_fd < 0 || !is_in_volume(volume, start_fd) || !seccomp_caller_waits(caller))
		return -EXDEV;
	r = become(&identity) ? path_open_in_mount(start_fd, is_root, path, O_PATH) : -EPERM;
	if (!become(&own))
		exit(EXIT_FAILURE);
	return r;
}

static int open_object(const struct volume *volume, const struct seccomp_caller *caller, const struct seccomp_data *call)
{
	char path[32];

	if (call->nr == SYS_statfs)
		return look_up(volume, caller, call->args[0]);
	if (call->nr != SYS_fstatfs)
		return -ENOSYS;
	snprintf(path, sizeof(path), "fd/%u", (unsigned)call->args[0]);
	int fd = openat(caller->proc_fd, path, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- the answer ---- */

/* False: the kernel's answer stands, the limit being none or more than there is. */
static bool tell(const struct volume *volume, int fd, struct statfs *ret)
{
	uint64_t used, limit;

	if (syscall(SYS_fstatfs, fd, ret) < 0 || btrfs_group_read(volume->fd, volume->group, &used, &limit) < 0)
		return false;
	uint64_t block = (uint64_t)ret->f_bsize;
	uint64_t room = limit > used ? (limit - used) / block : 0;
	if (limit == 0 || limit / block >= ret->f_blocks)
		return false;
	ret->f_blocks = limit / block;
	ret->f_bfree = room;
	if (ret->f_bavail > room)
		ret->f_bavail = room;
	return true;
}

static void serve(const struct volume *volume, const struct seccomp_notif *call)
{
	struct seccomp_notif_resp answer = { .id = call->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
	struct seccomp_caller caller;
	struct statfs statfs;

	if (seccomp_caller_open(LISTENER, call, &caller) < 0)
		return;
	auto_close int fd = open_object(volume, &caller, &call->data);
	bool is_told = fd >= 0 && is_in_volume(volume, fd) && tell(volume, fd, &statfs);
	auto_close int memory_fd = is_told ? seccomp_caller_memory(&caller, O_RDWR) : -1;
	if (memory_fd >= 0 && seccomp_caller_waits(&caller)) {
		answer.flags = 0;
		if (pwrite(memory_fd, &statfs, sizeof(statfs), (off_t)call->data.args[1]) != (ssize_t)sizeof(statfs))
			answer.error = -EFAULT;
	}
	close_fd(&caller.proc_fd);
	seccomp_notify_answer(LISTENER, &answer);
}

static void serve_all(const struct volume *volume)
{
	struct pollfd listener = { .fd = LISTENER, .events = POLLIN };
	union seccomp_call received;

	while (poll(&listener, 1, -1) >= 0 || errno == EINTR)
		if (listener.revents & POLLIN) {
			if (seccomp_notify_receive(LISTENER, &received) == 0)
				serve(volume, &received.call);
		} else if (listener.revents & POLLHUP) {
			return; /* (5.9) nobody is below the filter any more */
		}
}

/* ---- life ---- */

static int open_volume(const char *path, struct volume *ret)
{
	struct stat st;
	uint64_t id;

	ret->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd < 0 || fstat(ret->fd, &st) < 0)
		return -errno;
	ret->device = st.st_dev;
	int r = btrfs_subvolume_id(ret->fd, &id);
	ret->group = BTRFS_GROUP(1, id);
	return r;
}

/* The listener alone is kept of what was open. */
static int settle(void)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0 || dup2(STDIN_FILENO, LISTENER) < 0)
		return -errno;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (dup2(null_fd, fd) < 0)
			return -errno;
	(void)close_range(LISTENER + 1, ~0U, 0);
	(void)setsid();
	return chdir("/") < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	struct volume volume;

	if (argc != 2) {
		dprintf(STDERR_FILENO, "wabe-statfs: is started by the supervisor, not by hand\n");
		return EXIT_FAILURE;
	}
	pid_t pid = settle() < 0 || open_volume(argv[1], &volume) < 0 ? -1 : fork();
	if (pid < 0)
		return EXIT_FAILURE;
	if (pid == 0)
		serve_all(&volume);
	return EXIT_SUCCESS;
}
