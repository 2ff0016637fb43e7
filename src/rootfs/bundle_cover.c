/* What of an OCI bundle's root is hidden or read-only. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/fd_pile.h"
#include "kernel/mount.h"
#include "kernel/path_in_root.h"
#include "rootfs/bundle.h"

/* What covers: a detached mount at first, and what it is copied from once it is attached. */
struct covers {
	struct fd_pile pile;
	int null_fd, empty_fd; /* -1: not needed yet */
};

/* The host's null device, before the root is changed: that of the image may be anything (CVE-2025-31133). */
static int open_null(void)
{
	struct stat st;
	auto_close int fd = mount_clone_tree(AT_FDCWD, "/dev/null", false);

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return -ENODEV;
	return take_fd(&fd);
}

/* One empty file system serves all directories, one null device all files. */
static int next_cover(struct covers *covers, bool is_directory)
{
	int *first = is_directory ? &covers->empty_fd : &covers->null_fd;
	bool is_new = *first < 0;

	if (is_new) {
		*first = is_directory ? mount_new_detached("tmpfs", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
								    MOUNT_ATTR_NOEXEC) : open_null();
		fd_pile_add(&covers->pile, *first);
		return *first;
	}
	int fd = mount_clone_tree(*first, "", false);
	fd_pile_add(&covers->pile, fd);
	return fd;
}

/* Does a path that can not be opened just not exist? */
static bool is_missing(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP;
}

static int mask(const struct rootfs_context *root, const char *path, struct covers *covers)
{
	struct stat st;
	int target_fd = path_open_in_root(root->root_fd, path, O_PATH, 0);

	if (target_fd < 0)
		return is_missing(target_fd) ? 0 : target_fd;
	fd_pile_add(&covers->pile, target_fd);
	if (fstat(target_fd, &st) < 0)
		return -errno;
	int cover_fd = next_cover(covers, S_ISDIR(st.st_mode));
	return cover_fd < 0 ? cover_fd : mount_attach(cover_fd, target_fd, "");
}

/* Below a /proc that was mounted for this container nothing is mounted but by its mounts and hooks: is that seen without a look? */
static bool has_nothing_below(const struct rootfs_context *root, const char *path)
{
	bool is_own_proc = false;

	if (strncmp(path, "/proc/", strlen("/proc/")) != 0 || root->spec->oci.hooks.count > 0)
		return false;
	vector_for_each (entry, &root->spec->mounts.entries) {
		is_own_proc |= strcmp(entry->target, "proc") == 0 && entry->type && strcmp(entry->type, "proc") == 0;
		if (strncmp(entry->target, "proc/", strlen("proc/")) == 0)
			return false;
	}
	return is_own_proc;
}

static int protect(const struct rootfs_context *root, const char *path, struct covers *covers)
{
	int target_fd = path_open_in_root(root->root_fd, path, O_PATH, 0);

	if (target_fd < 0)
		return is_missing(target_fd) ? 0 : target_fd;
	fd_pile_add(&covers->pile, target_fd);
	int cover_fd = mount_clone_read_only(target_fd, "", !has_nothing_below(root, path));
	bool is_late = cover_fd == -ENOSYS;
	if (is_late)
		cover_fd = mount_clone_tree(target_fd, "", true);
	if (cover_fd < 0)
		return cover_fd;
	fd_pile_add(&covers->pile, cover_fd);
	int r = mount_attach(cover_fd, target_fd, "");
	return r == 0 && is_late ? mount_set_flags(cover_fd, MS_RDONLY, 0, false) : r;
}

static int protect_dev(const struct rootfs_context *root)
{
	int r = 0;

	vector_for_each (entry, &root->spec->mounts.entries) {
		if (strcmp(entry->target, "dev") != 0 || !(entry->flags_set & MS_RDONLY) || entry->flags_set & MS_BIND)
			continue;
		auto_close int fd = path_open_in_root(root->root_fd, "dev", O_PATH | O_DIRECTORY, 0);
		r = fd < 0 ? fd : mount_set_flags(fd, MS_RDONLY, 0, false);
	}
	return r;
}

static int cover_all(const struct rootfs_context *root, struct covers *covers, struct error *err)
{
	const struct spec_oci *oci = &root->spec->oci;

	for (size_t i = 0; i < oci->read_only.count; i++) {
		int r = protect(root, oci->read_only.items[i], covers);
		if (r < 0)
			return error_set(err, r, "make %s read-only", oci->read_only.items[i]);
	}
	for (size_t i = 0; i < oci->masked.count; i++) {
		int r = mask(root, oci->masked.items[i], covers);
		if (r < 0)
			return error_set(err, r, "mask %s", oci->masked.items[i]);
	}
	return 0;
}

int bundle_cover(const struct rootfs_context *root, struct error *err)
{
	struct covers covers = { .null_fd = -1, .empty_fd = -1 };
	int r = cover_all(root, &covers, err);

	fd_pile_close(&covers.pile);
	if (r < 0)
		return r;
	r = protect_dev(root);
	if (r == 0 && root->spec->oci.root_read_only)
		r = mount_set_flags(root->root_fd, MS_RDONLY, 0, false);
	return r < 0 ? error_set(err, r, "make the root read-only") : 0;
}
