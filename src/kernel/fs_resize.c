/* Sizes of file systems: ioctls of kernel fs/ext4/ioctl.c, fs/xfs/libxfs/xfs_fs.h, linux/btrfs.h; magic(5). */
#include "kernel/fs_resize.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#define XFS_MAGIC 0x58465342UL

/* Numbers of blocks. */
#define EXT4_RESIZE  _IOW('f', 16, uint64_t)
#define XFS_GROW     _IOW('X', 110, struct xfs_growth)

struct xfs_growth {
	uint64_t blocks;
	uint32_t inode_percent;
};

/* XFS_IOC_FSGEOMETRY_V1, the oldest: only some of it is of interest. */
#define XFS_GEOMETRY _IOR('X', 100, struct xfs_geometry)
struct xfs_geometry {
	uint32_t block_size, real_time_extent, group_blocks, group_count, log_blocks, sector_size, inode_size, inode_percent;
	uint64_t data_blocks, rest[9];
};

static int grow_xfs(int fd, uint64_t bytes)
{
	struct xfs_geometry geometry;

	if (ioctl(fd, XFS_GEOMETRY, &geometry) < 0)
		return -errno;
	struct xfs_growth growth = { bytes / geometry.block_size, geometry.inode_percent };
	if (growth.blocks == geometry.data_blocks)
		return 0;
	if (growth.blocks < geometry.data_blocks)
		return -ENOTSUP;
	return ioctl(fd, XFS_GROW, &growth) < 0 ? -errno : 0;
}

static int resize_btrfs(int fd, uint64_t bytes)
{
	struct btrfs_ioctl_vol_args arguments = { 0 };

	snprintf(arguments.name, sizeof(arguments.name), "%" PRIu64, bytes);
	return ioctl(fd, BTRFS_IOC_RESIZE, &arguments) < 0 ? -errno : 0;
}

int fs_resize(int fd, uint64_t bytes)
{
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return -errno;
	uint64_t blocks = bytes / (uint64_t)st.f_bsize;
	switch ((unsigned long)st.f_type) {
	case EXT4_SUPER_MAGIC:
		if (blocks < (uint64_t)st.f_blocks)
			return -ENOTSUP;
		return ioctl(fd, EXT4_RESIZE, &blocks) < 0 ? -errno : 0;
	case XFS_MAGIC:
		return grow_xfs(fd, bytes);
	case BTRFS_SUPER_MAGIC:
		return resize_btrfs(fd, bytes);
	default:
		return -ENOTSUP;
	}
}
