/* Files of proc, sysfs and cgroups, devices, mounts. */
#include "attempts.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPENS(NAME, PATH, FLAGS)           \
	static const char *NAME(void)       \
	{                                   \
		return open_word(PATH, FLAGS); \
	}
OPENS(sysrq, "/proc/sysrq-trigger", O_WRONLY)
OPENS(core_pattern, "/proc/sys/kernel/core_pattern", O_WRONLY)
OPENS(modprobe, "/proc/sys/kernel/modprobe", O_WRONLY)
OPENS(overcommit, "/proc/sys/vm/overcommit_memory", O_WRONLY)
OPENS(file_max, "/proc/sys/fs/file-max", O_WRONLY)
OPENS(binfmt, "/proc/sys/fs/binfmt_misc/register", O_WRONLY)
OPENS(uevent_helper, "/sys/kernel/uevent_helper", O_WRONLY)
OPENS(uevent_file, "/sys/class/mem/null/uevent", O_WRONLY)
OPENS(power_state, "/sys/power/state", O_WRONLY)
OPENS(page_size, "/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY)
OPENS(debugfs, "/sys/kernel/debug/sleep_time", O_RDONLY)
OPENS(security_fs, "/sys/kernel/security/lsm", O_WRONLY)
OPENS(kmsg_proc, "/proc/kmsg", O_RDONLY)
OPENS(irq, "/proc/irq/default_smp_affinity", O_WRONLY)

/* Is there anything in it? A mask leaves a name without content. */
static const char *content(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return errno_word(errno);
	ssize_t n = read(fd, &byte, 1);
	const char *word = n < 0 ? errno_word(errno) : n == 0 ? "empty" : "read";
	close(fd);
	return word;
}
static const char *kcore(void) { return content("/proc/kcore"); }
static const char *timer_list(void) { return content("/proc/timer_list"); }
static const char *firmware(void)
{
	DIR *dir = opendir("/sys/firmware");
	int n = 0;

	if (!dir)
		return errno_word(errno);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n <= 2 ? "empty" : "read";
}
/* Addresses of the kernel: zeros, or those of the kernel? */
static const char *kallsyms(void)
{
	char line[256] = "";
	FILE *file = fopen("/proc/kallsyms", "re");

	if (!file)
		return errno_word(errno);
	const char *word = fgets(line, sizeof(line), file) ? strtoull(line, NULL, 16) ? "read" : "zeros" : "empty";
	fclose(file);
	return word;
}

/* A node of one's own, and it opened. */
static const char *node(mode_t type, unsigned major, unsigned minor, int flags)
{
	char name[32];

	snprintf(name, sizeof(name), "node-%u-%u", major, minor);
	unlink(name);
	if (mknod(name, type | 0600, makedev(major, minor)) < 0)
		return errno == EPERM ? "no-node" : errno_word(errno);
	const char *word = open_word(name, flags);
	unlink(name);
	return word;
}
static const char *dev_mem(void) { return node(S_IFCHR, 1, 1, O_RDONLY); }
static const char *dev_port(void) { return node(S_IFCHR, 1, 4, O_RDONLY); }
static const char *dev_kmsg(void) { return node(S_IFCHR, 1, 11, O_WRONLY); }
static const char *dev_loop_control(void) { return node(S_IFCHR, 10, 237, O_RDONLY); }
static const char *dev_kvm(void) { return node(S_IFCHR, 10, 232, O_RDONLY); }
static const char *dev_tun(void) { return node(S_IFCHR, 10, 200, O_RDONLY); }
static const char *dev_terminal(void) { return node(S_IFCHR, 4, 0, O_WRONLY); }
static const char *dev_serial(void) { return node(S_IFCHR, 4, 64, O_WRONLY); }
static const char *dev_fuse(void) { return node(S_IFCHR, 10, 229, O_RDONLY); }
static const char *dev_null(void) { return node(S_IFCHR, 1, 3, O_WRONLY); }

/* The first disk of the machine. */
static bool disk(unsigned *major, unsigned *minor)
{
	char line[256], name[64];
	FILE *file = fopen("/proc/partitions", "re");
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%u %u %*u %63s", major, minor, name) == 3;
	if (file)
		fclose(file);
	return found;
}
static const char *block_device(void)
{
	unsigned major, minor;

	return disk(&major, &minor) ? node(S_IFBLK, major, minor, O_RDONLY) : "absent";
}
static const char *block_mount(void)
{
	unsigned major, minor;

	if (!disk(&major, &minor))
		return "absent";
	if (mknod("disk", S_IFBLK | 0600, makedev(major, minor)) < 0)
		return errno == EPERM ? "no-node" : errno_word(errno);
	int r = unshare(CLONE_NEWNS) ?: mount("disk", "/mnt", "ext4", MS_RDONLY, "noload");
	int error = errno;
	unlink("disk");
	errno = error;
	return word_unless(r, "mounted");
}

/* --- mounts: in a mount namespace of the attempt's own, the next one finds all as it was --- */

static int own_mounts(void)
{
	return unshare(CLONE_NEWNS) ?: mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}
static const char *mounted_open(const char *type, const char *data, const char *file, int flags)
{
	char path[128];

	mkdir("new", 0755);
	if (own_mounts() < 0 || mount("none", "new", type, 0, data) < 0)
		return errno_word(errno);
	snprintf(path, sizeof(path), "new/%s", file);
	return open_word(path, flags);
}
static const char *new_proc(void) { return mounted_open("proc", NULL, "sys/kernel/core_pattern", O_WRONLY); }
static const char *new_sysfs(void) { return mounted_open("sysfs", NULL, "kernel/uevent_helper", O_WRONLY); }
static const char *new_debugfs(void) { return mounted_open("debugfs", NULL, ".", O_RDONLY); }
static const char *new_tracefs(void) { return mounted_open("tracefs", NULL, "trace_marker", O_WRONLY); }
static const char *new_securityfs(void) { return mounted_open("securityfs", NULL, ".", O_RDONLY); }
static const char *new_devtmpfs(void) { return mounted_open("devtmpfs", NULL, "mem", O_RDONLY); }
static const char *new_mqueue(void) { return mounted_open("mqueue", NULL, "wabe-host-queue", O_RDONLY); }
static const char *remount_proc_sys(void)
{
	if (own_mounts() < 0 || mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL) < 0)
		return errno_word(errno);
	return open_word("/proc/sys/kernel/core_pattern", O_WRONLY);
}
static const char *remount_sys(void)
{
	if (own_mounts() < 0 || mount(NULL, "/sys", NULL, MS_REMOUNT | MS_BIND, NULL) < 0)
		return errno_word(errno);
	return open_word("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY);
}
static const char *uncover_proc(void)
{
	if (own_mounts() < 0 || umount2("/proc/sys", MNT_DETACH) < 0)
		return errno_word(errno);
	return open_word("/proc/sys/kernel/core_pattern", O_WRONLY);
}
static const char *force_umount(void)
{
	if (own_mounts() < 0)
		return errno_word(errno);
	return word_unless(umount2("/proc/sys", MNT_FORCE), "done");
}
/* In a user namespace of one's own everything may be mounted, but not what shows more than is in sight. */
static const char *in_user_namespace(const char *type, const char *file)
{
	if (unshare(CLONE_NEWUSER) < 0)
		return errno_word(errno);
	if (!strcmp(type, "proc")) {
		/* its pid namespace must be of this user namespace */
		if (unshare(CLONE_NEWPID) < 0)
			return errno_word(errno);
		int pipes[2];
		char word[32] = "";
		if (pipe(pipes) < 0)
			return errno_word(errno);
		if (fork() == 0) {
			const char *said = mounted_open(type, NULL, file, O_WRONLY);
			_exit(write(pipes[1], said, strlen(said)) < 0);
		}
		wait(NULL);
		return read(pipes[0], word, sizeof(word) - 1) > 0 ? strdup(word) : "silent";
	}
	if (unshare(CLONE_NEWNET | CLONE_NEWCGROUP) < 0)
		return errno_word(errno);
	return mounted_open(type, NULL, file, O_WRONLY);
}
static const char *userns_proc(void) { return in_user_namespace("proc", "sys/kernel/core_pattern"); }
static const char *userns_sysfs(void) { return in_user_namespace("sysfs", "kernel/uevent_helper"); }
/* A mount that reaches the host? Ours stay ours. */
static const char *mount_root_parent(void)
{
	struct stat before, after;

	if (chroot(".") < 0)
		return errno_word(errno);
	if (stat("/", &before) < 0)
		return errno_word(errno);
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return errno_word(errno);
	if (chroot(".") < 0 || stat("/", &after) < 0)
		return errno_word(errno);
	char inode[64];
	snprintf(inode, sizeof(inode), "%lu:%lu", (unsigned long)after.st_dev, (unsigned long)after.st_ino);
	return strcmp(inode, host_fact("root")) ? "own" : "host";
}

/* --- control groups --- */

/* Mounts the hierarchy (a v1 controller, or "" for v2). */
static int mount_groups(const char *controller)
{
	mkdir("groups", 0755);
	if (own_mounts() < 0)
		return -1;
	return mount("none", "groups", *controller ? "cgroup" : "cgroup2", 0, *controller ? controller : NULL);
}
static const char *release_agent(void)
{
	if (mount_groups("memory") < 0 && mount_groups("net_cls") < 0)
		return errno_word(errno);
	return open_word("groups/release_agent", O_WRONLY);
}
static const char *new_hierarchy(void)
{
	if (mount_groups("none,name=wabe-escape") < 0)
		return errno_word(errno);
	return open_word("groups/release_agent", O_WRONLY);
}
static const char *write_word(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return errno_word(errno);
	ssize_t n = write(fd, text, strlen(text));
	const char *word = n < 0 ? errno_word(errno) : "written";
	close(fd);
	return word;
}
/* More devices for the own group, then one of them. Only what shows memory, and it is not read. */
static const char *devices_allow(void)
{
	if (mount_groups("devices") < 0)
		return errno_word(errno);
	const char *word = write_word("groups/devices.allow", "c 1:1 rwm");
	return strcmp(word, "written") ? word : node(S_IFCHR, 1, 1, O_RDONLY);
}
/* The namespace's root in the hierarchy: is anything above it in sight? */
static const char *groups_above(void)
{
	char line[1024];
	FILE *file = fopen("/proc/self/cgroup", "re");
	const char *word = "own";

	while (file && fgets(line, sizeof(line), file)) {
		char *path = strrchr(line, ':');
		if (path && strstr(path, "/.."))
			word = "above";
		else if (path && strstr(path, "lxc.payload"))
			word = "host";
	}
	if (file)
		fclose(file);
	return word;
}
/* A higher limit for the own group: pids of v1 or v2. */
static const char *raise_limit(void)
{
	if (mount_groups("pids") == 0)
		return write_word("groups/pids.max", "30000");
	if (mount_groups("") < 0)
		return errno_word(errno);
	return write_word("groups/pids.max", "30000");
}

const struct attempt file_attempts[] = {
	{ "proc-sysrq", sysrq }, { "proc-core-pattern", core_pattern }, { "proc-modprobe", modprobe },
	{ "proc-overcommit", overcommit }, { "proc-file-max", file_max }, { "proc-binfmt", binfmt }, { "proc-irq", irq },
	{ "proc-kmsg", kmsg_proc }, { "proc-kcore", kcore }, { "proc-timer-list", timer_list }, { "proc-kallsyms", kallsyms },
	{ "sys-uevent-helper", uevent_helper }, { "sys-uevent", uevent_file }, { "sys-power", power_state },
	{ "sys-kernel-mm", page_size }, { "sys-debug", debugfs }, { "sys-security", security_fs }, { "sys-firmware", firmware },
	{ "dev-mem", dev_mem }, { "dev-port", dev_port }, { "dev-kmsg", dev_kmsg }, { "dev-loop-control", dev_loop_control },
	{ "dev-kvm", dev_kvm }, { "dev-tun", dev_tun }, { "dev-terminal", dev_terminal }, { "dev-serial", dev_serial },
	{ "dev-fuse", dev_fuse }, { "dev-null", dev_null }, { "dev-disk", block_device }, { "mount-disk", block_mount },
	{ "mount-new-proc", new_proc }, { "mount-new-sysfs", new_sysfs }, { "mount-debugfs", new_debugfs },
	{ "mount-tracefs", new_tracefs }, { "mount-securityfs", new_securityfs }, { "mount-devtmpfs", new_devtmpfs },
	{ "mount-mqueue", new_mqueue }, { "mount-remount-proc-sys", remount_proc_sys }, { "mount-remount-sys", remount_sys },
	{ "mount-uncover-proc", uncover_proc }, { "mount-force-umount", force_umount }, { "userns-proc", userns_proc },
	{ "userns-sysfs", userns_sysfs }, { "chroot-dotdot", mount_root_parent }, { "cgroup-release-agent", release_agent },
	{ "cgroup-new-hierarchy", new_hierarchy }, { "cgroup-devices-allow", devices_allow },
	{ "cgroup-above", groups_above }, { "cgroup-raise-limit", raise_limit }, { NULL, NULL },
};
