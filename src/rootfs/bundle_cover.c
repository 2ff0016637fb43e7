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
	struct fd_pile *pile;
	int first_fd[2]; /* of files, of directories; -1: not needed yet */
	int ready_fd[2]; /* not attached yet; -1: none */
	int proc_fd;	 /* the container's own /proc; -1: not opened yet */
};

/* What is covered: fd itself, or name in it, which is no link. */
struct place {
	int fd;
	const char *name;
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
static int make_cover(struct covers *covers, bool is_directory)
{
	int *first = &covers->first_fd[is_directory];
	if (*first >= 0)
		return mount_clone_tree(*first, "", false);
	*first = is_directory ? mount_new_detached("tmpfs", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
							    MOUNT_ATTR_NOEXEC) : open_null();
	return *first;
}

static void put_away(struct covers *covers, bool is_directory)
{
	int *ready = &covers->ready_fd[is_directory];

	if (*ready != covers->first_fd[is_directory])
		fd_pile_add(covers->pile, *ready);
	*ready = -1;
}

static int cover(struct covers *covers, const struct place *place, bool is_directory)
{
	int *ready = &covers->ready_fd[is_directory];

	if (*ready < 0)
		*ready = make_cover(covers, is_directory);
	int r = *ready < 0 ? *ready : mount_attach(*ready, place->fd, place->name);
	if (r == 0)
		put_away(covers, is_directory);
	return r;
}

/* Does a path that can not be opened just not exist? */
static bool is_missing(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP;
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

/* NAME of /proc/NAME where that needs no look at what the image may have made of the way; NULL: it does. */
static const char *name_in_proc(const struct rootfs_context *root, const char *path)
{
	static const char *const links[] = { "self", "thread-self", "net", "mounts" };

	if (!has_nothing_below(root, path))
		return NULL;
	const char *name = path + strlen("/proc/");
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (strcmp(name, links[i]) == 0)
			return NULL;
	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 ? name : NULL;
}

static int find_place(const struct rootfs_context *root, const char *path, struct covers *covers, struct place *ret)
{
	const char *name = name_in_proc(root, path);

	if (name && covers->proc_fd < 0)
		covers->proc_fd = path_open_in_root(root->root_fd, "proc", O_PATH | O_DIRECTORY, 0);
	*ret = name ? (struct place){ covers->proc_fd, name } : (struct place){ path_open_in_root(root->root_fd, path, O_PATH, 0), "" };
	if (!name)
		fd_pile_add(covers->pile, ret->fd);
	return ret->fd < 0 ? ret->fd : 0;
}

/* As a rule it is a file; a directory refuses that (-EINVAL of move_mount(2)). */
static int mask(const struct rootfs_context *root, const char *path, struct covers *covers)
{
	struct place place;
	int r = find_place(root, path, covers, &place);

	r = r ?: cover(covers, &place, false);
	if (r == -EINVAL)
		r = cover(covers, &place, true);
	return is_missing(r) ? 0 : r;
}

static int protect(const struct rootfs_context *root, const char *path, struct covers *covers)
{
	struct place place;
	int r = find_place(root, path, covers, &place);

	if (r < 0)
		return is_missing(r) ? 0 : r;
	int cover_fd = mount_clone_read_only(place.fd, place.name, !has_nothing_below(root, path));
	bool is_late = cover_fd == -ENOSYS;
	if (is_late)
		cover_fd = mount_clone_tree(place.fd, place.name, true);
	if (cover_fd < 0)
		return is_missing(cover_fd) ? 0 : cover_fd;
	fd_pile_add(covers->pile, cover_fd);
	r = mount_attach(cover_fd, place.fd, place.name);
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
		fd_pile_make_room(covers->pile);
		int r = protect(root, oci->read_only.items[i], covers);
		if (r < 0)
			return error_set(err, r, "make %s read-only", oci->read_only.items[i]);
	}
	for (size_t i = 0; i < oci->masked.count; i++) {
		fd_pile_make_room(covers->pile);
		int r = mask(root, oci->masked.items[i], covers);
		if (r < 0)
			return error_set(err, r, "mask %s", oci->masked.items[i]);
	}
	return 0;
}

int bundle_cover(struct rootfs_context *root, struct error *err)
{
	struct covers covers = { .pile = &root->pile, .first_fd = { -1, -1 }, .ready_fd = { -1, -1 }, .proc_fd = -1 };
	int r = cover_all(root, &covers, err);

	fd_pile_make_room(covers.pile);
	put_away(&covers, false);
	put_away(&covers, true);
	fd_pile_add(covers.pile, covers.first_fd[false]);
	fd_pile_add(covers.pile, covers.first_fd[true]);
	fd_pile_add(covers.pile, covers.proc_fd);
	if (r < 0)
		return r;
	r = protect_dev(root);
	if (r == 0 && root->spec->oci.root_read_only)
		r = mount_set_flags(root->root_fd, MS_RDONLY, 0, false);
	return r < 0 ? error_set(err, r, "make the root read-only") : 0;
}
