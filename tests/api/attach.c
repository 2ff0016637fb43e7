/* Programs and functions in a running container. */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int give(void *payload)
{
	return *(const int *)payload;
}

/* What is written by "sh -c script", its standard output being a file; the text is the caller's. */
static char *output_of(struct lxc_container *c, lxc_attach_options_t *options, const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	int file = memfd_create("output", MFD_CLOEXEC);
	char *text = calloc(1, 4096);
	options->stdout_fd = file;
	int status = CALL(c, attach_run_wait, options, "/bin/sh", argv);
	if (!text || status != 0 || pread(file, text, 4095, 0) < 0) {
		free(text);
		text = NULL;
	}
	close(file);
	return text;
}

static void check_output(const char *name, struct lxc_container *c, lxc_attach_options_t *options,
	const char *script, const char *wanted)
{
	char *text = output_of(c, options, script);
	check_text(name, wanted, text);
	free(text);
}

static void runs_functions(struct lxc_container *c)
{
	int value = 42, status = 0;
	pid_t pid = -1;
	check_number("attach", 0, CALL(c, attach, give, &value, NULL, &pid));
	check_number("is-our-child", pid, waitpid(pid, &status, 0));
	check_number("value-is-the-status", 42, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	CHECK("no-function", CALL(c, attach, NULL, &value, NULL, &pid) < 0);
	CHECK("no-place-for-the-pid", CALL(c, attach, give, &value, NULL, NULL) < 0);
	lxc_attach_command_t command = { (char *)"/bin/true", (char *[]){ (char *)"true", NULL } };
	check_number("attach-run-command", 0, CALL(c, attach, lxc_attach_run_command, &command, NULL, &pid));
	check_number("command-succeeds", 0, exit_status(pid, 10));
	lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
	options.stdin_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	check_number("attach-run-shell", 0, CALL(c, attach, lxc_attach_run_shell, NULL, &options, &pid));
	check_number("shell-succeeds", 0, exit_status(pid, 10));
	close(options.stdin_fd);
}

static void gives_statuses(struct lxc_container *c)
{
	const char *argv[] = { "sh", "-c", "exit 5", NULL };
	int status = CALL(c, attach_run_wait, NULL, "/bin/sh", argv);
	check_number("run-wait", 5, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	status = CALL(c, attach_run_waitl, NULL, "/bin/sh", "sh", "-c", "kill -9 $$", NULL);
	check_number("run-waitl-killed", 9, WIFSIGNALED(status) ? WTERMSIG(status) : -1);
	status = CALL(c, attach_run_waitl, NULL, "/bin/nothing", "nothing", NULL);
	check_number("missing-program", 127, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	status = CALL(c, attach_run_waitl, NULL, "/etc/passwd", "passwd", NULL);
	check_number("forbidden-program", 126, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void enters_everything(struct lxc_container *c)
{
	lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
	check_output("host-name", c, &options, "hostname", "attach\n");
	check_output("processes", c, &options, "tr -d '\\0' </proc/1/cmdline", "/bin/sleep1000");
	check_output("interfaces", c, &options,
		"ls /sys/class/net 2>/dev/null; tail -n +3 /proc/net/dev | wc -l", "1\n");
	check_output("cgroup", c, &options,
		"grep -c attach /proc/self/cgroup >/dev/null || cmp /proc/1/cgroup /proc/self/cgroup && echo "
		"same",
		"same\n");
	options.namespaces = CLONE_NEWNS;
	check_output(
		"only-the-mounts", c, &options, "hostname; ls /sbin/api-init", "sandbox\n/sbin/api-init\n");
}

static void sets_the_environment(struct lxc_container *c)
{
	char *extra[] = { (char *)"EXTRA=given", NULL }, *keep[] = { (char *)"KEPT", NULL };
	lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
	setenv("KEPT", "kept", 1);
	setenv("LOST", "lost", 1);
	options.extra_env_vars = extra;
	check_output("keep-environment", c, &options, "echo $KEPT $LOST $EXTRA $CONFIGURED $container",
		"kept lost given yes lxc\n");
	options.env_policy = LXC_ATTACH_CLEAR_ENV;
	options.extra_keep_env = keep;
	check_output("clear-environment", c, &options, "echo $KEPT $LOST $EXTRA $CONFIGURED $container",
		"kept given yes lxc\n");
	check_output("path", c, &options, "echo $PATH",
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n");
	unsetenv("KEPT");
	unsetenv("LOST");
}

static void sets_who_and_where(struct lxc_container *c)
{
	gid_t groups[] = { 7, 8 };
	lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
	check_output("root-by-default", c, &options, "id -u; id -g; id -G", "0\n0\n0\n");
	options.uid = 65534;
	options.gid = 12;
	options.initial_cwd = (char *)"/tmp";
	check_output("user", c, &options, "id -u; id -g; pwd", "65534\n12\n/tmp\n");
	options.attach_flags |= LXC_ATTACH_SETGROUPS;
	options.groups = (lxc_groups_t){ 2, groups };
	check_output("groups", c, &options, "id -G", "12 7 8\n");
	options = (lxc_attach_options_t)LXC_ATTACH_OPTIONS_DEFAULT;
	options.initial_cwd = (char *)"/nowhere";
	check_output("root-when-there-is-no-directory", c, &options, "pwd", "/\n");
}

static void gives_up_privileges(struct lxc_container *c)
{
	const char *script = "grep -E '^(CapBnd|NoNewPrivs)' /proc/self/status | tr -d '\\t'; uname -m";
	lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
	char *all, *dropped;
	options.attach_flags |= LXC_ATTACH_NO_NEW_PRIVS | LXC_ATTACH_REMOUNT_PROC_SYS;
	dropped = output_of(c, &options, script);
	CHECK("no-new-privileges", dropped && strstr(dropped, "NoNewPrivs:1"));
	options.attach_flags = 0;
	all = output_of(c, &options, script);
	CHECK("capabilities-as-wished", all && dropped && strncmp(all, dropped, 24) != 0);
	CHECK("no-flags-at-all", all && strstr(all, "NoNewPrivs:0"));
	free(all);
	free(dropped);
	options.attach_flags = LXC_ATTACH_SET_PERSONALITY;
	options.personality = 0x0008; /* PER_LINUX32 */
	char *machine = output_of(c, &options, "uname -m");
	CHECK("personality", machine && strcmp(machine, "i686\n") == 0);
	free(machine);
}

/* A pipe without FD_CLOEXEC, as LXD hands it over: what stays in the background must not keep it open. */
static void leaves_pipes_alone(struct lxc_container *c)
{
	int ends[2];
	char byte;
	lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
	lxc_attach_command_t command = { (char *)"/bin/sh",
		(char *[]){ (char *)"sh", (char *)"-c", (char *)"sleep 5 >/dev/null 2>&1 </dev/null &", NULL } };
	pid_t pid;
	if (pipe(ends) < 0)
		return result("pipe", false, "%m");
	options.stdout_fd = ends[1];
	check_number("in-the-background", 0, CALL(c, attach, lxc_attach_run_command, &command, &options, &pid));
	check_number("background-status", 0, exit_status(pid, 10));
	close(ends[1]);
	double start = seconds();
	check_number("end-of-file", 0, read(ends[0], &byte, 1));
	CHECK("end-of-file-at-once", seconds() - start < 2);
	close(ends[0]);
}

/* LXC_ATTACH_TERMINAL of a caller without a terminal: the program has one, and the caller gets what it writes. */
static void gives_a_terminal(struct lxc_container *c)
{
	char *text;
	int file = memfd_create("log", MFD_CLOEXEC), own = dup(STDOUT_FILENO), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
	options.attach_flags |= LXC_ATTACH_TERMINAL;
	options.log_fd = file;
	(void)fflush(stdout);
	(void)dup2(null, STDOUT_FILENO);
	int status = CALL(c, attach_run_waitl, &options, "/bin/sh", "sh", "-c", "tty; exit 6", NULL);
	(void)dup2(own, STDOUT_FILENO);
	close(own);
	close(null);
	check_number("terminal-status", 6, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	text = calloc(1, 64);
	if (text && pread(file, text, 63, 0) < 0)
		*text = '\0';
	CHECK("terminal-of-the-container", text && strncmp(text, "/dev/pts/", 9) == 0);
	free(text);
	close(file);
}

static void refuses(struct lxc_container *c)
{
	int value = 0;
	pid_t pid;
	lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
	options.stdin_fd = 999;
	CHECK("bad-fd", CALL(c, attach, give, &value, &options, &pid) < 0 && c->error_num == EBADF);
	CHECK("stop", CALL(c, stop));
	CHECK("attach-stopped",
		CALL(c, attach, give, &value, NULL, &pid) < 0 && c->error_num == ESRCH && c->error_string);
	CHECK("run-wait-stopped",
		CALL(c, attach_run_wait, NULL, "/bin/true", (const char *[]){ "true", NULL }) < 0);
	CHECK("run-waitl-stopped", CALL(c, attach_run_waitl, NULL, "/bin/true", "true", NULL) < 0);
}

void test_attach(void)
{
	static const char *const lines[] = { "lxc.environment = CONFIGURED=yes", "lxc.cap.drop = sys_time",
		NULL };
	struct lxc_container *c = start_container("attach", lines);
	runs_functions(c);
	gives_statuses(c);
	enters_everything(c);
	sets_the_environment(c);
	sets_who_and_where(c);
	gives_up_privileges(c);
	leaves_pipes_alone(c);
	gives_a_terminal(c);
	refuses(c);
	drop_container(c);
}
