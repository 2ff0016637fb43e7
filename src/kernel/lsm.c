/* AppArmor and SELinux without their libraries, whose paths are gone once the root is the container's. */
#include "kernel/lsm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"

static int write_attribute(int proc_fd, const char *path, const char *text)
{
	/* where proc_fd had to be the container's /proc, another of its files may be bound there, one that takes any text */
	struct open_how how = { .flags = O_WRONLY | O_CLOEXEC, .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS };
	auto_close int fd = (int)syscall(SYS_openat2, proc_fd, path, &how, sizeof(how));

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

bool lsm_has_apparmor(void)
{
	char enabled = 'N';
	auto_close int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, &enabled, 1) == 1 && enabled == 'Y';
}

int lsm_get_apparmor(int proc_fd, pid_t pid, char *buffer, size_t size)
{
	char path[64];
	struct statfs fs;

	if (pid)
		snprintf(path, sizeof(path), "%s%d/attr/apparmor/current", proc_fd == AT_FDCWD ? "/proc/" : "", (int)pid);
	else
		snprintf(path, sizeof(path), "%sself/attr/apparmor/current", proc_fd == AT_FDCWD ? "/proc/" : "");
	auto_close int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? -EOPNOTSUPP : -errno;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return -EOPNOTSUPP;
	ssize_t n = read(fd, buffer, size);
	if (n < 0)
		return errno == EINVAL ? -EOPNOTSUPP : -errno; /* built in, but off */
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	buffer[n] = '\0';
	buffer[strcspn(buffer, "\n")] = '\0';
	char *mode = strrchr(buffer, ' '); /* "NAME (enforce)"; "unconfined" alone has no mode */
	if (mode && mode[1] == '(')
		*mode = '\0';
	return 0;
}

/* Lines "NAME (MODE)". */
int lsm_has_apparmor_profile(const char *name)
{
	auto_fclose FILE *file = fopen("/sys/kernel/security/apparmor/profiles", "re");
	auto_free char *line = NULL;
	size_t capacity = 0;

	while (file && getline(&line, &capacity, file) > 0) {
		char *mode = strrchr(line, '(');
		if (mode && mode > line && mode[-1] == ' ')
			mode[-1] = '\0';
		if (strcmp(line, name) == 0)
			return 1;
	}
	return file ? 0 : -errno;
}

static int write_apparmor(int proc_fd, const char *path, const char *verb, const char *profile)
{
	char command[1200];

	if (snprintf(command, sizeof(command), "%s %s", verb, profile) >= (int)sizeof(command))
		return -ENAMETOOLONG;
	/* attr/apparmor (5.8) exists where AppArmor is built in; the write fails with EINVAL when it is off */
	int r = write_attribute(proc_fd, path, command);
	return r == -EINVAL ? -EOPNOTSUPP : r;
}

/* ENOENT of the file (no AppArmor) and of the write (no such profile) must not be taken for each other. */
static bool has_attributes(int proc_fd)
{
	return faccessat(proc_fd, "self/attr/apparmor", F_OK, 0) == 0;
}

int lsm_set_apparmor_on_exec(int proc_fd, const char *profile)
{
	if (!has_attributes(proc_fd))
		return -EOPNOTSUPP;
	return write_apparmor(proc_fd, "self/attr/apparmor/exec", "exec", profile);
}

int lsm_set_apparmor_now(int proc_fd, const char *profile)
{
	if (!has_attributes(proc_fd))
		return -EOPNOTSUPP;
	return write_apparmor(proc_fd, "self/attr/apparmor/current", "changeprofile", profile);
}

bool lsm_has_selinux(void)
{
	return access("/sys/fs/selinux", F_OK) == 0;
}

/* The file system of SELinux is registered only while SELinux runs; the container's /sys tells nothing. */
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
