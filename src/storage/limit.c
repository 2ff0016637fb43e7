/* Which mechanism limits which root file system. */
#include "storage/limit_internal.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel/btrfs.h"
#include "kernel/loop.h"
#include "kernel/mountinfo.h"
#include "kernel/project_quota.h"
#include "spec/spec.h"
#include "storage/project.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define XFS_MAGIC 0x58465342UL
#define UNCHANGED UINT64_MAX

/* What is limited. */
struct place {
	enum limit_kind kind;
	char *path; /* the directory, image or device */
	char *work; /* of an overlay: the directory that files go through; NULL */
	int fd;	    /* of a directory */
};

static void place_clear(struct place *place)
{
	free(place->path);
	free(place->work);
	close_fd(&place->fd);
}
#define auto_place __attribute__((cleanup(place_clear))) struct place

const char *storage_limit_name(enum limit_kind kind)
{
	static const char *const names[] = { [LIMIT_NONE] = "none", [LIMIT_PROJECT] = "project quota",
		[LIMIT_GROUP] = "btrfs quota group", [LIMIT_DATASET] = "ZFS dataset", [LIMIT_IMAGE] = "image",
		[LIMIT_VOLUME] = "block device" };

	return names[kind];
}

/* ---- finding out ---- */

static bool is_overlay(const char *store)
{
	return store && (strcmp(store, "overlay") == 0 || strcmp(store, "overlayfs") == 0);
}

/* Only what is written counts: the upper layer, and the work directory beside it (src/rootfs/root.c). */
static int split_overlay(const char *path, struct place *place)
{
	const char *upper = strrchr(path, ':'), *slash = upper ? strrchr(upper, '/') : NULL;

	if (!slash)
		return -EINVAL;
	if (text_replace(&place->path, upper + 1) < 0)
		return -ENOMEM;
	return text_format(&place->work, "%.*s/olwork", (int)(slash - upper - 1), upper + 1);
}

static enum limit_kind kind_of_directory(int fd)
{
	if (btrfs_is_btrfs(fd))
		return btrfs_is_subvolume(fd) ? LIMIT_GROUP : LIMIT_NONE;
	return project_quota_check(fd) == 0 ? LIMIT_PROJECT : LIMIT_NONE;
}

static int find_place(const char *store, const char *path, struct place *ret, struct error *err)
{
	struct stat st;
	int r = is_overlay(store) ? split_overlay(path, ret) : text_replace(&ret->path, path);

	if (r == 0 && store && strcmp(store, "zfs") == 0) {
		ret->kind = LIMIT_DATASET;
		return 0;
	}
	if (r == 0 && stat(ret->path, &st) < 0)
		r = -errno;
	if (r < 0)
		return error_set(err, r, "look at rootfs %s", path);
	if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) {
		ret->kind = S_ISREG(st.st_mode) ? LIMIT_IMAGE : LIMIT_VOLUME;
		return 0;
	}
	ret->fd = open(ret->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd < 0)
		return error_set(err, errno, "open rootfs %s", ret->path);
	ret->kind = kind_of_directory(ret->fd);
	if (ret->work && ret->kind == LIMIT_GROUP)
		ret->kind = LIMIT_NONE; /* the work directory is outside of the subvolume */
	return 0;
}

/* The file system says why, the hint what always works. */
static int refuse(const struct place *place, struct error *err)
{
	struct statfs st = { 0 };
	const char *why = "its file system limits no directories";

	(void)fstatfs(place->fd, &st);
	if (st.f_type == EXT4_SUPER_MAGIC)
		why = "its ext4 counts no projects (tune2fs -O project,quota, mount option prjquota)";
	else if ((unsigned long)st.f_type == XFS_MAGIC)
		why = "its XFS counts no projects (mount option prjquota)";
	else if ((unsigned long)st.f_type == BTRFS_SUPER_MAGIC)
		why = place->work ? "btrfs limits no overlay" : "it is no subvolume of its btrfs (lxc-create -B btrfs)";
	(void)error_set_kind(err, ERROR_UNSUPPORTED, ENOTSUP, "limit rootfs %s: %s", place->path, why);
	return error_hint(err, "use an image, which always has a limit: lxc-create -B loop --fssize SIZE");
}

/* ---- project quota ---- */

