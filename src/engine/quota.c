/*
 * Only what the kernel would let the root of a file system's own user namespace do: the caller must have CAP_SYS_ADMIN in
 * the container's user namespace; who has not is answered by the kernel itself. Whatever it names, the call goes to the
 * root file system alone. Its memory is read once, and copied, before anything is decided by it.
 */
#include "engine/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/dqblk_xfs.h>
#include <linux/quota.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "engine/start.h"
#include "kernel/path_in_root.h"
#include "kernel/project_quota.h"
#include "kernel/seccomp_notify.h"
#include "storage/limit.h"

#define CALL_QUOTACTL_FD 443
#define MAX_DATA	 256

/* How a command treats its id and its data. */
struct command {
	uint32_t number;
	bool has_id, is_next; /* is_next: answers for the first id from the one given on */
	bool reads, writes;   /* the caller's memory */
	uint32_t size;
	size_t id_offset; /* of an id in the data; 0: none */
};

static const struct command commands[] = {
	{ Q_SYNC, false, false, false, false, 0, 0 },
	{ Q_GETFMT, false, false, false, true, sizeof(uint32_t), 0 },
	{ Q_GETINFO, false, false, false, true, sizeof(struct if_dqinfo), 0 },
	{ Q_SETINFO, false, false, true, false, sizeof(struct if_dqinfo), 0 },
	{ Q_GETQUOTA, true, false, false, true, sizeof(struct if_dqblk), 0 },
	{ Q_SETQUOTA, true, false, true, false, sizeof(struct if_dqblk), 0 },
	{ Q_GETNEXTQUOTA, true, true, false, true, sizeof(struct if_nextdqblk), offsetof(struct if_nextdqblk, dqb_id) },
	{ Q_XGETQSTAT, false, false, false, true, sizeof(struct fs_quota_stat), 0 },
	{ Q_XGETQSTATV, false, false, true, true, sizeof(struct fs_quota_statv), 0 },
	{ Q_XQUOTASYNC, false, false, false, false, 0, 0 },
	{ Q_XGETQUOTA, true, false, false, true, sizeof(struct fs_disk_quota), offsetof(struct fs_disk_quota, d_id) },
	{ Q_XSETQLIM, true, false, true, false, sizeof(struct fs_disk_quota), offsetof(struct fs_disk_quota, d_id) },
	{ Q_XGETNEXTQUOTA, true, true, false, true, sizeof(struct fs_disk_quota), offsetof(struct fs_disk_quota, d_id) },
};

/* One call at work. */
struct request {
	const struct start *start;
	const struct command *command;
	struct seccomp_caller caller;
	int root_fd;
	uint32_t type; /* USRQUOTA, GRPQUOTA */
	uint32_t id;   /* as the caller knows it */
	uint64_t address;
	union {
		char bytes[MAX_DATA];
		uint64_t aligned;
	} data;
};

_Static_assert(sizeof(struct fs_quota_statv) <= MAX_DATA && sizeof(struct fs_disk_quota) <= MAX_DATA, "fits");

/* ---- who asks ---- */

/* The user namespace of the container's init, no other within it. */
static bool is_in_user_namespace(const struct request *request)
{
	char path[40];
	struct stat own, caller;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", request->start->init_pid);
	return stat(path, &own) == 0 && fstatat(request->caller.proc_fd, "ns/user", &caller, 0) == 0 &&
	       own.st_dev == caller.st_dev && own.st_ino == caller.st_ino;
}

static bool has_admin_capability(const struct request *request)
{
	auto_free char *status = NULL;
	size_t length;

	if (file_read(request->caller.proc_fd, "status", 64 << 10, &status, &length) < 0)
		return false;
	const char *line = strstr(status, "\nCapEff:");
	return line && strtoull(line + strlen("\nCapEff:"), NULL, 16) & 1ULL << CAP_SYS_ADMIN;
}

/* ---- the file system ---- */

/* The container's root, if it is on the file system that it was given as its own: it may have entered another. */
static int open_root(const struct start *start, dev_t *ret_device)
{
	char path[40];
	struct stat st;

	*ret_device = storage_own_device(start->spec);
	snprintf(path, sizeof(path), "/proc/%d/root", start->init_pid);
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return *ret_device && st.st_dev == *ret_device ? take_fd(&fd) : -ENODEV;
}

