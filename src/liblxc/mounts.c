/*
 * Mounts into a running container. The mount is made in the caller's mount namespace without being put anywhere, and
 * taken along as an fd: no shared directory (lxc.mount.auto = shmounts:) is needed.
 */
#include "base/process.h"
#include "liblxc/internal.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct mount_job {
	int tree_fd; /* -1: unmount */
	const char *target;
	bool is_directory; /* of what is mounted */
	int unmount_flags;
};

/* ---- in the container's mount namespace ---- */

/* The container's links are followed, in its own root only. */
static int open_target(int root, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* Makes the parents and the target; what is wrong is seen when it is opened. */
static void make_target(int root, const char *path, bool is_directory)
{
	auto_close int parent = dup(root);
	for (const char *at = path + strspn(path, "/"); parent >= 0 && *at;) {
		size_t length = strcspn(at, "/");
		const char *next = at + length + strspn(at + length, "/");
		auto_free char *name = strndup(at, length), *whole = strndup(path, (size_t)(at - path) + length);
		if (!name || !whole)
			return;
		if (*next || is_directory) {
			(void)mkdirat(parent, name, 0755);
		} else {
			int file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
			close_fd(&file);
		}
		close_fd(&parent);
		parent = open_target(root, whole);
		at = next;
	}
}

static int change_mount(void *payload)
{
	const struct mount_job *job = payload;
	/* An fd of the target would keep it busy; the path resolves in the namespace's root, which this process has. */
	if (job->tree_fd < 0)
		return umount2(job->target, job->unmount_flags) < 0 ? errno : 0;
	umask(022);
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int target = open_target(root, job->target);
	if (target < 0 && errno == ENOENT) {
		make_target(root, job->target, job->is_directory);
		target = open_target(root, job->target);
	}
	if (target < 0)
		return errno;
	unsigned int flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
	return move_mount(job->tree_fd, "", target, "", flags) < 0 ? errno : 0;
}

/* ---- in the caller ---- */

static int run_job(struct lxc_container *c, struct mount_job *job, struct error *err)
{
	struct container_id id = id_of(c);
	/* as the container's root: what has to be made belongs to it */
	struct attach_options options = { .namespaces = CLONE_NEWNS | CLONE_NEWUSER, .personality = -1, .uid = (uid_t)-1,
		.gid = (gid_t)-1, .initial_cwd = "/", .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1 };
	pid_t pid;
	int status = 0;
	int r = engine_attach(&id, change_mount, job, &options, &pid, err);
	r = r < 0 ? r : process_wait(pid, &status);
	if (r < 0)
		return r;
	int failed = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	if (failed)
		return error_set(err, failed, "%s %s in %s", job->tree_fd < 0 ? "unmount" : "mount on", job->target, c->name);
	return 0;
}

/* The words of data: NAME=VALUE or NAME. */
static int configure(int fd, const char *data)
{
	struct string_list words = { 0 };
	int r = data ? text_split(data, ",", &words) : 0;
	for (size_t i = 0; r == 0 && i < words.count; i++) {
		char *equal = strchr(words.items[i], '=');
		if (equal)
			*equal = '\0';
		if (fsconfig(fd, equal ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, words.items[i], equal ? equal + 1 : NULL, 0) < 0)
			r = -errno;
	}
	string_list_clear(&words);
	return r;
}

static unsigned int attributes(unsigned long flags)
{
	unsigned int attribute = 0;
	attribute |= flags & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0U;
	attribute |= flags & MS_NOSUID ? MOUNT_ATTR_NOSUID : 0U;
	attribute |= flags & MS_NODEV ? MOUNT_ATTR_NODEV : 0U;
	attribute |= flags & MS_NOEXEC ? MOUNT_ATTR_NOEXEC : 0U;
	attribute |= flags & MS_NOATIME ? MOUNT_ATTR_NOATIME : 0U;
	attribute |= flags & MS_NODIRATIME ? MOUNT_ATTR_NODIRATIME : 0U;
	return attribute;
}

static int make_file_system(const char *source, const char *type, unsigned long flags, const char *data)
{
	auto_close int fd = fsopen(type, FSOPEN_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (source && fsconfig(fd, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return -errno;
	if (flags & MS_RDONLY && fsconfig(fd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
		return -errno;
	int r = configure(fd, data);
	if (r < 0)
		return r;
	if (fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	int tree = fsmount(fd, FSMOUNT_CLOEXEC, attributes(flags));
	return tree < 0 ? -errno : tree;
}

static int make_bind(const char *source, unsigned long flags)
{
	unsigned int recursive = flags & MS_REC ? AT_RECURSIVE : 0;
	auto_close int tree = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);
	if (tree < 0)
		return -errno;
	struct mount_attr set = { .attr_set = attributes(flags & ~(unsigned long)(MS_NOATIME | MS_NODIRATIME)) };
	if (set.attr_set && mount_setattr(tree, "", AT_EMPTY_PATH | recursive, &set, sizeof(set)) < 0)
		return -errno; /* before 5.12: an error is better than a mount that can be written to */
	return take_fd(&tree);
}

/* 0: LXD 5.0 leaves the struct zeroed, and LXC does not look at it. */
static bool is_known_version(const struct lxc_mount *mount_info)
{
	return mount_info && (mount_info->version == 0 || mount_info->version == LXC_MOUNT_API_V1);
}

static int mount_method(struct lxc_container *c, const char *source, const char *target, const char *type,
	unsigned long flags, const void *data, struct lxc_mount *mount_info)
{
	struct error err = { 0 };
	struct stat info;
	bool is_bind = flags & MS_BIND;
	if (!c || !target || !*target || !is_known_version(mount_info))
		return -EINVAL;
	if (is_bind ? !source || flags & MS_REMOUNT : !type || flags & (MS_REMOUNT | MS_MOVE))
		return -EINVAL;
	auto_close int tree = is_bind ? make_bind(source, flags) : make_file_system(source, type, flags, data);
	if (tree < 0 || fstat(tree, &info) < 0) {
		(void)error_set(&err, tree < 0 ? tree : errno, "mount %s for %s", is_bind ? source : type, c->name);
		return container_fault(c, &err, -1);
	}
	struct mount_job job = { .tree_fd = tree, .target = target, .is_directory = S_ISDIR(info.st_mode) };
	return run_job(c, &job, &err) < 0 ? container_fault(c, &err, -1) : 0;
}

static int umount_method(struct lxc_container *c, const char *target, unsigned long flags, struct lxc_mount *mount_info)
{
	struct error err = { 0 };
	if (!c || !target || !*target || !is_known_version(mount_info))
		return -EINVAL;
	struct mount_job job = { .tree_fd = -1, .target = target, .unmount_flags = (int)flags };
	return run_job(c, &job, &err) < 0 ? container_fault(c, &err, -1) : 0;
}

void wire_mounts(struct lxc_container *c)
{
	c->mount = mount_method;
	c->umount = umount_method;
}
