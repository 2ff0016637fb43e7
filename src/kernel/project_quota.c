/*
 * quotactl(2), linux/quota.h, linux/dqblk_xfs.h. The kernel answers the generic commands for XFS, and the state command of
 * XFS for ext4 (fs/quota/quota.c), so that one of each does for both.
 */
#include "kernel/project_quota.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define CALL_QUOTACTL_FD   443 /* the same numbers on all architectures but alpha */
#define CALL_FILE_GETATTR  468
#define CALL_FILE_SETATTR  469

struct file_attribute { /* struct file_attr of linux/fs.h 6.17 */
	uint64_t flags;
	uint32_t extent_size, extent_count, project, cow_extent_size;
};

int quotactl_of_fd(int fd, unsigned command, uint32_t id, void *data)
{
	struct stat st;
	char device[48];

	if (syscall(CALL_QUOTACTL_FD, fd, command, id, data) == 0)
		return 0;
	if (errno != ENOSYS)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	snprintf(device, sizeof(device), "/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
	return syscall(SYS_quotactl, command, device, id, data) < 0 ? -errno : 0;
}

int project_quota_check(int fd)
{
	struct fs_quota_statv state = { .qs_version = FS_QSTATV_VERSION1 };
	int r = quotactl_of_fd(fd, QCMD(Q_XGETQSTATV, PRJQUOTA), 0, &state);

	if (r == -ENOSYS || r == -EINVAL || r == -ESRCH || r == -ENOENT || r == -ENODEV || r == -ENOTBLK)
		return -ENOTSUP;
	if (r < 0)
		return r;
	return state.qs_flags & FS_QUOTA_PDQ_ENFD ? 0 : -ENOTSUP;
}

int project_quota_set(int fd, uint32_t project, uint64_t bytes, uint64_t inodes)
{
	struct if_dqblk quota = { .dqb_bhardlimit = (bytes + QIF_DQBLKSIZE - 1) / QIF_DQBLKSIZE,
		.dqb_ihardlimit = inodes, .dqb_valid = QIF_LIMITS };

	return quotactl_of_fd(fd, QCMD(Q_SETQUOTA, PRJQUOTA), project, &quota);
}

int project_quota_get(int fd, uint32_t project, struct project_usage *ret)
{
	struct if_dqblk quota = { 0 };
	int r = quotactl_of_fd(fd, QCMD(Q_GETQUOTA, PRJQUOTA), project, &quota);

	if (r < 0 && r != -ENOENT) /* XFS: nothing was ever counted for it */
		return r;
	*ret = (struct project_usage){ .bytes = quota.dqb_curspace, .bytes_limit = quota.dqb_bhardlimit * QIF_DQBLKSIZE,
		.inodes = quota.dqb_curinodes, .inodes_limit = quota.dqb_ihardlimit };
	return 0;
}

int project_get(int fd, uint32_t *ret_project, bool *ret_inherits)
{
	struct fsxattr attribute;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &attribute) < 0)
		return -errno;
	*ret_project = attribute.fsx_projid;
	*ret_inherits = attribute.fsx_xflags & FS_XFLAG_PROJINHERIT;
	return 0;
}

int project_set(int fd, uint32_t project, bool inherits)
{
	struct fsxattr attribute;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &attribute) < 0)
		return -errno;
	attribute.fsx_projid = project;
	attribute.fsx_xflags &= ~(uint32_t)FS_XFLAG_PROJINHERIT;
	if (inherits)
		attribute.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	return ioctl(fd, FS_IOC_FSSETXATTR, &attribute) < 0 ? -errno : 0;
}

int project_set_at(int dir_fd, const char *name, uint32_t project)
{
	struct file_attribute attribute;

	if (syscall(CALL_FILE_GETATTR, dir_fd, name, &attribute, sizeof(attribute), AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	attribute.project = project;
	return syscall(CALL_FILE_SETATTR, dir_fd, name, &attribute, sizeof(attribute), AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}
