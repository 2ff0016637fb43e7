/* From start to stop. */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool is_ready(const void *name)
{
	return init_is_ready(name);
}

static void forget_ready(const char *name)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/ready.%s", setting("API_ROOT"), name);
	(void)unlink(path);
}

static void is_as_a_stopped_one(struct lxc_container *c)
{
	check_text("stopped-state", "STOPPED", CALL(c, state));
	CHECK("stopped-is-not-running", !CALL(c, is_running));
	check_number("stopped-init-pid", -1, CALL(c, init_pid));
	CHECK("stopped-init-pidfd", CALL(c, init_pidfd) < 0);
	CHECK("stopped-devpts", CALL(c, devpts_fd) < 0);
	CHECK("stopped-may-control", CALL(c, may_control));
	CHECK("stopped-stop", CALL(c, stop));
	CHECK("stopped-shutdown", CALL(c, shutdown, 5));
	CHECK("stopped-reboot", !CALL(c, reboot) && c->error_string);
	CHECK("stopped-reboot2", CALL(c, reboot2, 5));
	CHECK("stopped-freeze", !CALL(c, freeze) && c->error_num == ESRCH);
	CHECK("stopped-unfreeze", !CALL(c, unfreeze));
	CHECK("stopped-running-item", !CALL(c, get_running_config_item, "lxc.uts.name"));
}

static void has_fds(struct lxc_container *c)
{
	int pidfd = CALL(c, init_pidfd);
	CHECK("init-pidfd", pidfd >= 0);
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	char *info = read_file(path);
	long pid = -1;
	const char *line = info ? strstr(info, "\nPid:") : NULL;
	CHECK("pidfd-is-of-init", line && sscanf(line, "\nPid: %ld", &pid) == 1 && pid == CALL(c, init_pid));
	free(info);
	close(pidfd);
	int devpts = CALL(c, devpts_fd);
	struct statfs system;
	if (devpts == -ENOSYS)
		skipped("devpts-fd", "no openat2 here (valgrind)");
	else
		CHECK("devpts-fd", devpts >= 0 && fstatfs(devpts, &system) == 0 && system.f_type == 0x1cd1);
	if (devpts >= 0)
		close(devpts);
}

static void is_as_a_running_one(struct lxc_container *c)
{
	CHECK("start", CALL(c, start, 0, NULL));
	check_number("started-error-num", 0, c->error_num);
	check_text("running-state", "RUNNING", CALL(c, state));
	CHECK("running-is-running", CALL(c, is_running) && CALL(c, may_control));
	CHECK("running-init-pid", CALL(c, init_pid) > 1 && kill(CALL(c, init_pid), 0) == 0);
	CHECK("start-twice", !CALL(c, start, 0, NULL) && c->error_num == EBUSY && c->error_string);
	char *value = CALL(c, get_running_config_item, "lxc.uts.name");
	check_text("running-item", "life", value);
	free(value);
	CHECK("running-item-unknown", !CALL(c, get_running_config_item, "lxc.nothing"));
	CHECK("running-item-empty", !CALL(c, get_running_config_item, "lxc.console.logfile"));
	CHECK("running-item-is-old", CALL(c, set_config_item, "lxc.uts.name", "changed"));
	value = CALL(c, get_running_config_item, "lxc.uts.name");
	check_text("running-item-stays", "life", value);
	free(value);
	has_fds(c);
}

static void freezes(struct lxc_container *c)
{
	CHECK("freeze", CALL(c, freeze));
	check_text("frozen", "FROZEN", CALL(c, state));
	CHECK("freeze-again", CALL(c, freeze));
	CHECK("unfreeze", CALL(c, unfreeze));
	check_text("thawed", "RUNNING", CALL(c, state));
	CHECK("unfreeze-again", CALL(c, unfreeze));
	CHECK("freeze-to-stop", CALL(c, freeze) && CALL(c, stop));
	check_text("stopped-out-of-frozen", "STOPPED", CALL(c, state));
}

