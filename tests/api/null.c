/* Each member for no container: false, NULL or a negative number. And what is always refused. */
#include "main.h"

#include <errno.h>

#define REFUSED(c, member, ...)                                                                              \
	do {                                                                                                 \
		if (OUTCOME(CALL_NULL(c, member, ##__VA_ARGS__)))                                            \
			group_fault("%s", #member);                                                          \
	} while (0)

static void refuses_life(struct lxc_container *c)
{
	char *argv[] = { NULL };
	REFUSED(c, is_defined);
	REFUSED(c, state);
	REFUSED(c, is_running);
	REFUSED(c, freeze);
	REFUSED(c, unfreeze);
	REFUSED(c, init_pid);
	REFUSED(c, init_pidfd);
	REFUSED(c, devpts_fd);
	REFUSED(c, seccomp_notify_fd);
	REFUSED(c, seccomp_notify_fd_active);
	REFUSED(c, start, 0, argv);
	REFUSED(c, startl, 0, "/bin/true", NULL);
	REFUSED(c, stop);
	REFUSED(c, shutdown, 1);
	REFUSED(c, reboot);
	REFUSED(c, reboot2, 1);
	REFUSED(c, wait, "STOPPED", 0);
	REFUSED(c, want_daemonize, true);
	REFUSED(c, want_close_all_fds, true);
	REFUSED(c, may_control);
	REFUSED(c, set_timeout, 1);
	end_group("life");
}

static void refuses_configuration(struct lxc_container *c)
{
	char text[8];
	REFUSED(c, load_config, NULL);
	REFUSED(c, save_config, NULL);
	REFUSED(c, set_config_item, "lxc.uts.name", "x");
	REFUSED(c, clear_config_item, "lxc.uts.name");
	REFUSED(c, get_config_item, "lxc.uts.name", text, sizeof(text));
	REFUSED(c, get_running_config_item, "lxc.uts.name");
	REFUSED(c, get_keys, NULL, text, sizeof(text));
	REFUSED(c, config_file_name);
	REFUSED(c, get_config_path);
	REFUSED(c, set_config_path, "/tmp");
	COUNTED_VOID("clear_config", c->clear_config(NULL));
	REFUSED(c, get_cgroup_item, "pids.max", text, sizeof(text));
	REFUSED(c, set_cgroup_item, "pids.max", "1");
	end_group("configuration");
}

static void refuses_making(struct lxc_container *c)
{
	struct lxc_snapshot *list;
	REFUSED(c, create, NULL, NULL, NULL, 0, NULL);
	REFUSED(c, createl, NULL, NULL, NULL, 0, NULL);
	REFUSED(c, destroy);
	REFUSED(c, destroy_with_snapshots);
	REFUSED(c, rename, "x");
	REFUSED(c, clone, "x", NULL, 0, NULL, NULL, 0, NULL);
	REFUSED(c, snapshot, NULL);
	REFUSED(c, snapshot_list, &list);
	REFUSED(c, snapshot_restore, "snap0", NULL);
	REFUSED(c, snapshot_destroy, "snap0");
	REFUSED(c, snapshot_destroy_all);
	REFUSED(c, checkpoint, NULL, true, true);
	REFUSED(c, restore, NULL, true);
	REFUSED(c, migrate, MIGRATE_DUMP, NULL, 0);
	end_group("making");
}

static void refuses_inside(struct lxc_container *c)
{
	struct lxc_mount v1 = { LXC_MOUNT_API_V1 };
	struct lxc_console_log log = { 0 };
	const char *argv[] = { "true", NULL };
	int tty = -1, fd;
	pid_t pid;
	REFUSED(c, attach, lxc_attach_run_shell, NULL, NULL, &pid);
	REFUSED(c, attach_run_wait, NULL, "/bin/true", argv);
	REFUSED(c, attach_run_waitl, NULL, "/bin/true", "true", NULL);
	REFUSED(c, console, 0, 0, 1, 2, 1);
	REFUSED(c, console_getfd, &tty, &fd);
	REFUSED(c, console_log, &log);
	REFUSED(c, get_interfaces);
	REFUSED(c, get_ips, NULL, NULL, 0);
	REFUSED(c, add_device_node, "/dev/null", NULL);
	REFUSED(c, remove_device_node, "/dev/null", NULL);
	REFUSED(c, attach_interface, "lo", NULL);
	REFUSED(c, detach_interface, "lo", NULL);
	REFUSED(c, mount, "none", "/mnt", "tmpfs", 0, NULL, &v1);
	REFUSED(c, umount, "/mnt", 0, &v1);
	end_group("inside");
}

/* What does not run can not be saved, an empty directory is no checkpoint, and a container without a notifier has none. */
static void refuses_what_is_not_there(struct lxc_container *c)
{
	struct migrate_opts options = { .directory = (char *)"/tmp" };
	struct {
		struct migrate_opts options;
		uint64_t more;
	} newer = { .more = 1 };
	CHECK("checkpoint", !CALL(c, checkpoint, (char *)"/tmp", true, false) && c->error_string && c->error_num == ESRCH);
	CHECK("restore", !CALL(c, restore, (char *)"/tmp", false) && c->error_string);
	check_number("newer-options", -E2BIG, CALL(c, migrate, MIGRATE_DUMP, &newer.options, sizeof(newer)));
	for (unsigned command = MIGRATE_PRE_DUMP; command <= MIGRATE_RESTORE; command++)
		if (CALL(c, migrate, command, &options, sizeof(options)) >= 0)
			group_fault("command %u", command);
	end_group("migrate");
	check_number("unknown-migration", -EINVAL, CALL(c, migrate, 9, &options, sizeof(options)));
	check_number("no-notifier", -EBADF, CALL(c, seccomp_notify_fd));
	CHECK("no-notifier-when-stopped", CALL(c, seccomp_notify_fd_active) < 0);
	CHECK("start", CALL(c, start, 0, NULL));
	check_number("no-notifier-when-running", -EBADF, CALL(c, seccomp_notify_fd_active));
}

void test_null(void)
{
	struct lxc_container *c = make_container("null", NULL);
	refuses_life(c);
	refuses_configuration(c);
	refuses_making(c);
	refuses_inside(c);
	refuses_what_is_not_there(c);
	drop_container(c);
}