/* The device that the caller names is that of the root. */
static int check_special(const struct request *request, uint64_t address, dev_t device)
{
	char path[SECCOMP_PATH_SIZE];
	struct stat st;
	int r = seccomp_caller_path(&request->caller, address, path);

	if (r < 0)
		return r;
	auto_close int root_fd = openat(request->caller.proc_fd, *path == '/' ? "root" : "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = root_fd < 0 ? -errno : path_open_in_root(root_fd, path, O_PATH, 0);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : -errno;
	if (!S_ISBLK(st.st_mode))
		return -ENOTBLK;
	return st.st_rdev == device ? 0 : -ENODEV;
}

static int check_fd(const struct request *request, uint64_t number, dev_t device)
{
	char path[40];
	struct stat st;

	snprintf(path, sizeof(path), "fd/%u", (unsigned)number);
	if (fstatat(request->caller.proc_fd, path, &st, 0) < 0)
		return errno == ENOENT ? -EBADF : -errno;
	return st.st_dev == device ? 0 : -ENODEV;
}

/* ---- ids ---- */

static const struct spec_idmap *map_of(const struct request *request, uint32_t inside)
{
	vector_for_each (map, &request->start->spec->idmaps)
		if (map->is_gid == (request->type == GRPQUOTA) && inside >= map->inside && inside - map->inside < map->count)
			return map;
	return NULL;
}

/* The range with the lowest ids from inside on; *ret_first is the first of them. */
static const struct spec_idmap *next_map(const struct request *request, uint64_t inside, uint32_t *ret_first)
{
	const struct spec_idmap *best = NULL;
	uint64_t first = 0;

	vector_for_each (map, &request->start->spec->idmaps) {
		uint64_t start = inside > map->inside ? inside : map->inside;
		if (map->is_gid != (request->type == GRPQUOTA) || start - map->inside >= map->count || (best && start >= first))
			continue;
		best = map;
		first = start;
	}
	*ret_first = (uint32_t)first;
	return best;
}

static int call_kernel(struct request *request, uint32_t outside)
{
	return quotactl_of_fd(request->root_fd, QCMD(request->command->number, request->type), outside, &request->data);
}

static void set_id(struct request *request, uint32_t id)
{
	if (request->command->id_offset)
		memcpy(request->data.bytes + request->command->id_offset, &id, sizeof(id));
}

/*
 * The first id from outside on. The kernel (6.1) keeps the lower digits of an id, to base 256, when it passes over an empty
 * part of its tree (fs/quota/quota_tree.c, find_next_id), and so misses those below: each digit is gone through by itself.
 */
static int kernel_next(struct request *request, uint64_t outside, uint32_t *ret_found)
{
	for (unsigned bits = 8; bits <= 32 && outside <= UINT32_MAX; bits += 8) {
		uint64_t end = ((outside >> bits) + 1) << bits;
		uint32_t found;
		int r = call_kernel(request, (uint32_t)outside);
		memcpy(&found, request->data.bytes + request->command->id_offset, sizeof(found));
		if (r < 0 && r != -ENOENT && r != -ESRCH)
			return r;
		if (r == 0 && found < end) {
			*ret_found = found;
			return 0;
		}
		outside = end;
	}
	return -ENOENT;
}

/* Those that the container does not have are passed over. */
static int find_next(struct request *request)
{
	uint64_t inside = request->id;
	uint32_t first, found = 0;
	const struct spec_idmap *map;

	while ((map = next_map(request, inside, &first))) {
		int r = kernel_next(request, map->outside + (first - map->inside), &found);
		if (r < 0 && r != -ENOENT)
			return r;
		if (r == 0 && found >= map->outside && found - map->outside < map->count) {
			set_id(request, map->inside + (found - map->outside));
			return 0;
		}
		inside = (uint64_t)map->inside + map->count;
	}
	return -ENOENT;
}

static int carry_out(struct request *request)
{
	if (request->command->is_next)
		return find_next(request);
	if (!request->command->has_id)
		return call_kernel(request, 0);
	const struct spec_idmap *map = map_of(request, request->id);
	if (!map)
		return -EINVAL;
	uint32_t outside = map->outside + (request->id - map->inside);
	set_id(request, outside);
	int r = call_kernel(request, outside);
	set_id(request, request->id);
	return r;
}

/* ---- the call ---- */

static const struct command *find_command(uint32_t number)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (commands[i].number == number)
			return &commands[i];
	return NULL;
}

static int transfer(struct request *request)
{
	const struct command *command = request->command;
	auto_close int memory_fd = seccomp_caller_memory(&request->caller, command->writes ? O_RDWR : O_RDONLY);

	if (memory_fd < 0)
		return memory_fd;
	if (command->reads &&
		pread(memory_fd, request->data.bytes, command->size, (off_t)request->address) != (ssize_t)command->size)
		return -EFAULT;
	if (!seccomp_caller_waits(&request->caller))
		return -EINTR; /* the pid may be another's: nothing is done by what was read */
	int r = carry_out(request);
	if (r == 0 && command->writes &&
		pwrite(memory_fd, request->data.bytes, command->size, (off_t)request->address) != (ssize_t)command->size)
		return -EFAULT;
	return r;
}

static int serve(struct request *request, const struct seccomp_notif *call)
{
	const __u64 *arguments = call->data.args;
	bool is_by_fd = call->data.nr == CALL_QUOTACTL_FD;
	uint32_t command = (uint32_t)arguments[is_by_fd ? 1 : 0];
	dev_t device;

	request->type = command & SUBCMDMASK;
	request->command = find_command(command >> SUBCMDSHIFT);
	request->id = (uint32_t)arguments[2];
	request->address = arguments[3];
	if (request->command && request->command->number == Q_SYNC && !is_by_fd && !arguments[1])
		return 0; /* of all file systems: theirs, and it is only advice */
	if (!request->command)
		return -EINVAL;
	if (request->type != USRQUOTA && request->type != GRPQUOTA)
		return -EPERM; /* projects are the host's */
	auto_close int root_fd = open_root(request->start, &device);
	if (root_fd < 0)
		return root_fd;
	int r = is_by_fd ? check_fd(request, arguments[0], device) : check_special(request, arguments[1], device);
	if (r < 0)
		return r;
	request->root_fd = root_fd;
	return transfer(request);
}

bool quota_is_served(const struct start *start, const struct seccomp_notif *call)
{
	return spec_serves_quota(start->spec) && (call->data.nr == SYS_quotactl || call->data.nr == CALL_QUOTACTL_FD);
}

void quota_serve(const struct start *start, int listener_fd, const struct seccomp_notif *call,
	struct seccomp_notif_resp *answer)
{
	struct request request = { .start = start };

	if (seccomp_caller_open(listener_fd, call, &request.caller) < 0)
		return; /* gone: whoever has the pid now is not looked at */
	if (is_in_user_namespace(&request) && has_admin_capability(&request))
		answer->error = serve(&request, call);
	else
		answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE; /* its own quota, or EPERM: the kernel decides */
	close_fd(&request.caller.proc_fd);
}
