/* Copies of containers by the API: clone, and snapshots, which are clones below snaps/. */
#include "base/file.h"
#include "liblxc/clone.h"
#include "liblxc/internal.h"
#include "liblxc/owned.h"
#include "liblxc/partial.h"
#include "liblxc/paths.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct lxc_container *clone_method(struct lxc_container *c, const char *newname, const char *lxcpath, int flags,
	const char *bdevtype, const char *bdevdata, uint64_t newsize, char **hookargs)
{
	struct error err = { 0 };
	(void)bdevdata;
	if (!c)
		return NULL;
	auto_lock(c);
	auto_free char *directory = NULL, *path = clean_path(lxcpath ?: c->config_path);
	if (!path)
		return NULL;
	struct clone_job job = { .from = c, .name = newname ?: c->name, .path = path, .flags = flags,
		.store = bdevtype, .size = newsize };
	if (text_format(&directory, "%s/%s", job.path, job.name) < 0)
		return NULL;
	job.directory = directory;
	struct lxc_container *clone = clone_container(&job, hookargs, &err);
	if (!clone)
		(void)container_fault(c, &err, -1);
	return clone;
}

/* ---- snapshots: clones below snaps/ ---- */

static char *snapshot_path(const struct lxc_container *c, const char *name, const char *file)
{
	char *path;
	return text_format(&path, "%s/%s/snaps/%s/%s", c->config_path, c->name, name, file) < 0 ? NULL : path;
}

/* Where the container is: one that others remove meanwhile does not come back by it. */
static int make_snaps(const struct lxc_container *c, struct error *err)
{
	auto_close int directory_fd = container_open_source(c, err);
	if (directory_fd < 0)
		return directory_fd;
	if (faccessat(directory_fd, "partial", F_OK, AT_SYMLINK_NOFOLLOW) == 0) /* or renaming or restoring it */
		return error_set_kind(err, ERROR_BUSY, EBUSY, "somebody else is changing %s", c->name);
	if (mkdirat(directory_fd, "snaps", 0770) < 0 && errno != EEXIST)
		return error_set(err, errno, "make the directory of %s's snapshots", c->name);
	return 0;
}

static void drop_empty_snaps(const struct lxc_container *c, const char *snaps)
{
	auto_free char *directory = container_path(c, "");
	(void)rmdir(snaps);
	if (directory && access(c->configfile, F_OK) < 0)
		(void)rmdir(directory);
}

static int snapshot(struct lxc_container *c, const char *comment)
{
	struct error err = { 0 };
	char name[24];
	int number = -1;
	if (!c)
		return -1;
	auto_lock(c);
	auto_free char *snaps = container_path(c, "snaps");
	auto_free char *directory = NULL;
	if (!snaps || make_snaps(c, &err) < 0)
		return container_fault(c, &err, -1);
	struct lxc_container *clone = NULL;
	struct clone_job job = { .from = c, .name = name, .path = snaps, .comment = comment, .is_snapshot = true,
		.flags = LXC_CLONE_KEEPNAME | LXC_CLONE_KEEPMACADDR };
	do { /* another may take the number at the same time */
		(void)snprintf(name, sizeof(name), "snap%d", ++number);
		free(directory);
		if (text_format(&directory, "%s/%s", snaps, name) < 0)
			return -1;
		job.directory = directory;
		if (access(directory, F_OK) < 0)
			clone = clone_container(&job, NULL, &err);
	} while (!clone && access(directory, F_OK) == 0);
	if (!clone) {
		drop_empty_snaps(c, snaps);
		return container_fault(c, &err, -1);
	}
	lxc_container_put(clone);
	return number;
}

static void free_snapshot(struct lxc_snapshot *snapshot)
{
	free(snapshot->name);
	free(snapshot->comment_pathname);
	free(snapshot->timestamp);
	free(snapshot->lxcpath);
}

