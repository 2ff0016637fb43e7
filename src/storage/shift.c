/* Owners of a tree that was filled by the host's root, as a container with an id map must find them. */
#include "storage/storage.h"

#include "base/cleanup.h"
#include "spec/spec.h"
#include "storage/entries.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct shift {
	const struct spec *spec;
	dev_t device;	/* others that are mounted below are left alone */
	void *seen;	/* tree of the inodes with several links that were done */
	char failed[256]; /* the file that could not be */
};

/* -EOVERFLOW: the map does not have it. */
static int map_id(const struct spec *spec, bool is_gid, uint32_t id, uint32_t *ret)
{
	vector_for_each (map, &spec->idmaps)
		if (map->is_gid == is_gid && id >= map->inside && id - map->inside < map->count) {
			*ret = map->outside + (id - map->inside);
			return 0;
		}
	return -EOVERFLOW;
}

static int compare_inodes(const void *a, const void *b)
{
	uintptr_t left = (uintptr_t)a, right = (uintptr_t)b;
	return left < right ? -1 : left > right;
}

/* 1: it was seen before, 0: not, -ENOMEM. */
static int note_inode(struct shift *shift, const struct stat *info)
{
	void *key = (void *)(uintptr_t)info->st_ino;
	if (S_ISDIR(info->st_mode) || info->st_nlink < 2)
		return 0;
	if (tfind(key, &shift->seen, compare_inodes))
		return 1;
	return tsearch(key, &shift->seen, compare_inodes) ? 0 : -ENOMEM;
}

/* A file's capabilities are those of a user namespace whose root is root_uid: man 7 capabilities, revision 3. */
static int set_capability(const char *path, struct vfs_ns_cap_data *data, ssize_t length, uint32_t root_uid)
{
	if (length == XATTR_CAPS_SZ_2)
		data->magic_etc = htole32(VFS_CAP_REVISION_3 | (le32toh(data->magic_etc) & VFS_CAP_FLAGS_MASK));
	data->rootid = htole32(root_uid);
	return setxattr(path, "security.capability", data, XATTR_CAPS_SZ_3, 0) < 0 ? -errno : 0;
}

/* chown(2) takes set-id bits and capabilities away. */
static int shift_owner(struct shift *shift, int fd, const struct stat *info)
{
	char path[40];
	struct vfs_ns_cap_data data = { 0 };
	uint32_t uid = 0, gid = 0, root_uid = 0;

	int r = map_id(shift->spec, false, info->st_uid, &uid);
	r = r ?: map_id(shift->spec, true, info->st_gid, &gid);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t length = S_ISREG(info->st_mode) ? getxattr(path, "security.capability", &data, sizeof(data)) : -1;
	if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return -errno;
	if (!S_ISLNK(info->st_mode) && info->st_mode & (S_ISUID | S_ISGID) && chmod(path, info->st_mode & 07777) < 0)
		return -errno;
	if (length == XATTR_CAPS_SZ_2 && map_id(shift->spec, false, 0, &root_uid) == 0)
		return set_capability(path, &data, length, root_uid);
	return 0;
}

static int shift_entry(struct shift *shift, int dir_fd, const char *name);

static int shift_entries(struct shift *shift, int dir_fd)
{
	auto_closedir DIR *dir = entries_open(dir_fd);
	int r = dir ? 0 : -errno;

	for (struct dirent *entry; r == 0 && (entry = entries_next(dir));)
		r = shift_entry(shift, dir_fd, entry->d_name);
	return r;
}

static int shift_entry(struct shift *shift, int dir_fd, const char *name)
{
	struct stat info;
	auto_close int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	int r = fd < 0 || fstat(fd, &info) < 0 ? -errno : 0;
	if (r == 0 && info.st_dev != shift->device)
		return 0;
	if (r == 0)
		r = note_inode(shift, &info);
	if (r == 1)
		return 0;
	r = r ?: shift_owner(shift, fd, &info);
	if (r == 0 && S_ISDIR(info.st_mode))
		r = shift_entries(shift, fd);
	if (r < 0 && !*shift->failed)
		(void)snprintf(shift->failed, sizeof(shift->failed), "%s", name);
	return r;
}

static void keep_key(void *key)
{
	(void)key;
}

int storage_shift_tree(const char *path, const struct spec *spec, struct error *err)
{
	struct stat info;
	uint32_t root_uid = 0;
	struct shift shift = { .spec = spec };

	if (lstat(path, &info) < 0)
		return error_set(err, errno, "map the owners in %s", path);
	if (map_id(spec, false, 0, &root_uid) < 0 || info.st_uid == root_uid)
		return 0; /* who filled it has done so already */
	shift.device = info.st_dev;
	int r = shift_entry(&shift, AT_FDCWD, path);
	tdestroy(shift.seen, keep_key);
	if (r >= 0)
		return 0;
	r = error_set(err, r, "map the owner of %s in %s", shift.failed, path);
	if (r == -EOVERFLOW)
		error_hint(err, "map more ids with lxc.idmap");
	return r;
}
