/*
 * linux/btrfs.h and btrfs_tree.h; what Debian's headers lack (simple quota) is of kernel fs/btrfs/qgroup.c. Groups are
 * read from the quota tree, because /sys shows only those of kernels from 5.9 on and not inside of every mount namespace.
 */
#include "kernel/btrfs.h"

#include <endian.h>
#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/magic.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define TOP_INODE	  256ULL /* BTRFS_FIRST_FREE_OBJECTID: inode of a subvolume's top */
#define ENABLE_SIMPLE	  4	 /* BTRFS_QUOTA_CTL_ENABLE_SIMPLE_QUOTA */
#define STATUS_IS_ON	  1ULL	 /* BTRFS_QGROUP_STATUS_FLAG_* */
#define STATUS_IS_SIMPLE  8ULL

bool btrfs_is_btrfs(int fd)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && (unsigned long)st.f_type == BTRFS_SUPER_MAGIC;
}

bool btrfs_is_subvolume(int fd)
{
	struct stat st;

	return btrfs_is_btrfs(fd) && fstat(fd, &st) == 0 && st.st_ino == TOP_INODE;
}

bool btrfs_is_same(int fd, int other_fd)
{
	struct btrfs_ioctl_fs_info_args a, b;

	return btrfs_is_btrfs(other_fd) && ioctl(fd, BTRFS_IOC_FS_INFO, &a) == 0 && ioctl(other_fd, BTRFS_IOC_FS_INFO, &b) == 0 &&
	       memcmp(a.fsid, b.fsid, sizeof(a.fsid)) == 0;
}

int btrfs_device(int fd, dev_t *ret_device)
{
	struct btrfs_ioctl_dev_info_args info = { .devid = 1 };
	struct stat st;

	if (ioctl(fd, BTRFS_IOC_DEV_INFO, &info) < 0 || stat((char *)info.path, &st) < 0)
		return -errno;
	*ret_device = st.st_rdev;
	return 0;
}

/* ---- subvolumes ---- */

static int name_argument(struct btrfs_ioctl_vol_args *arguments, const char *name)
{
	size_t length = strlen(name);

	*arguments = (struct btrfs_ioctl_vol_args){ 0 };
	if (length > 255 || length == 0) /* BTRFS_NAME_LEN */
		return length ? -ENAMETOOLONG : -EINVAL;
	memcpy(arguments->name, name, length);
	return 0;
}

int btrfs_subvolume_create(int parent_fd, const char *name)
{
	struct btrfs_ioctl_vol_args arguments;
	int r = name_argument(&arguments, name);

	return r < 0 ? r : ioctl(parent_fd, BTRFS_IOC_SUBVOL_CREATE, &arguments) < 0 ? -errno : 0;
}

int btrfs_subvolume_snapshot(int source_fd, int parent_fd, const char *name, bool read_only)
{
	struct btrfs_ioctl_vol_args_v2 arguments = {
		.fd = source_fd, .flags = read_only ? BTRFS_SUBVOL_RDONLY : 0 };

	if (strlen(name) > 255)
		return -ENAMETOOLONG;
	memcpy(arguments.name, name, strlen(name));
	return ioctl(parent_fd, BTRFS_IOC_SNAP_CREATE_V2, &arguments) < 0 ? -errno : 0;
}

int btrfs_subvolume_destroy(int parent_fd, const char *name)
{
	struct btrfs_ioctl_vol_args arguments;
	int r = name_argument(&arguments, name);

	return r < 0 ? r : ioctl(parent_fd, BTRFS_IOC_SNAP_DESTROY, &arguments) < 0 ? -errno : 0;
}

int btrfs_subvolume_set_read_only(int fd, bool read_only)
{
	uint64_t flags;

	if (ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) < 0)
		return -errno;
	flags = read_only ? flags | BTRFS_SUBVOL_RDONLY : flags & ~(uint64_t)BTRFS_SUBVOL_RDONLY;
	return ioctl(fd, BTRFS_IOC_SUBVOL_SETFLAGS, &flags) < 0 ? -errno : 0;
}

int btrfs_subvolume_id(int fd, uint64_t *ret_id)
{
	struct btrfs_ioctl_ino_lookup_args arguments = { .objectid = TOP_INODE };

	if (ioctl(fd, BTRFS_IOC_INO_LOOKUP, &arguments) < 0)
		return -errno;
	*ret_id = arguments.treeid;
	return 0;
}

int btrfs_sync(int fd)
{
	return ioctl(fd, BTRFS_IOC_SYNC, NULL) < 0 ? -errno : 0;
}

/* ---- reading trees ---- */

/*
 * The first item of type with the key object and an offset from from on; copies at most size bytes of it into item.
 * -ENOENT: none, or no such tree.
 */
static int find_item(int fd, uint64_t tree, uint64_t object, uint32_t type, uint64_t from, uint64_t to,
	uint64_t *ret_offset, void *item, size_t size)
{
	struct btrfs_ioctl_search_args search = { .key = {
		.tree_id = tree,
		.min_objectid = object, .max_objectid = object,
		.min_type = type, .max_type = type,
		.min_offset = from, .max_offset = to,
		.max_transid = UINT64_MAX,
		.nr_items = 1,
	} };
	struct btrfs_ioctl_search_header header;

	if (ioctl(fd, BTRFS_IOC_TREE_SEARCH, &search) < 0)
		return -errno;
	if (search.key.nr_items == 0)
		return -ENOENT;
	memcpy(&header, search.buf, sizeof(header));
	if (header.objectid != object || header.type != type || header.offset < from || header.offset > to ||
		header.len > sizeof(search.buf) - sizeof(header))
		return -ENOENT;
	memset(item, 0, size);
	memcpy(item, search.buf + sizeof(header), header.len < size ? header.len : size);
	*ret_offset = header.offset;
	return 0;
}