/* As the mount of the overlay would make it, for the root that owns the upper layer. */
static int make_work_directory(const struct place *place, struct error *err)
{
	struct stat upper;

	if (mkdir(place->work, 0755) < 0)
		return errno == EEXIST ? 0 : error_set(err, errno, "make directory %s", place->work);
	if (fstat(place->fd, &upper) < 0 || lchown(place->work, upper.st_uid, upper.st_gid) < 0)
		return error_set(err, errno, "give %s to its owner", place->work);
	return 0;
}

static int set_project(const struct place *place, uint64_t bytes, uint64_t inodes, struct error *err)
{
	struct project_usage usage = { 0 };
	uint32_t project = 0, same;
	bool inherits;

	int r = project_get(place->fd, &project, &inherits);
	if (r == 0 && project)
		r = project_quota_get(place->fd, project, &usage);
	if (r < 0)
		return error_set(err, r, "read the project quota of %s", place->path);
	bytes = bytes == UNCHANGED ? usage.bytes_limit : bytes;
	inodes = inodes == UNCHANGED ? usage.inodes_limit : inodes;
	if (!project && !bytes && !inodes)
		return 0;
	r = project_claim(place->path, 0, bytes, inodes, &project, err);
	if (r == 0 && place->work)
		r = make_work_directory(place, err);
	if (r == 0 && place->work)
		r = project_claim(place->work, project, bytes, inodes, &same, err);
	if (r < 0)
		return r;
	r = project_quota_set(place->fd, project, bytes, inodes);
	return r < 0 ? error_set(err, r, "limit project %u of %s", project, place->path) : 0;
}

static int get_project(const struct place *place, struct storage_usage *ret, struct error *err)
{
	struct project_usage usage = { 0 };
	uint32_t project = 0;
	bool inherits;

	int r = project_get(place->fd, &project, &inherits);
	if (r == 0 && project == 0)
		return error_set_kind(err, ERROR_NOT_FOUND, ENODATA, "%s has no limit, and nobody counts what is in it", place->path);
	r = r ?: project_quota_get(place->fd, project, &usage);
	if (r < 0)
		return error_set(err, r, "read the project quota of %s", place->path);
	ret->bytes = usage.bytes;
	ret->bytes_limit = usage.bytes_limit;
	ret->inodes = usage.inodes;
	ret->inodes_limit = usage.inodes_limit;
	return 0;
}

/* ---- all kinds ---- */

static int refuse_inodes(const struct place *place, struct error *err)
{
	return error_set_kind(err, ERROR_UNSUPPORTED, ENOTSUP, "limit rootfs %s: a %s has no limit for the number of files",
		place->path, storage_limit_name(place->kind));
}

int storage_limit_set(const char *store, const char *path, int mounted_fd, uint64_t bytes, uint64_t inodes,
	struct error *err)
{
	auto_place place = { .fd = -1 };
	int r = find_place(store, path, &place, err);

	if (r < 0)
		return r;
	if (place.kind == LIMIT_NONE)
		return refuse(&place, err);
	if (place.kind == LIMIT_PROJECT)
		return set_project(&place, bytes, inodes, err);
	if (inodes != UNCHANGED && inodes != 0)
		return refuse_inodes(&place, err);
	if (bytes == UNCHANGED)
		return 0;
	if (place.kind == LIMIT_GROUP)
		return group_set(place.path, place.fd, bytes, err);
	if (place.kind == LIMIT_DATASET)
		return dataset_set(place.path, bytes, err);
	if (place.kind == LIMIT_IMAGE)
		return image_set_size(place.path, mounted_fd, bytes, err);
	(void)error_set_kind(err, ERROR_UNSUPPORTED, ENOTSUP, "rootfs %s is a block device", path);
	return error_hint(err, "change its size where it was made (lvextend --resizefs)");
}

