/* The change of roots, and what is set right after it: host name and sysctls. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/mount.h"
#include "kernel/path_in_root.h"
#include "rootfs/internal.h"

int rootfs_pivot(struct rootfs_context *root, struct error *err)
{
	int r = fchdir(root->root_fd) < 0 ? -errno : mount_pivot_here(false);

	close_fd(&root->root_fd);
	return r < 0 ? error_set(err, r, "make %s the root", root->spec->rootfs.path) : 0;
}

int rootfs_set_hostname(const struct spec *spec, struct error *err)
{
	const struct spec_identity *identity = &spec->identity;
	const char *name = identity->hostname ? identity->hostname : identity->name;

	if (name && sethostname(name, strlen(name)) < 0)
		return spec_error(err, errno, spec, &identity->hostname_origin, "set host name %s", name);
	if (identity->domain && setdomainname(identity->domain, strlen(identity->domain)) < 0)
		return error_set(err, errno, "set domain name %s", identity->domain);
	return 0;
}

/*
 * sysctl(8): the separator that comes first ('.' or '/') is the separator, the other one belongs to a name
 * (net.ipv4.conf.eth0/100.forwarding). The result is a path below /proc/sys.
 */
static int sysctl_path(const char *name, char *buffer, size_t size)
{
	const char *first = strpbrk(name, "./");
	bool has_dots = !first || *first == '.';
	size_t i;

	for (i = 0; name[i] && i + 1 < size; i++)
		buffer[i] = !has_dots ? name[i] : name[i] == '.' ? '/' : name[i] == '/' ? '.' : name[i];
	buffer[i] = '\0';
	return name[i] ? -ENAMETOOLONG : 0;
}

static int write_sysctl(int sys_fd, const struct spec_setting *sysctl)
{
	char path[256];

	int r = sysctl_path(sysctl->name, path, sizeof(path));
	if (r < 0)
		return r;
	auto_close int fd = path_open_beneath(sys_fd, path, O_WRONLY);
	if (fd < 0)
		return fd;
	return write(fd, sysctl->value, strlen(sysctl->value)) < 0 ? -errno : 0;
}

int rootfs_write_sysctls(const struct spec *spec, struct error *err)
{
	if (spec->security.sysctls.count == 0)
		return 0;
	/* a procfs of our own: /proc/sys of the container is read-only by now or can be faked (CVE-2025-52881) */
	auto_close int proc_fd = mount_open_procfs();
	auto_close int sys_fd = proc_fd < 0 ? proc_fd : openat(proc_fd, "sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (sys_fd < 0)
		return error_set(err, proc_fd < 0 ? proc_fd : errno, "open procfs to write sysctls");
	for (size_t i = 0; i < spec->security.sysctls.count; i++) {
		const struct spec_setting *sysctl = &spec->security.sysctls.items[i];
		int r = write_sysctl(sys_fd, sysctl);
		if (r < 0)
			return spec_error(err, r, spec, &sysctl->origin, "set sysctl %s to %s", sysctl->name,
				sysctl->value);
	}
	return 0;
}
