/* Paths of the kernel's file systems that a container sees empty. */
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/mount.h"
#include "rootfs/internal.h"

#define FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static int bind(const char *source, const char *target)
{
	int r = mount_at_path(source, target, NULL, MS_BIND, NULL);

	return r == -ENOENT ? 0 : r; /* not in this kernel */
}

/*
 * With a tmpfs on carrier, still writable: an empty file of it over each of files, an empty directory of it over each
 * of directories and at last over carrier, whose two names are then out of sight.
 */
static int mask_by(const char *carrier, const char *const *files, const char *const *directories)
{
	char file[64], directory[64];

	(void)snprintf(file, sizeof(file), "%s/file", carrier);
	(void)snprintf(directory, sizeof(directory), "%s/directory", carrier);
	if (mknod(file, S_IFREG | 0444, 0) < 0 || mkdir(directory, 0555) < 0)
		return -errno;
	int r = 0;
	for (; *files && r == 0; files++)
		r = bind(file, *files);
	for (; *directories && r == 0; directories++)
		r = bind(directory, *directories);
	/* of the file system, not of one mount: so for all that were bound */
	r = r ?: mount_at_path(NULL, carrier, NULL, MS_REMOUNT | MS_RDONLY | FLAGS, NULL);
	return r ?: bind(directory, carrier);
}

int root_mask(const char *const *files, const char *const *directories)
{
	int r = -ENOENT;

	for (; *directories && r == -ENOENT; directories++)
		r = mount_at_path("none", *directories, "tmpfs", FLAGS | (*files ? 0 : MS_RDONLY), NULL);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	const char *carrier = directories[-1];
	if (*files)
		return mask_by(carrier, files, directories);
	for (; *directories && r == 0; directories++)
		r = bind(carrier, *directories);
	return r;
}
