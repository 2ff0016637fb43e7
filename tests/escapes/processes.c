/* Other processes, descriptors, namespaces, the programs of the runtime. */
#include "attempts.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Capabilities of a kind, as /proc/self/status has them; from the kernel, since proc may be a fake. */
static const char *inheritable(void)
{
	struct {
		unsigned version;
		int pid;
	} head = { 0x20080522, 0 };
	struct {
		unsigned effective, permitted, inheritable;
	} sets[2];

	if (syscall(SYS_capget, &head, sets) < 0)
		return errno_word(errno);
	return sets[0].inheritable || sets[1].inheritable ? "some" : "none";
}
static const char *ambient(void)
{
	for (int capability = 0; capability <= 40; capability++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1)
			return "some";
	return "none";
}
static const char *has(int capability)
{
	int r = prctl(PR_CAPBSET_READ, capability);

	return r < 0 ? errno_word(errno) : r ? "kept" : "dropped";
}
static const char *cap_module(void) { return has(16); }
static const char *cap_rawio(void) { return has(17); }
static const char *cap_time(void) { return has(25); }
static const char *cap_mac(void) { return has(33); }
static const char *filter(void)
{
	int r = prctl(PR_GET_SECCOMP);

	return r == 2 ? "filtered" : r < 0 ? errno_word(errno) : "none";
}
static const char *new_privileges(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? "none" : "possible"; }

/* --- descriptors: nothing of the host's but 0 to 2, in us and in pid 1 --- */

/* The containers' roots are in another file system than the host's. */
static bool is_of_host(const struct stat *status)
{
	static unsigned long device;

	device = device ?: strtoul(host_fact("root"), NULL, 10);
	return status->st_dev == device;
}
static const char *descriptors(const char *process)
{
	const char *word = "none";

	for (int fd = 3; fd < 256; fd++) {
		struct stat status;
		char path[64];
		snprintf(path, sizeof(path), "/proc/%s/fd/%d", process, fd);
		if (stat(path, &status) == 0)
			word = is_of_host(&status) ? "host" : word;
		else if (errno != ENOENT)
			return errno_word(errno);
	}
	return word;
}
static const char *fds_own(void) { return descriptors("self"); }
static const char *fds_of_init(void) { return descriptors("1"); }
static const char *fd_numbers(void) /* without proc; the pipe is the attempts' own */
{
	struct stat status;

	for (int fd = 3; fd < 1024; fd++)
		if (fstat(fd, &status) == 0 && !S_ISFIFO(status.st_mode))
			return S_ISDIR(status.st_mode) ? "directory" : "other";
	return "none";
}
static const char *cwd(void)
{
	char path[PATH_MAX];
	long length = syscall(SYS_getcwd, path, sizeof(path));

	return length < 0 ? errno_word(errno) : *path == '/' ? "own" : "outside";
}
static const char *root_of_init(void)
{
	char inode[64];
	struct stat status;

	if (stat("/proc/1/root/", &status) < 0)
		return errno_word(errno);
	snprintf(inode, sizeof(inode), "%lu:%lu", (unsigned long)status.st_dev, (unsigned long)status.st_ino);
	return strcmp(inode, host_fact("root")) ? "own" : "host";
}

/* --- processes --- */

/* Any in another pid namespace than ours, or of the runner's names? */
static const char *foreign_processes(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	const char *word = "own";

	while (dir && (entry = readdir(dir))) {
		char path[64], text[64] = "";
		snprintf(path, sizeof(path), "/proc/%d/comm", atoi(entry->d_name));
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && !strncmp(text, "victim-of-h", 11))
			word = "host";
		close(fd);
	}
	closedir(dir);
	return word;
}
static const char *signal_host(void)
{
	char path[64], text[64] = "";
	int pid = atoi(host_fact("victim"));

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && (read(fd, text, sizeof(text) - 1) <= 0 || strncmp(text, "victim-of-h", 11)))
		return "own"; /* the number is that of another one here */
	return word_unless(kill(pid, 0), "host");
}
static const char *pidfd_host(void)
{
	char path[64], text[64] = "";
	int pid = atoi(host_fact("victim")), fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return errno_word(errno);
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && !strncmp(text, "victim-of-h", 11) ? "host" : "own";
}
static const char *trace_init(void)
{
	if (ptrace(PTRACE_SEIZE, 1, NULL, NULL) < 0)
		return errno_word(errno);
	ptrace(PTRACE_DETACH, 1, NULL, NULL);
	return "own";
}
static const char *memory_of_init(void) { return open_word("/proc/1/mem", O_RDWR); }
static const char *parent_of_init(void) /* of pid 1 its parent is pid 0: nobody */
{
	char text[256] = "";
	int fd = open("/proc/1/stat", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return errno_word(errno);
	const char *end = strrchr(text, ')');
	return end && atoi(end + 3) == 0 ? "none" : "some";
}

/* --- namespaces --- */

static const char *parent_namespace(const char *kind)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno_word(errno);
	int parent = ioctl(fd, NS_GET_PARENT);
	return word_unless(parent < 0 ? parent : setns(parent, 0), "entered");
}
static const char *parent_pid(void) { return parent_namespace("pid"); }
static const char *parent_user(void) { return parent_namespace("user"); }
static const char *setns_supervisor(void)
{
	int pid = atoi(host_fact("victim")), fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return errno_word(errno);
	if (setns(fd, CLONE_NEWNS | CLONE_NEWPID) < 0)
		return errno_word(errno);
	return namespace_word("mnt");
}
#define NAMESPACE(NAME, KIND)              \
	static const char *NAME(void)       \
	{                                   \
		return namespace_word(KIND); \
	}
