/* Groups' files, devices, mounts. */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int shell(struct lxc_container *c, const char *script)
{
	int status = CALL(c, attach_run_waitl, NULL, "/bin/sh", "sh", "-c", script, NULL);
	return status == 0 ? 0 : -1;
}

/* ---- groups ---- */

static void sets_group_files(struct lxc_container *c)
{
	static const char *const files[][2] = { { "pids.max", "100" }, { "cgroup.max.depth", "10" } };
	char text[64] = "";
	size_t i = 0;
	while (i < 2 && !CALL(c, set_cgroup_item, files[i][0], files[i][1]))
		i++;
	CHECK("set-group-file", i < 2);
	if (i == 2)
		return;
	int length = CALL(c, get_cgroup_item, files[i][0], text, sizeof(text));
	CHECK("get-group-file", length == (int)strlen(files[i][1]) + 1 &&
					strncmp(text, files[i][1], (size_t)length - 1) == 0);
	CHECK("with-its-newline", text[length - 1] == '\n');
	check_number("length-alone", length, CALL(c, get_cgroup_item, files[i][0], NULL, 0));
	char small[2] = "z";
	check_number(
		"length-of-what-is-cut", length, CALL(c, get_cgroup_item, files[i][0], small, sizeof(small)));
	CHECK("cut", small[0] == files[i][1][0] && small[1] == '\0');
	CHECK("bad-value", !CALL(c, set_cgroup_item, files[i][0], "many") && c->error_num == EINVAL);
	CHECK("no-such-file",
		CALL(c, get_cgroup_item, "pids.nothing", text, sizeof(text)) == -1 && c->error_num);
	CHECK("no-such-file-to-set", !CALL(c, set_cgroup_item, "pids.nothing", "1"));
	CHECK("no-file",
		CALL(c, get_cgroup_item, NULL, NULL, 0) == -1 && !CALL(c, set_cgroup_item, NULL, "1"));
	CHECK("no-value", !CALL(c, set_cgroup_item, files[i][0], NULL));
}

/* ---- devices ---- */

static void makes_devices(struct lxc_container *c)
{
	CHECK("add-device", CALL(c, add_device_node, "/dev/full", "/dev/api/full"));
	CHECK("device-is-there", shell(c, "test -c /dev/api/full") == 0);
	CHECK("device-can-be-used",
		shell(c, "echo x >/dev/api/full 2>/dev/null || head -c 1 /dev/api/full >/dev/null") == 0);
	CHECK("remove-device", CALL(c, remove_device_node, "/dev/full", "/dev/api/full"));
	CHECK("device-is-gone", shell(c, "test ! -e /dev/api/full") == 0);
	CHECK("same-name-inside",
		CALL(c, add_device_node, "/dev/kmsg", NULL) || CALL(c, add_device_node, "/dev/full", NULL));
	CHECK("missing-device", !CALL(c, add_device_node, "/dev/nothing", NULL) && c->error_num == ENOENT);
	CHECK("no-device", !CALL(c, add_device_node, "/etc/passwd", NULL) && c->error_string);
	CHECK("missing-device-to-remove",
		!CALL(c, remove_device_node, "/dev/nothing", NULL) && c->error_num == ENOENT);
	CHECK("no-name", !CALL(c, add_device_node, NULL, NULL) && !CALL(c, remove_device_node, NULL, NULL));
}

/* ---- mounts ---- */

static bool has_mount_calls(void)
{
	int fd = (int)syscall(SYS_fsopen, "tmpfs", 1 /* FSOPEN_CLOEXEC */);
	bool has_it = fd >= 0 || errno != ENOSYS;
	if (fd >= 0)
		close(fd);
	fd = (int)syscall(SYS_openat2, -1, "", NULL, 0);
	return has_it && (fd >= 0 || errno != ENOSYS);
}

