/* A command in new namespaces without a container. */
#include "tools/lxc/namespace_child.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

pid_t namespace_child_start(int flags, int *ret_release_fd)
{
	int ends[2];
	char byte;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	/* clone3 rather than clone: only here CLONE_NEWTIME is possible (since 5.5) */
	struct clone_args args = { .flags = (uint64_t)flags, .exit_signal = SIGCHLD };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0) {
		int r = -errno;
		close(ends[0]);
		close(ends[1]);
		return r;
	}
	if (pid > 0) {
		close(ends[0]);
		*ret_release_fd = ends[1];
		return pid;
	}
	close(ends[1]);
	if (read_full(ends[0], &byte, 1) < 0)
		_exit(EXIT_FAILURE);
	close(ends[0]);
	return 0;
}

void namespace_child_release(int *release_fd)
{
	(void)write_full(*release_fd, "", 1); /* a child that died is seen by the wait */
	close_fd(release_fd);
}

static int ask_helper(pid_t pid, bool is_gid, const char *lines)
{
	struct string_list command = { 0 };
	char number[16];
	pid_t helper = 0;
	int status = 0;
	(void)snprintf(number, sizeof(number), "%d", pid);
	int r = string_list_add(&command, is_gid ? "newgidmap" : "newuidmap");
	r = r ?: string_list_add(&command, number);
	r = r ?: text_split(lines, " \n", &command);
	r = r ?: vector_add(&command) ? 0 : -ENOMEM;
	r = r ?: process_spawn(command.items, NULL, (int[3]){ -1, -1, -1 }, &helper);
	r = r ?: process_wait(helper, &status);
	string_list_clear(&command);
	return r ?: status == 0 ? 0 : -EPERM;
}

int namespace_write_map(pid_t pid, bool is_gid, const char *lines)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, is_gid ? "gid_map" : "uid_map");
	int r = file_write_text(-1, path, lines);
	return r == -EPERM && geteuid() != 0 ? ask_helper(pid, is_gid, lines) : r;
}

void namespace_exec(const struct call *call, char *const *argv)
{
	execvp(argv[0], argv);
	int status = errno == ENOENT ? 127 : 126;
	tool_error(call, "can not run %s: %s", argv[0], strerror(errno));
	_exit(status);
}

int namespace_child_wait(pid_t pid)
{
	int status;
	if (process_wait(pid, &status) < 0)
		return EXIT_FAILURE;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
