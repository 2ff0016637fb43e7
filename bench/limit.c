/*
 * What the kernel alone takes for one container: limit ROOTFS PROGRAM [ARGUMENT]...
 *
 * The same calls that a runtime must make and no others: a group in each hierarchy, one clone of a process with its
 * own mounts, processes, names, ipc and network, a root file system with /proc, /sys, /dev and a devpts, exec, wait,
 * and the groups gone again. No configuration, no log, no state. The exit status is PROGRAM's. Root, in tests/sandbox.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_GROUPS 16

static char groups[MAX_GROUPS][256];
static int group_count;

static void fail(const char *what)
{
	perror(what);
	_exit(125);
}

static void must(long r, const char *what)
{
	if (r < 0)
		fail(what);
}

/* A group below the one in which this process is. */
static void add_group(const char *mount, const char *own)
{
	char path[256];
	if (group_count == MAX_GROUPS || snprintf(path, sizeof(path), "%s%s/limit.%d", mount, own, getpid()) >= 256)
		return;
	if (mkdir(path, 0755) == 0)
		memcpy(groups[group_count++], path, sizeof(path));
}

/* Lines of /proc/self/cgroup: ID:CONTROLLERS:PATH; the first line of cgroup2 has no controllers. */
static void make_groups(void)
{
	char line[512];
	FILE *file = fopen("/proc/self/cgroup", "re");
	bool has_v2_only = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	if (!file)
		fail("/proc/self/cgroup");
	while (fgets(line, sizeof(line), file)) {
		char mount[256], *controllers = strchr(line, ':') + 1, *own = strchr(controllers, ':');
		*own++ = '\0';
		own[strcspn(own, "\n")] = '\0';
		if (!*controllers) {
			/* a group that hands controllers down has its processes in a leaf beside ours */
			char *leaf = strrchr(own, '/');
			if (leaf)
				*leaf = '\0';
			add_group(has_v2_only ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified", own);
		} else if (!has_v2_only) {
			if (strncmp(controllers, "name=", 5) == 0)
				controllers += 5;
			snprintf(mount, sizeof(mount), "/sys/fs/cgroup/%s", controllers);
			add_group(mount, own);
		}
	}
	fclose(file);
}

static void write_file(const char *directory, const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	close(fd);
}

static void enter_groups(pid_t pid)
{
	char text[16], value[256];
	snprintf(text, sizeof(text), "%d", pid);
	for (int i = 0; i < group_count; i++) {
		if (strstr(groups[i], "/cpuset/"))
			for (int j = 0; j < 2; j++) {
				char path[320];
				snprintf(path, sizeof(path), "%.250s/../%s", groups[i], j ? "cpuset.mems" : "cpuset.cpus");
				int fd = open(path, O_RDONLY | O_CLOEXEC);
				ssize_t n = fd < 0 ? 0 : read(fd, value, sizeof(value) - 1);
				value[n > 0 ? n : 0] = '\0';
				if (fd >= 0)
					close(fd);
				write_file(groups[i], j ? "cpuset.mems" : "cpuset.cpus", value);
			}
		write_file(groups[i], "cgroup.procs", text);
	}
}

static void make_dev(void)
{
	static const struct { const char *name; int minor; } nodes[] = { { "dev/null", 3 }, { "dev/zero", 5 },
		{ "dev/full", 7 }, { "dev/random", 8 }, { "dev/urandom", 9 } };
	must(mount("dev", "dev", "tmpfs", MS_NOSUID, "mode=755,size=64k"), "dev");
	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
		must(mknod(nodes[i].name, S_IFCHR | 0666, makedev(1, (unsigned)nodes[i].minor)), nodes[i].name);
	must(mknod("dev/tty", S_IFCHR | 0666, makedev(5, 0)), "dev/tty");
	must(mkdir("dev/pts", 0755), "dev/pts");
	must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620"), "devpts");
	must(symlink("pts/ptmx", "dev/ptmx"), "dev/ptmx");
}

static void be_init(const char *rootfs, char **argv)
{
	must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "private");
	must(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), rootfs);
	must(chdir(rootfs), rootfs);
	must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "proc");
	must(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL), "sys");
	make_dev();
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount");
	must(sethostname("limit", 5), "hostname");
	for (unsigned long capability = 16; capability <= 19; capability++)
		(void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); /* sys_module, rawio, chroot, ptrace */
	must(setsid(), "setsid");
	execv(argv[0], argv);
	fail(argv[0]);
}

int main(int argc, char **argv)
{
	struct clone_args args = { .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET,
		.exit_signal = SIGCHLD };
	int ready[2], status = 0;
	char byte;
	if (argc < 3)
		return 2;
	make_groups();
	must(pipe2(ready, O_CLOEXEC), "pipe");
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	must(pid, "clone3");
	if (pid == 0) {
		close(ready[1]);
		(void)!read(ready[0], &byte, 1);
		be_init(argv[1], argv + 2);
	}
	enter_groups((pid_t)pid);
	close(ready[0]);
	close(ready[1]);
	must(waitpid((pid_t)pid, &status, 0), "wait");
	while (group_count > 0)
		(void)rmdir(groups[--group_count]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
