/* lxc.mount.fstab and lxc.mount.entry. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/mount.h"
#include "kernel/path_in_root.h"
#include "rootfs/internal.h"

#define MAX_FSTAB (1024 * 1024)

/* One entry being mounted. */
struct job {
	const struct rootfs_context *root;
	const struct spec_mount *entry;
	const struct origin *origin;
	const char *target; /* below the root */
	int idmapped_fd;    /* borrowed; -1: none */
};

static int source_error(const struct job *job, int r, struct error *err)
{
	r = spec_error(err, r, job->root->spec, job->origin, "mount source %s", job->entry->source);
	if (r == -ENOENT)
		error_hint(err, "create it, or add \"optional\"");
	return r;
}

static int target_error(const struct job *job, int r, struct error *err)
{
	r = spec_error(err, r, job->root->spec, job->origin, "mount target %s", job->entry->target);
	if (r == -ENOENT && job->entry->create == MOUNT_CREATE_NONE)
		error_hint(err, "create it, or add \"create=dir\" or \"create=file\"");
	return r;
}

static int mount_error(const struct job *job, int r, struct error *err)
{
	return spec_error(err, r, job->root->spec, job->origin, "mount %s on %s", job->entry->source,
		job->entry->target);
}

static int open_target(const struct job *job)
{
	enum path_create create = job->entry->create == MOUNT_CREATE_DIRECTORY ? PATH_CREATE_DIRECTORY :
				  job->entry->create == MOUNT_CREATE_FILE      ? PATH_CREATE_FILE :
										 PATH_CREATE_NONE;

	return path_create_in_root(job->root->root_fd, job->target, create);
}

/* A detached copy of the source. Sources are the host's and trusted, but for those below the root (relative). */
static int open_source(const struct job *job)
{
	const struct spec_mount *entry = job->entry;
	bool is_recursive = entry->flags_set & MS_REC;

	if (job->idmapped_fd >= 0) {
		int fd = fcntl(job->idmapped_fd, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? -errno : fd;
	}
	if (!entry->source_in_rootfs)
		return mount_clone_tree(AT_FDCWD, entry->source, is_recursive);
	auto_close int fd = path_open_in_root(job->root->root_fd, entry->source, O_PATH, 0);
	return fd < 0 ? fd : mount_clone_tree(fd, "", is_recursive);
}

/* fd: the root of the new mount. */
static int set_propagation(const struct job *job, int fd)
{
	return job->entry->propagation ? mount_at_fd(NULL, fd, NULL, job->entry->propagation, NULL) : 0;
}

static int mount_bind(const struct job *job, struct error *err)
{
	const struct spec_mount *entry = job->entry;
	bool is_recursive = entry->flags_set & MS_REC;
	auto_close int tree_fd = open_source(job);

	if (tree_fd < 0)
		return source_error(job, tree_fd, err);
	auto_close int target_fd = open_target(job);
	if (target_fd < 0)
		return target_error(job, target_fd, err);
	/* while it is detached, so that it is never there and writable; before 5.12 only afterwards */
	int r = mount_set_flags(tree_fd, entry->flags_set, entry->flags_clear, is_recursive);
	bool is_late = r == -ENOSYS;
	if (r == 0 || is_late)
		r = mount_attach(tree_fd, target_fd, "");
	if (r == 0 && is_late)
		r = mount_set_flags(tree_fd, entry->flags_set, entry->flags_clear, false);
	r = r ?: set_propagation(job, tree_fd);
	return r < 0 ? mount_error(job, r, err) : 0;
}

static int mount_moved(const struct job *job, struct error *err)
{
	auto_close int target_fd = open_target(job);

	if (target_fd < 0)
		return target_error(job, target_fd, err);
	int r = mount_move(job->entry->source, target_fd);
	return r < 0 ? mount_error(job, r, err) : 0;
}

/* create=dir also makes the directories that an overlay names: they are the host's. */
static void create_overlay_dirs(const struct spec_mount *entry)
{
	static const char *const keys[] = { "lowerdir=", "upperdir=", "workdir=" };

	if (strncmp(entry->type, "overlay", strlen("overlay")) != 0 || !entry->data ||
		entry->create != MOUNT_CREATE_DIRECTORY)
		return;
	auto_free char *data = strdup(entry->data);
	char *rest = data;
	for (char *option; rest && (option = strsep(&rest, ","));)
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			if (strncmp(option, keys[i], strlen(keys[i])) != 0)
				continue;
			char *list = option + strlen(keys[i]);
			for (char *path; (path = strsep(&list, ":"));)
				if (*path == '/')
					(void)mkdir_parents(path, 0755); /* the mount tells what is missing */
		}
}

static int mount_file_system(const struct job *job, struct error *err)
{
	const struct spec_mount *entry = job->entry;
	auto_close int target_fd = open_target(job);

	if (target_fd < 0)
		return target_error(job, target_fd, err);
	create_overlay_dirs(entry);
	int r = mount_at_fd(entry->source, target_fd, entry->type, entry->flags_set & ~(uint64_t)MS_REC, entry->data);
	if (r < 0) {
		if (r == -ENOENT && *entry->source == '/')
			return source_error(job, r, err);
		r = mount_error(job, r, err);
		if (r == -ENODEV)
			error_hint(err, "this kernel has no file system \"%s\"", entry->type);
		return r;
	}
	if (!entry->propagation)
		return 0;
	auto_close int mounted_fd = path_open_in_root(job->root->root_fd, job->target, O_PATH, 0);
	r = mounted_fd < 0 ? mounted_fd : set_propagation(job, mounted_fd);
	return r < 0 ? mount_error(job, r, err) : 0;
}