int storage_limit_get(const char *store, const char *path, int mounted_fd, struct storage_usage *ret, struct error *err)
{
	struct storage_usage usage = { 0 };
	struct statvfs fs;
	auto_place place = { .fd = -1 };
	int r = find_place(store, path, &place, err);

	if (r < 0)
		return r;
	usage.kind = place.kind;
	if (place.kind == LIMIT_NONE)
		return refuse(&place, err);
	if (place.kind == LIMIT_PROJECT)
		r = get_project(&place, &usage, err);
	else if (place.kind == LIMIT_GROUP)
		r = group_get(place.path, place.fd, &usage, err);
	else if (place.kind == LIMIT_DATASET)
		r = dataset_get(place.path, &usage, err);
	else if (place.kind == LIMIT_IMAGE)
		r = image_get(place.path, mounted_fd, &usage, err);
	else if (mounted_fd < 0 || fstatvfs(mounted_fd, &fs) < 0)
		r = error_set_kind(err, ERROR_UNSUPPORTED, ENOTSUP, "rootfs %s is a block device that is not mounted", path);
	else
		usage = (struct storage_usage){ .kind = place.kind, .bytes = (fs.f_blocks - fs.f_bfree) * fs.f_frsize,
			.bytes_limit = fs.f_blocks * fs.f_frsize, .inodes = fs.f_files - fs.f_ffree, .inodes_limit = fs.f_files };
	if (r == 0)
		*ret = usage;
	return r;
}

int storage_limit_clear(const char *store, const char *path, struct error *err)
{
	auto_place place = { .fd = -1 };
	uint32_t project = 0;
	bool inherits;
	int r = find_place(store, path, &place, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (place.kind == LIMIT_GROUP)
		return group_clear(place.path, place.fd, err);
	if (place.kind != LIMIT_PROJECT)
		return 0;
	r = project_get(place.fd, &project, &inherits);
	if (r == 0 && project)
		r = project_quota_set(place.fd, project, 0, 0);
	return r < 0 ? error_set(err, r, "take the limit off %s", place.path) : 0;
}

/* ---- what a start needs to know ---- */

static uint32_t guard_of_group(const struct spec *spec, int fd)
{
	uint32_t guard = btrfs_quota_get_mode(fd) == BTRFS_QUOTA_SIMPLE ? GUARD_SUBVOLUME_GROUPS : GUARD_SUBVOLUMES;

	if (spec->idmaps.count == 0)
		guard |= GUARD_GROUPS;
	/* a process can have one listener */
	if (spec->rootfs.size_limit && !spec->security.seccomp_notify_proxy && !spec_serves_quota(spec))
		guard |= GUARD_STATFS;
	return guard;
}

uint32_t storage_limit_guard(const struct spec *spec)
{
	bool is_mapped = spec->idmaps.count > 0;
	auto_place place = { .fd = -1 };

	if (!spec_has_disk_limit(spec))
		return 0;
	if (find_place(spec->rootfs.store, spec->rootfs.path, &place, NULL) < 0)
		return GUARD_SUBVOLUMES | GUARD_SUBVOLUME_GROUPS | (is_mapped ? 0 : GUARD_GROUPS | GUARD_PROJECT);
	if (place.kind == LIMIT_GROUP)
		return guard_of_group(spec, place.fd);
	return place.kind == LIMIT_PROJECT && !is_mapped ? GUARD_PROJECT : 0;
}

/* Is the whole of a file system mounted at path, and not a part of it? */
static bool is_whole_mount(const char *path)
{
	auto_free char *text = NULL, *real = realpath(path, NULL);
	size_t length;
	struct mountinfo mount;
	bool is_whole = false;
	int r = real ? file_read(AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &text, &length) : -errno;

	if (r < 0)
		return false;
	for (char *next = text; (r = mountinfo_next(&next, &mount)) != 0;)
		if (r == 1 && strcmp(mount.target, real) == 0)
			is_whole = strcmp(mount.root, "/") == 0; /* the last is the uppermost */
	return is_whole;
}

uint64_t storage_own_device(const struct spec *spec)
{
	struct stat st;
	char device[LOOP_PATH_SIZE];

	if (!spec->rootfs.path || stat(spec->rootfs.path, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return is_whole_mount(spec->rootfs.path) ? st.st_dev : 0;
	if (S_ISBLK(st.st_mode))
		return st.st_rdev;
	if (!S_ISREG(st.st_mode))
		return 0;
	auto_close int image_fd = open(spec->rootfs.path, O_RDONLY | O_CLOEXEC);
	auto_close int device_fd = image_fd < 0 ? -1 : loop_find(image_fd, device);
	return device_fd >= 0 && fstat(device_fd, &st) == 0 ? st.st_rdev : 0;
}