int btrfs_subvolume_next_child(int fd, uint64_t parent, uint64_t from, uint64_t *ret_id)
{
	char nothing;

	return find_item(fd, BTRFS_ROOT_TREE_OBJECTID, parent, BTRFS_ROOT_REF_KEY, from, UINT64_MAX, ret_id, &nothing, 1);
}

/* ---- quota ---- */

static int find_quota_item(int fd, uint32_t type, uint64_t group, void *item, size_t size)
{
	uint64_t offset;

	return find_item(fd, BTRFS_QUOTA_TREE_OBJECTID, 0, type, group, group, &offset, item, size);
}

int btrfs_quota_get_mode(int fd)
{
	struct btrfs_qgroup_status_item status;
	int r = find_quota_item(fd, BTRFS_QGROUP_STATUS_KEY, 0, &status, sizeof(status));

	if (r < 0)
		return r == -ENOENT ? BTRFS_QUOTA_OFF : r;
	uint64_t flags = le64toh(status.flags);
	if (!(flags & STATUS_IS_ON))
		return BTRFS_QUOTA_OFF;
	return flags & STATUS_IS_SIMPLE ? BTRFS_QUOTA_SIMPLE : BTRFS_QUOTA_FULL;
}

int btrfs_quota_enable(int fd)
{
	struct btrfs_ioctl_quota_ctl_args arguments = { .cmd = ENABLE_SIMPLE };
	int mode = btrfs_quota_get_mode(fd);

	if (mode != BTRFS_QUOTA_OFF)
		return mode;
	if (ioctl(fd, BTRFS_IOC_QUOTA_CTL, &arguments) == 0 || errno == EEXIST)
		return btrfs_quota_get_mode(fd);
	if (errno != EINVAL)
		return -errno;
	arguments = (struct btrfs_ioctl_quota_ctl_args){ .cmd = BTRFS_QUOTA_CTL_ENABLE }; /* and begins to count */
	if (ioctl(fd, BTRFS_IOC_QUOTA_CTL, &arguments) < 0 && errno != EEXIST)
		return -errno;
	return ioctl(fd, BTRFS_IOC_QUOTA_RESCAN_WAIT, NULL) < 0 ? -errno : BTRFS_QUOTA_FULL;
}

int btrfs_group_create(int fd, uint64_t group)
{
	struct btrfs_ioctl_qgroup_create_args arguments = { .create = 1, .qgroupid = group };

	return ioctl(fd, BTRFS_IOC_QGROUP_CREATE, &arguments) < 0 && errno != EEXIST ? -errno : 0;
}

/* The kernel says > 0 when its counts do not fit any more (full quota): then they are made anew. */
static int assign(int fd, uint64_t member, uint64_t group, bool is_in)
{
	struct btrfs_ioctl_qgroup_assign_args arguments = { .assign = is_in, .src = member, .dst = group };
	struct btrfs_ioctl_quota_rescan_args rescan = { 0 };
	int r = ioctl(fd, BTRFS_IOC_QGROUP_ASSIGN, &arguments);

	if (r < 0)
		return errno == (is_in ? EEXIST : ENOENT) ? 0 : -errno;
	if (r == 0)
		return 0;
	if (ioctl(fd, BTRFS_IOC_QUOTA_RESCAN, &rescan) < 0 && errno != EINPROGRESS)
		return -errno;
	return ioctl(fd, BTRFS_IOC_QUOTA_RESCAN_WAIT, NULL) < 0 ? -errno : 0;
}

int btrfs_group_add(int fd, uint64_t member, uint64_t group)
{
	return assign(fd, member, group, true);
}

int btrfs_group_destroy(int fd, uint64_t group)
{
	struct btrfs_ioctl_qgroup_create_args arguments = { .create = 0, .qgroupid = group };
	uint64_t member = 0;
	char nothing;

	int r = btrfs_sync(fd); /* the tree has what was assigned before */
	while (r == 0 && find_item(fd, BTRFS_QUOTA_TREE_OBJECTID, group, BTRFS_QGROUP_RELATION_KEY, member, group - 1, &member,
				 &nothing, 1) == 0)
		r = assign(fd, member++, group, false);
	if (r < 0)
		return r;
	return ioctl(fd, BTRFS_IOC_QGROUP_CREATE, &arguments) < 0 && errno != ENOENT && errno != ENOTCONN ? -errno : 0;
}

int btrfs_group_set_limit(int fd, uint64_t group, uint64_t bytes)
{
	struct btrfs_ioctl_qgroup_limit_args arguments = { .qgroupid = group,
		.lim = { .flags = BTRFS_QGROUP_LIMIT_MAX_RFER, .max_rfer = bytes ? bytes : UINT64_MAX } };

	return ioctl(fd, BTRFS_IOC_QGROUP_LIMIT, &arguments) < 0 ? -errno : 0;
}

int btrfs_group_read(int fd, uint64_t group, uint64_t *ret_used, uint64_t *ret_limit)
{
	struct btrfs_qgroup_info_item info;
	struct btrfs_qgroup_limit_item limit;
	int r = find_quota_item(fd, BTRFS_QGROUP_INFO_KEY, group, &info, sizeof(info));

	if (r < 0)
		return r;
	r = find_quota_item(fd, BTRFS_QGROUP_LIMIT_KEY, group, &limit, sizeof(limit));
	if (r < 0)
		return r;
	bool is_limited = le64toh(limit.flags) & BTRFS_QGROUP_LIMIT_MAX_RFER && le64toh(limit.max_rfer) != UINT64_MAX;
	*ret_used = le64toh(info.rfer);
	*ret_limit = is_limited ? le64toh(limit.max_rfer) : 0;
	return 0;
}