NAMESPACE(ns_mnt, "mnt")
NAMESPACE(ns_pid, "pid")
NAMESPACE(ns_net, "net")
NAMESPACE(ns_ipc, "ipc")
NAMESPACE(ns_uts, "uts")
NAMESPACE(ns_user, "user")
NAMESPACE(ns_cgroup, "cgroup")

/* --- the runtime's programs --- */

static const char *write_program_of_init(void)
{
	int fd = open("/proc/1/exe", O_RDONLY | O_CLOEXEC);
	char inode[64], path[64];
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return errno_word(errno);
	snprintf(inode, sizeof(inode), "%lu:%lu", (unsigned long)status.st_dev, (unsigned long)status.st_ino);
	if (strcmp(inode, host_fact("supervisor")))
		return "own";
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open_word(path, O_WRONLY);
}

/*
 * Watches who comes into the pid namespace for SECONDS: its program while it is still the runtime's, and what it has
 * open. Prints the worst: "program" it can be opened for writing (at once or later), "descriptor" one of a directory of
 * another mount namespace was taken, "clean".
 */
static int held[256], held_count;

static bool is_host_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode) && is_of_host(&status);
}
static void look_at(int pid, bool *descriptor, unsigned *seen)
{
	static char tools[64], supervisor[64];
	char path[64], inode[64];
	struct stat status;

	if (!*supervisor) {
		snprintf(supervisor, sizeof(supervisor), "%s", host_fact("supervisor"));
		snprintf(tools, sizeof(tools), "%s", host_fact("tools"));
	}
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &status) == 0) {
		snprintf(inode, sizeof(inode), "%lu:%lu", (unsigned long)status.st_dev, (unsigned long)status.st_ino);
		bool is_runtime = !strcmp(inode, tools) || !strcmp(inode, supervisor);
		*seen += is_runtime;
		if (is_runtime && held_count < 256)
			held[held_count++] = fd, fd = -1;
	}
	if (fd >= 0)
		close(fd);
	for (int number = 0; number < 24; number++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d/", pid, number);
		*descriptor |= is_host_directory(path);
	}
	snprintf(path, sizeof(path), "/proc/%d/cwd/", pid);
	*descriptor |= is_host_directory(path);
	snprintf(path, sizeof(path), "/proc/%d/root/", pid);
	*descriptor |= is_host_directory(path);
}
int tool_watch(char **arguments)
{
	time_t end = time(NULL) + atoi(arguments[0]);
	bool descriptor = false, program = false;
	unsigned seen = 0;
	pid_t own = getpid();

	while (time(NULL) < end) {
		DIR *dir = opendir("/proc");
		struct dirent *entry;
		while (dir && (entry = readdir(dir)))
			if (atoi(entry->d_name) > 1 && atoi(entry->d_name) != own)
				look_at(atoi(entry->d_name), &descriptor, &seen);
		if (dir)
			closedir(dir);
	}
	sleep(1); /* the attaches have ended: no "text file busy" any more */
	for (int i = 0; i < held_count; i++) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/self/fd/%d", held[i]);
		program |= !strcmp(open_word(path, O_WRONLY), "opened");
	}
	fprintf(stderr, "the runtime's program was seen %u times\n", seen);
	puts(program ? "program" : descriptor ? "descriptor" : "clean");
	return 0;
}

const struct attempt process_attempts[] = {
	{ "cap-inheritable", inheritable }, { "cap-ambient", ambient }, { "cap-sys-module", cap_module },
	{ "cap-sys-rawio", cap_rawio }, { "cap-sys-time", cap_time }, { "cap-mac-admin", cap_mac }, { "seccomp", filter },
	{ "new-privileges", new_privileges }, { "fds-own", fds_own }, { "fds-init", fds_of_init }, { "fds-by-number", fd_numbers },
	{ "cwd", cwd }, { "root-of-init", root_of_init }, { "processes", foreign_processes }, { "signal-host", signal_host },
	{ "pidfd-host", pidfd_host }, { "ptrace-init", trace_init }, { "memory-init", memory_of_init },
	{ "parent-of-init", parent_of_init }, { "ns-parent-pid", parent_pid }, { "ns-parent-user", parent_user },
	{ "setns-host", setns_supervisor }, { "ns-mnt", ns_mnt }, { "ns-pid", ns_pid }, { "ns-net", ns_net }, { "ns-ipc", ns_ipc },
	{ "ns-uts", ns_uts }, { "ns-user", ns_user }, { "ns-cgroup", ns_cgroup }, { "exe-of-init", write_program_of_init },
	{ NULL, NULL },
};