static bool fill_snapshot(const struct lxc_container *c, const char *name, struct lxc_snapshot *ret)
{
	auto_free char *stamp = snapshot_path(c, name, "ts");
	auto_free char *config = snapshot_path(c, name, "config"), *partial = snapshot_path(c, name, "partial");
	auto_free char *snaps = container_path(c, "snaps");
	size_t length;
	if (partial && access(partial, F_OK) == 0 && snaps && !partial_settle(snaps, name))
		return false;
	if (!config || access(config, F_OK) < 0)
		return false;
	ret->name = strdup(name);
	ret->lxcpath = container_path(c, "snaps");
	ret->comment_pathname = snapshot_path(c, name, "comment");
	if (!stamp || file_read(-1, stamp, 1024, &ret->timestamp, &length) < 0)
		ret->timestamp = strdup("");
	ret->free = free_snapshot;
	if (!ret->name || !ret->lxcpath || !ret->comment_pathname || !ret->timestamp) {
		free_snapshot(ret);
		return false;
	}
	ret->timestamp[strcspn(ret->timestamp, "\n")] = '\0';
	return true;
}

static int snapshot_list(struct lxc_container *c, struct lxc_snapshot **ret)
{
	struct dirent **entries = NULL;
	int count = 0;
	if (!c || !ret)
		return -1;
	*ret = NULL;
	auto_free char *snaps = container_path(c, "snaps");
	int found = snaps ? scandir(snaps, &entries, NULL, versionsort) : -1;
	if (found < 0)
		return errno == ENOENT ? 0 : -1;
	struct lxc_snapshot *list = calloc((size_t)found + 1, sizeof(*list));
	for (int i = 0; i < found; i++) {
		if (list && entries[i]->d_name[0] != '.' && fill_snapshot(c, entries[i]->d_name, &list[count]))
			count++;
		free(entries[i]);
	}
	free(entries);
	if (count == 0) {
		free(list);
		return 0;
	}
	*ret = list;
	return count;
}

static struct lxc_container *open_snapshot(struct lxc_container *c, const char *name, struct error *err)
{
	auto_free char *snaps = container_path(c, "snaps");
	auto_free char *config = snapshot_path(c, name, "config");
	if (!snaps || !config || !*name || strchr(name, '/') || access(config, F_OK) < 0) {
		(void)error_set_kind(err, ERROR_NOT_FOUND, ENOENT, "%s has no snapshot %s", c->name, name);
		return NULL;
	}
	struct lxc_container *snapshot_container = lxc_container_new(name, snaps);
	if (!snapshot_container)
		(void)error_set_kind(err, ERROR_CONFIG, EINVAL, "the configuration of snapshot %s can not be read", name);
	return snapshot_container;
}

/* The copy's configuration with the paths that it will have. */
static int write_moved_config(const struct lxc_container *c, struct lxc_container *copy, struct error *err)
{
	auto_free char *old = NULL, *new = NULL, *text = NULL, *moved = NULL;
	int r = text_format(&old, "%s/%s", c->config_path, c->name);
	r = r ?: text_format(&new, "%s/%s", copy->config_path, copy->name);
	r = r ?: lxc_config_text(self(copy)->config, &text);
	r = r ?: replace_path(text, new, old, &moved);
	r = r ?: file_write_atomic(-1, copy->configfile, 0640, moved, strlen(moved));
	return r < 0 ? error_set(err, r, "write the configuration of %s", c->name) : 0;
}

/*
 * copy, beside the container, and the container change places; the snapshots move on to the new one. From the exchange on
 * whoever comes after a death goes forward: see PARTIAL_RESTORE. The copy's directory is the old container then.
 */
static int take_place(struct lxc_container *c, struct lxc_container *copy, struct error *err)
{
	auto_free char *old = NULL, *new = NULL, *snaps = container_path(c, "snaps"), *parked = container_path(copy, "snaps");
	int r = text_format(&old, "%s/%s", c->config_path, c->name);
	r = r ?: text_format(&new, "%s/%s", copy->config_path, copy->name);
	if (r < 0 || !snaps || !parked)
		return error_set(err, ENOMEM, "restore %s", c->name);
	r = write_moved_config(c, copy, err);
	if (r < 0)
		return r;
	container_add_name(copy, c->name);
	if (renameat2(AT_FDCWD, new, AT_FDCWD, old, RENAME_EXCHANGE) < 0)
		return error_set(err, errno, "exchange %s and %s", new, old);
	if (rename(parked, snaps) < 0) { /* that is the snapshots' own: back to where they are found */
		r = error_set(err, errno, "move %s to %s", parked, snaps);
		(void)renameat2(AT_FDCWD, new, AT_FDCWD, old, RENAME_EXCHANGE);
		return r;
	}
	return 0;
}