static void shuts_down(struct lxc_container *c)
{
	CHECK("start-init", CALL(c, startl, 0, "/sbin/api-init", NULL) && soon(10, is_ready, "life"));
	CHECK("shutdown", CALL(c, shutdown, 10));
	check_text("shut-down", "STOPPED", CALL(c, state));
	forget_ready("life");
	CHECK("start-init-again", CALL(c, startl, 0, "/sbin/api-init", NULL) && soon(10, is_ready, "life"));
	CHECK("shutdown-without-waiting", CALL(c, shutdown, 0));
	CHECK("it-ends", CALL(c, wait, "STOPPED", 10));
	forget_ready("life");
	CHECK("start-deaf", CALL(c, start, 0, (char *[]){ (char *)"/bin/sleep", (char *)"100", NULL }));
	double begin = seconds();
	CHECK("shutdown-of-the-deaf", !CALL(c, shutdown, 1) && c->error_num == ETIMEDOUT);
	CHECK("shutdown-waits-its-time", seconds() - begin > 0.9 && seconds() - begin < 3);
	check_text("the-deaf-runs-on", "RUNNING", CALL(c, state));
	CHECK("stop-the-deaf", CALL(c, stop));
}

static void reboots(struct lxc_container *c)
{
	CHECK("start-to-reboot", CALL(c, startl, 0, "/sbin/api-init", NULL) && soon(10, is_ready, "life"));
	pid_t before = CALL(c, init_pid);
	forget_ready("life");
	CHECK("reboot2", CALL(c, reboot2, 10));
	CHECK("new-init", soon(10, is_ready, "life") && CALL(c, init_pid) != before);
	before = CALL(c, init_pid);
	forget_ready("life");
	CHECK("reboot", CALL(c, reboot));
	CHECK("new-init-again", soon(10, is_ready, "life") && CALL(c, init_pid) != before);
	CHECK("shutdown-after-reboots", CALL(c, shutdown, 10));
	forget_ready("life");
	CHECK("start-deaf-to-reboot", CALL(c, startl, 0, "/bin/sleep", "100", NULL));
	CHECK("reboot2-of-the-deaf", !CALL(c, reboot2, 1) && c->error_num == ETIMEDOUT);
	CHECK("stop-after-reboots", CALL(c, stop));
}

static void refuses_to_start(struct lxc_container *c)
{
	struct lxc_container *none = open_container("nothing");
	CHECK("start-nothing", !CALL(none, start, 0, NULL) && none->error_num && none->error_string);
	CHECK("startl-nothing", !CALL(none, startl, 0, "/bin/sh", NULL));
	(void)FUNCTION(lxc_container_put, none);
	CHECK("useinit-without-command", !CALL(c, start, 1, NULL) && c->error_num);
	CHECK("start-missing-program", !CALL(c, startl, 0, "/bin/nothing", NULL) && c->error_string &&
					       strstr(c->error_string, "/bin/nothing"));
	CHECK("missing-rootfs", CALL(c, set_config_item, "lxc.rootfs.path", "dir:/nowhere/at/all") &&
					!CALL(c, start, 0, NULL) &&
					strstr(c->error_string, "/nowhere/at/all"));
	check_text("failed-is-stopped", "STOPPED", CALL(c, state));
	put_file(path_of("life", "partial"), "");
	CHECK("start-of-what-is-being-created", !CALL(c, start, 0, NULL) && c->error_num == EBUSY);
	(void)unlink(path_of("life", "partial"));
}

void test_life(void)
{
	struct lxc_container *c = make_container("life", NULL);
	is_as_a_stopped_one(c);
	is_as_a_running_one(c);
	freezes(c);
	CHECK("name-is-set-back", CALL(c, set_config_item, "lxc.uts.name", "life"));
	shuts_down(c);
	reboots(c);
	refuses_to_start(c);
	drop_container(c);
}
