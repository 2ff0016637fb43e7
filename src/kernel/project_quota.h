#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * Project quota of ext4 and XFS: a file counts for the project whose number it bears, whoever owns it. All return >= 0
 * or -errno; fds are of any file or directory of the file system. The first user namespace's root alone.
 */

struct project_usage {
	uint64_t bytes, bytes_limit; /* limits: 0 for none */
	uint64_t inodes, inodes_limit;
};

/* Does the file system hold projects to their limits? -ENOTSUP: no (mount option prjquota, for ext4 feature project). */
int project_quota_check(int fd);

/* Hard limits, and no soft ones (df shows those); bytes are rounded up to 1024. */
int project_quota_set(int fd, uint32_t project, uint64_t bytes, uint64_t inodes);
int project_quota_get(int fd, uint32_t project, struct project_usage *ret);

/* The project of the file that fd is, and whether what is made in it (a directory) gets it, too. */
int project_get(int fd, uint32_t *ret_project, bool *ret_inherits);
int project_set(int fd, uint32_t project, bool inherits);
/* The same for what can not be opened: links, device nodes, sockets. -ENOSYS before Linux 6.17. */
int project_set_at(int dir_fd, const char *name, uint32_t project);

/* quotactl(2) on the file system of fd, before Linux 5.14 by its device in /dev/block. 0 or -errno. */
int quotactl_of_fd(int fd, unsigned command, uint32_t id, void *data);
