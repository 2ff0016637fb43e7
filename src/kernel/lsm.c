/* AppArmor and SELinux without their libraries, whose paths are gone once the root is the container's. */
#include "kernel/lsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"

static int write_attribute(int proc_fd, const char *path, const char *text)
{
	auto_close int fd = openat(proc_fd, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int lsm_set_apparmor_on_exec(int proc_fd, const char *profile)
{
	char command[512];

	if (snprintf(command, sizeof(command), "exec %s", profile) >= (int)sizeof(command))
		return -ENAMETOOLONG;
	/* attr/apparmor (5.8) exists where AppArmor is built in; the write fails with EINVAL when it is off */
	int r = write_attribute(proc_fd, "self/attr/apparmor/exec", command);
	return r == -ENOENT || r == -EINVAL ? -EOPNOTSUPP : r;
}

/* The file system of SELinux is registered only while SELinux runs. */
static bool has_selinux(void)
{
	auto_close int fd = fsopen("selinuxfs", FSOPEN_CLOEXEC);

	return fd >= 0;
}

int lsm_set_selinux_on_exec(int proc_fd, const char *context)
{
	return has_selinux() ? write_attribute(proc_fd, "self/attr/exec", context) : -EOPNOTSUPP;
}

int lsm_set_selinux_keyring(int proc_fd, const char *context)
{
	return has_selinux() ? write_attribute(proc_fd, "self/attr/keycreate", context) : -EOPNOTSUPP;
}