static void mounts(struct lxc_container *c)
{
	struct lxc_mount v1 = { LXC_MOUNT_API_V1 };
	char *directory = strdup(path_of("shared-directory", ""));
	(void)mkdir(directory, 0755);
	put_file(path_of("shared-directory", "from-outside"), "x");
	check_number("mount", 0, CALL(c, mount, "none", "/mnt/new/tmpfs", "tmpfs", MS_NODEV, "size=1m", &v1));
	CHECK("mounted",
		shell(c, "grep -q '^none /mnt/new/tmpfs tmpfs .*nodev.*size=1024k' /proc/mounts") == 0);
	check_number("umount", 0, CALL(c, umount, "/mnt/new/tmpfs", 0, &v1));
	CHECK("unmounted", shell(c, "! grep -q /mnt/new/tmpfs /proc/mounts") == 0);
	check_number(
		"bind", 0, CALL(c, mount, directory, "/mnt/bound", NULL, MS_BIND | MS_RDONLY, NULL, &v1));
	CHECK("bound", shell(c, "test -e /mnt/bound/from-outside") == 0);
	CHECK("read-only", shell(c, "! touch /mnt/bound/more 2>/dev/null") == 0);
	check_number("unbind", 0, CALL(c, umount, "/mnt/bound", MNT_DETACH, &v1));
	CHECK("umount-nothing", CALL(c, umount, "/mnt", 0, &v1) == -1 && c->error_num == EINVAL);
	CHECK("missing-source", CALL(c, mount, "/nowhere", "/mnt/x", NULL, MS_BIND, NULL, &v1) == -1 &&
					c->error_num == ENOENT);
	CHECK("unknown-file-system",
		CALL(c, mount, "none", "/mnt/x", "nothing", 0, NULL, &v1) == -1 && c->error_num == ENODEV);
	(void)unlink(path_of("shared-directory", "from-outside"));
	(void)rmdir(directory);
	free(directory);
}

static void refuses_mounts(struct lxc_container *c)
{
	struct lxc_mount v1 = { LXC_MOUNT_API_V1 }, v9 = { 9 };
	check_number("other-version", -EINVAL, CALL(c, mount, "none", "/mnt", "tmpfs", 0, NULL, &v9));
	check_number("no-version", -EINVAL, CALL(c, mount, "none", "/mnt", "tmpfs", 0, NULL, NULL));
	check_number("no-target", -EINVAL, CALL(c, mount, "none", NULL, "tmpfs", 0, NULL, &v1));
	check_number("umount-other-version", -EINVAL, CALL(c, umount, "/mnt", 0, &v9));
	check_number("umount-no-version", -EINVAL, CALL(c, umount, "/mnt", 0, NULL));
	check_number("umount-no-target", -EINVAL, CALL(c, umount, NULL, 0, &v1));
}

static void knows_that_it_is_stopped(struct lxc_container *c)
{
	struct lxc_mount v1 = { LXC_MOUNT_API_V1 };
	CHECK("stop", CALL(c, stop));
	check_number("stopped-get-group-file", -1, CALL(c, get_cgroup_item, "pids.max", NULL, 0));
	CHECK("stopped-set-group-file", !CALL(c, set_cgroup_item, "pids.max", "1") && c->error_num == ESRCH);
	CHECK("stopped-add-device", !CALL(c, add_device_node, "/dev/full", NULL) && c->error_num == ESRCH);
	CHECK("stopped-remove-device", !CALL(c, remove_device_node, "/dev/full", NULL));
	CHECK("stopped-mount", CALL(c, mount, "none", "/mnt", "tmpfs", 0, NULL, &v1) < 0);
	CHECK("stopped-umount", CALL(c, umount, "/mnt", 0, &v1) < 0);
}

void test_inside(void)
{
	static const char *const lines[] = { NULL };
	struct lxc_container *c = start_container("inside", lines);
	sets_group_files(c);
	makes_devices(c);
	if (has_mount_calls())
		mounts(c);
	else
		skipped("mounts", "no fsopen or openat2 here (valgrind)");
	refuses_mounts(c);
	knows_that_it_is_stopped(c);
	drop_container(c);
}
