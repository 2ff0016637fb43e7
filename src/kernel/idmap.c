#include "kernel/idmap.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "kernel/clone.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int ask_helper(pid_t pid, bool is_gid, const char *text)
{
	struct string_list command = { 0 };
	char number[16];
	snprintf(number, sizeof(number), "%d", pid);
	int r = string_list_add(&command, is_gid ? "newgidmap" : "newuidmap");
	if (r == 0)
		r = string_list_add(&command, number);
	if (r == 0)
		r = text_split(text, " \n", &command);
	if (r == 0 && !vector_add(&command))
		r = -ENOMEM;
	pid_t helper = 0;
	if (r == 0)
		r = process_spawn(command.items, NULL, (int[]){ -1, -1, -1 }, &helper); /* who calls says why, in one line */
	int status = 0;
	if (r == 0)
		r = process_wait(helper, &status);
	if (r == 0 && status != 0)
		r = WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EPERM;
	string_list_clear(&command);
	return r;
}

static bool is_own_group(const char *text)
{
	unsigned inside, outside, count;
	int end = 0;

	return sscanf(text, "%u %u %u %n", &inside, &outside, &count, &end) == 3 && !text[end] && count == 1 &&
	       outside == getegid();
}

int idmap_write(pid_t pid, bool is_gid, const char *text)
{
	char path[64], setgroups[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, is_gid ? "gid_map" : "uid_map");
	int r = file_write_text(-1, path, text);
	if (r != -EPERM || geteuid() == 0)
		return r;
	/* the own group alone needs no helper, but gives up setgroups(2): user_namespaces(7) */
	if (is_gid && is_own_group(text)) {
		snprintf(setgroups, sizeof(setgroups), "/proc/%d/setgroups", pid);
		if (file_write_text(-1, setgroups, "deny") == 0)
			r = file_write_text(-1, path, text);
		if (r == 0)
			return 0;
	}
	return ask_helper(pid, is_gid, text);
}

pid_t idmap_hold(const char *uids, const char *gids)
{
	struct clone_request request = { .flags = CLONE_NEWUSER, .cgroup_fd = -1 };
	pid_t pid = clone_process(&request);

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	if (pid < 0)
		return pid;
	int r = idmap_write(pid, false, uids);
	r = r ?: idmap_write(pid, true, gids);
	if (r == 0)
		return pid;
	idmap_release(pid);
	return r;
}

void idmap_release(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)process_wait(pid, NULL); /* our child */
}