/* "remount" of what is there: by a fd it changes the mount; file system options need the old call. */
static int remount(const struct job *job, struct error *err)
{
	const struct spec_mount *entry = job->entry;
	auto_close int target_fd = open_target(job);

	if (target_fd < 0)
		return target_error(job, target_fd, err);
	int r = entry->flags_set & MS_BIND ?
			mount_set_flags(target_fd, entry->flags_set, entry->flags_clear, entry->flags_set & MS_REC) :
			mount_at_fd(entry->source, target_fd, entry->type, entry->flags_set, entry->data);
	return r < 0 ? mount_error(job, r, err) : 0;
}

static int run_job(const struct job *job, struct error *err)
{
	uint64_t flags = job->entry->flags_set;

	if (flags & MS_REMOUNT)
		return remount(job, err);
	if (flags & MS_MOVE)
		return mount_moved(job, err);
	return flags & MS_BIND ? mount_bind(job, err) : mount_file_system(job, err);
}

/* ---- targets ---- */

/* What is behind prefix in path if path lies below it (or is it), else NULL. */
static const char *below(const char *path, const char *prefix)
{
	size_t length = prefix ? strlen(prefix) : 0;

	while (length > 1 && prefix[length - 1] == '/')
		length--;
	if (length == 0 || strncmp(path, prefix, length) != 0 || (path[length] != '/' && path[length] != '\0'))
		return NULL;
	return path + length;
}

/*
 * A relative target lies below the root; an absolute one is the host's view of it and must start with
 * LXCPATH/NAME/rootfs or lxc.rootfs.path. NULL: it lies elsewhere.
 */
static const char *target_in_root(const struct rootfs_context *root, const char *target)
{
	const struct spec *spec = root->spec;

	if (*target != '/' || !spec->rootfs.path)
		return target;
	auto_free char *own = NULL;
	if (spec->identity.base_path && spec->identity.name &&
		asprintf(&own, "%s/%s/rootfs", spec->identity.base_path, spec->identity.name) < 0)
		own = NULL;
	const char *path = own ? below(target, own) : NULL;
	if (!path)
		path = below(target, spec->rootfs.path);
	return path && *path == '\0' ? "/" : path;
}

static int mount_entry(const struct rootfs_context *root, const struct spec_mount *entry,
	const struct origin *origin, int idmapped_fd, struct error *err)
{
	struct job job = { root, entry, origin, target_in_root(root, entry->target), idmapped_fd };

	if (!job.target) {
		log_warn(root->log, "mount entry %s: the target is not below the rootfs, skipped", entry->line);
		return 0;
	}
	int r = run_job(&job, err);
	if (r == 0 || !entry->optional)
		return r;
	log_info(root->log, "optional mount of %s on %s: %s", entry->source, entry->target, strerror(-r));
	return 0;
}

/* ---- lists ---- */

static int mount_fstab(const struct rootfs_context *root, struct error *err)
{
	const struct spec_mounts *mounts = &root->spec->mounts;
	auto_free char *text = NULL;
	auto_spec struct spec *lines = spec_new(); /* what the file says, apart from the container's own entries */
	size_t length;

	if (!lines)
		return error_set(err, ENOMEM, "read %s", mounts->fstab);
	int r = file_read(AT_FDCWD, mounts->fstab, MAX_FSTAB, &text, &length);
	if (r < 0)
		return spec_error(err, r, root->spec, &mounts->fstab_origin, "read %s", mounts->fstab);
	r = fstab_parse(lines, mounts->fstab, text, length, err);
	for (size_t i = 0; r == 0 && i < lines->mounts.entries.count; i++) {
		const struct spec_mount *entry = &lines->mounts.entries.items[i];
		r = mount_entry(root, entry, NULL, -1, err);
		if (r < 0)
			error_locate(err, mounts->fstab, entry->origin.line, "");
	}
	return r;
}

/* lxc.mount.auto = shmounts: a directory of the host, in which what the host mounts later shows up as well.
 */
static int mount_shared(const struct rootfs_context *root, struct error *err)
{
	const struct spec_mounts *mounts = &root->spec->mounts;
	auto_close int tree_fd = mount_clone_tree(AT_FDCWD, mounts->shmounts_host, true);

	if (tree_fd < 0) {
		int r = error_set(err, tree_fd, "shared mounts %s", mounts->shmounts_host);
		error_hint(err, "make the directory, and a shared mount of it");
		return r;
	}
	int r = root_attach(root, tree_fd, mounts->shmounts_container, PATH_CREATE_DIRECTORY);
	return r < 0 ? error_set(err, r, "shared mounts on %s", mounts->shmounts_container) : 0;
}

int rootfs_mount_entries(const struct rootfs_context *root, struct error *err)
{
	const struct spec_mounts *mounts = &root->spec->mounts;

	int r = mounts->shmounts_host ? mount_shared(root, err) : 0;
	if (r == 0 && mounts->fstab)
		r = mount_fstab(root, err);
	for (size_t i = 0; r == 0 && i < mounts->entries.count; i++)
		r = mount_entry(root, &mounts->entries.items[i], &mounts->entries.items[i].origin,
			root->mount_fds ? root->mount_fds[i] : -1, err);
	return r;
}