/* The old container, which is where the copy was; its origins and the copy's forget the names that are over. */
static void remove_replaced(struct lxc_container *c, struct lxc_container *copy, const char *directory, int partial_fd)
{
	const struct spec *spec = lxc_config_spec(self(c)->config);
	const struct store *store = store_of(&spec->rootfs);
	container_move_origins(copy, c->name, NULL);
	container_move_origins(c, copy->name, NULL);
	auto_free char *inside = container_path(c, ""); /* what lies there has gone along already */
	if (inside && store && !text_starts(spec->rootfs.path, inside) && !store->is_directory && store->destroy &&
		!spec->rootfs.unmanaged && partial_note_volume(partial_fd, false, store->name, spec->rootfs.path) == 0)
		(void)store->destroy(spec->rootfs.path, NULL);
	(void)owned_remove_container(spec, directory, NULL);
}

/* Is a snapshot being made or removed? */
static bool has_work_in_snaps(const struct lxc_container *c)
{
	auto_free char *snaps = container_path(c, "snaps");
	auto_closedir DIR *dir = snaps ? opendir(snaps) : NULL;
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		char partial[NAME_MAX + 16];
		(void)snprintf(partial, sizeof(partial), "%s/partial", entry->d_name);
		if (entry->d_name[0] != '.' && faccessat(dirfd(dir), partial, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

/* From the mark on nobody makes a clone of the container that is going; who finds it alone has nothing to end. */
static int take_unused_place(struct lxc_container *c, struct lxc_container *copy, struct error *err)
{
	auto_free char *work = NULL;
	int own_fd = text_format(&work, PARTIAL_RENAME " %s %s", c->name, c->name);
	if (own_fd == 0)
		own_fd = partial_begin(c, work);
	if (own_fd == -EEXIST)
		return error_set_kind(err, ERROR_BUSY, EBUSY, "somebody else is changing %s", c->name);
	if (own_fd < 0)
		return error_set(err, own_fd, "restore %s", c->name);
	int r = 0;
	if (container_check_unused(c) < 0)
		r = error_set_kind(err, ERROR_BUSY, EBUSY, "%s has clones", c->name);
	else if (has_work_in_snaps(c))
		r = error_set_kind(err, ERROR_BUSY, EBUSY, "somebody else is changing the snapshots of %s", c->name);
	r = r ?: take_place(c, copy, err);
	if (r < 0)
		partial_end(c, &own_fd);
	close_fd(&own_fd); /* the file goes with the old container */
	return r;
}

/* What the copy replaces is removed in a moment: after a power cut its files must not be empty ones. */
static int sync_copy(const char *directory, struct error *err)
{
	auto_close int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || syncfs(fd) < 0 ? error_set(err, errno, "write %s to the disk", directory) : 0;
}

static int exchange(struct lxc_container *c, struct lxc_container *copy, const char *directory, int *partial_fd,
	struct error *err)
{
	const struct spec_rootfs *rootfs = &lxc_config_spec(self(copy)->config)->rootfs;
	const struct store *store = store_of(rootfs);
	auto_free char *work = NULL;
	int r = text_format(&work, PARTIAL_RESTORE " %s %s", c->name, copy->name);
	r = r ?: partial_change(copy, partial_fd, work);
	if (r == 0 && store && !store->is_directory)
		r = partial_note_volume(*partial_fd, true, store->name, rootfs->path);
	r = r < 0 ? error_set(err, r, "restore %s", c->name) : sync_copy(directory, err);
	r = r ?: take_unused_place(c, copy, err);
	if (r < 0) {
		partial_end(copy, partial_fd);
		(void)copy->destroy(copy);
		return r;
	}
	remove_replaced(c, copy, directory, *partial_fd);
	partial_end(c, partial_fd);
	lxc_config_reset(self(c)->config);
	return lxc_config_load(self(c)->config, c->configfile, err);
}

static int restore_in_place(struct lxc_container *c, struct lxc_container *from, struct error *err)
{
	auto_free char *directory = NULL, *name = NULL;
	int r = text_format(&name, "%s.restore", c->name);
	r = r ?: text_format(&directory, "%s/%s", c->config_path, name);
	if (r < 0)
		return error_set(err, r, "restore %s", c->name);
	if (c->is_running(c))
		return error_set_kind(err, ERROR_BUSY, EBUSY, "%s is running", c->name);
	if (container_has_clones(c))
		return error_set_kind(err, ERROR_BUSY, EBUSY, "%s has clones", c->name);
	if (container_has_clones(from))
		return error_set_kind(err, ERROR_BUSY, EBUSY, "snapshot %s has clones", from->name);
	struct clone_job job = { .from = from, .name = name, .path = c->config_path, .directory = directory,
		.flags = LXC_CLONE_KEEPNAME | LXC_CLONE_KEEPMACADDR, .stays_partial = true };
	struct lxc_container *copy = clone_container(&job, NULL, err);
	if (!copy)
		return err->errnum ? -err->errnum : -EIO;
	r = exchange(c, copy, directory, &job.partial_fd, err);
	lxc_container_put(copy);
	return r;
}

static bool snapshot_restore(struct lxc_container *c, const char *name, const char *newname)
{
	struct error err = { 0 };
	int r = -1;
	if (!c || !name)
		return false;
	auto_lock(c);
	struct lxc_container *from = open_snapshot(c, name, &err);
	if (from && newname && strcmp(newname, c->name) != 0) {
		auto_free char *directory = NULL;
		struct clone_job job = { .from = from, .name = newname, .path = c->config_path,
			.flags = LXC_CLONE_KEEPMACADDR };
		if (text_format(&directory, "%s/%s", c->config_path, newname) == 0) {
			job.directory = directory;
			struct lxc_container *copy = clone_container(&job, NULL, &err);
			r = copy ? 0 : -1;
			lxc_container_put(copy);
		}
	} else if (from) {
		r = restore_in_place(c, from, &err);
	}
	lxc_container_put(from);
	return container_result(c, &err, r);
}

static int destroy_snapshot(struct lxc_container *c, const char *name, struct error *err)
{
	struct lxc_container *from = open_snapshot(c, name, err);
	if (!from)
		return -ENOENT;
	int r = from->destroy(from) ? 0 : -EIO;
	if (r < 0)
		*err = self(from)->error;
	lxc_container_put(from);
	auto_free char *snaps = container_path(c, "snaps");
	if (snaps)
		(void)rmdir(snaps); /* only when it was the last */
	return r;
}

static bool snapshot_destroy(struct lxc_container *c, const char *name)
{
	struct error err = { 0 };
	if (!c || !name)
		return false;
	auto_lock(c);
	return container_result(c, &err, destroy_snapshot(c, name, &err));
}

static bool snapshot_destroy_all(struct lxc_container *c)
{
	struct error err = { 0 };
	struct lxc_snapshot *list = NULL;
	int r = 0, count = c ? snapshot_list(c, &list) : -1;
	if (count < 0)
		return false;
	auto_lock(c);
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = destroy_snapshot(c, list[i].name, &err);
		list[i].free(&list[i]);
	}
	free(list);
	auto_free char *snaps = container_path(c, "snaps");
	if (r == 0 && snaps) /* what is no snapshot, such as one that was cut off */
		r = owned_remove_tree(lxc_config_spec(self(c)->config), snaps, &err);
	return container_result(c, &err, r);
}

static bool destroy_with_snapshots(struct lxc_container *c)
{
	return c && snapshot_destroy_all(c) && c->destroy(c);
}

void wire_snapshots(struct lxc_container *c)
{
	c->clone = clone_method;
	c->snapshot = snapshot;
	c->snapshot_list = snapshot_list;
	c->snapshot_restore = snapshot_restore;
	c->snapshot_destroy = snapshot_destroy;
	c->snapshot_destroy_all = snapshot_destroy_all;
	c->destroy_with_snapshots = destroy_with_snapshots;
}
