/* Copies of containers: clone, snapshot and what belongs to them. */
#include "base/file.h"
#include "engine/mapped.h"
#include "liblxc/internal.h"
#include "liblxc/owned.h"
#include "liblxc/paths.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- clone ---- */

struct clone_job {
	struct lxc_container *from;
	const char *name, *path; /* of the new one */
	int flags;
	char *directory; /* PATH/NAME */
};

static void clone_paths(const struct clone_job *job, char **ret_old, char **ret_new)
{
	if (text_format(ret_old, "%s/%s", job->from->config_path, job->from->name) < 0)
		*ret_old = NULL;
	*ret_new = strdup(job->directory);
}

/* The new container's configuration: the old text with its paths moved. */
static int write_config(const struct clone_job *job, struct error *err)
{
	auto_free char *text = NULL, *changed = NULL, *old = NULL, *new = NULL, *file = NULL;
	clone_paths(job, &old, &new);
	int r = old && new ? lxc_config_text(self(job->from)->config, &text) : -ENOMEM;
	r = r ?: replace_path(text, old, new, &changed);
	r = r ?: text_format(&file, "%s/config", job->directory);
	r = r ?: file_write_atomic(-1, file, 0640, changed, strlen(changed));
	return r < 0 ? error_set(err, r, "write the configuration of %s", job->name) : 0;
}

/* Small files beside the configuration that it may name: hooks, fstab. */
static int copy_companions(const struct clone_job *job, struct error *err)
{
	auto_free char *old = NULL, *new = NULL;
	clone_paths(job, &old, &new);
	auto_closedir DIR *dir = old ? opendir(old) : NULL;
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		auto_free char *from = NULL, *to = NULL, *data = NULL;
		size_t length;
		struct stat info;
		const char *name = entry->d_name;
		if (strcmp(name, "config") == 0 || strcmp(name, "partial") == 0 || text_starts(name, "lxc_") ||
			text_ends(name, ".log"))
			continue;
		if (text_format(&from, "%s/%s", old, name) < 0 || text_format(&to, "%s/%s", new, name) < 0)
			return error_set(err, ENOMEM, "copy %s", name);
		if (lstat(from, &info) < 0 || !S_ISREG(info.st_mode) || info.st_size > 1024 * 1024)
			continue;
		int r = file_read(-1, from, 1024 * 1024, &data, &length);
		r = r ?: file_write(-1, to, O_WRONLY | O_CREAT | O_EXCL, info.st_mode & 0777, data, length);
		if (r < 0)
			return error_set(err, r, "copy %s to %s", from, to);
	}
	return 0;
}

static int set_rootfs(struct lxc_container *clone, const char *store, const char *path, struct error *err)
{
	auto_free char *value = NULL;
	struct lxc_config *config = self(clone)->config;
	int r = text_format(&value, "%s:%s", store, path);
	if (r < 0)
		return error_set(err, r, "set the rootfs");
	r = lxc_config_clear(config, "lxc.rootfs.path", err);
	return r ?: lxc_config_set(config, "lxc.rootfs.path", value, "clone", err);
}

/* An upper layer of its own over the original's directory. */
static int make_overlay(const struct clone_job *job, struct lxc_container *clone, const char *lower, struct error *err)
{
	auto_free char *delta = container_path(clone, "overlay/delta");
	auto_free char *work = container_path(clone, "overlay/work");
	auto_free char *value = NULL;
	int r = delta && work ? text_format(&value, "%s:%s", lower, delta) : -ENOMEM;
	if (r < 0)
		return error_set(err, r, "make the overlay of %s", clone->name);
	r = owned_make_overlay(lxc_config_spec(self(clone)->config), delta, work, err);
	if (r < 0)
		return r;
	r = set_rootfs(clone, "overlay", value, err);
	if (r == 0 && container_note_clone(job->from, clone) < 0)
		r = error_set(err, EIO, "note the clone in %s", job->from->name);
	return r;
}

/* Overlay of an overlay: the new one has its own copy of the upper directory. */
static int copy_overlay(const struct clone_job *job, struct lxc_container *clone, const char *layers, struct error *err)
{
	const char *upper = strrchr(layers, ':');
	auto_free char *target = container_path(clone, "overlay/delta");
	auto_free char *parent = container_path(clone, "overlay/work");
	auto_free char *value = NULL;
	if (!upper || !target || !parent)
		return error_set(err, EINVAL, "overlay %s", layers);
	const struct spec *spec = lxc_config_spec(self(clone)->config);
	int r = owned_make_overlay(spec, target, parent, err);
	if (r == 0 && rmdir(target) < 0) /* the copy makes it */
		r = error_set(err, errno, "make %s", target);
	r = r ?: owned_copy_tree(spec, upper + 1, target, err);
	r = r ?: text_format(&value, "%.*s:%s", (int)(upper - layers), layers, target);
	r = r ?: set_rootfs(clone, "overlay", value, err);
	if (r == 0 && container_share_origins(job->from, clone) < 0)
		r = error_set(err, EIO, "note where %s has its layers from", clone->name);
	return r;
}

static int copy_storage(const struct clone_job *job, struct lxc_container *clone, struct error *err)
{
	const struct spec_rootfs *rootfs = &lxc_config_spec(self(job->from)->config)->rootfs;
	auto_free char *target = container_path(clone, "rootfs");
	bool is_overlay = rootfs->store && text_starts(rootfs->store, "overlay");
	if (!rootfs->path)
		return 0;
	if (!target)
		return error_set(err, ENOMEM, "copy the rootfs");
	if (is_overlay)
		return copy_overlay(job, clone, rootfs->path, err);
	if (job->flags & LXC_CLONE_SNAPSHOT)
		return make_overlay(job, clone, rootfs->path, err);
	int r = owned_copy_tree(lxc_config_spec(self(clone)->config), rootfs->path, target, err);
	return r ?: set_rootfs(clone, "dir", target, err);
}

struct rename_inside {
	const struct spec *spec;
	const char *name;
};

/* /etc/hostname inside, where there is one; links of the image are not followed. */
static int write_hostname(void *data, struct error *err)
{
	const struct rename_inside *inside = data;
	const struct spec_rootfs *rootfs = &inside->spec->rootfs;
	(void)err;
	if (!rootfs->path || (rootfs->store && strcmp(rootfs->store, "dir") != 0))
		return 0;
	auto_close int root = open(rootfs->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int etc = root < 0 ? -1 : openat(root, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat info;
	if (etc < 0 || fstatat(etc, "hostname", &info, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(info.st_mode))
		return 0;
	auto_close int file = openat(etc, "hostname", O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0 || fstat(file, &info) < 0 || !S_ISREG(info.st_mode) || ftruncate(file, 0) < 0)
		return 0; /* a device or a fifo of the container's is not written to */
	(void)!dprintf(file, "%s\n", inside->name);
	return 0;
}

static int adapt(const struct clone_job *job, struct lxc_container *clone, struct error *err)
{
	struct lxc_config *config = self(clone)->config;
	struct spec *spec = lxc_config_spec(config);
	int r = 0;
	for (size_t i = 0; r == 0 && !(job->flags & LXC_CLONE_KEEPMACADDR) && i < spec->network.links.count; i++) {
		char key[64], prefix[32];
		if (!spec->network.links.items[i].hwaddr)
			continue;
		(void)snprintf(key, sizeof(key), "lxc.net.%u.hwaddr", spec->network.links.items[i].index);
		(void)snprintf(prefix, sizeof(prefix), "%.9sxx:xx:xx", spec->network.links.items[i].hwaddr);
		r = lxc_config_clear(config, key, err);
		r = r ?: lxc_config_set(config, key, prefix, "clone", err);
	}
	if (r == 0 && !(job->flags & LXC_CLONE_KEEPNAME)) {
		r = lxc_config_clear(config, "lxc.uts.name", err);
		r = r ?: lxc_config_set(config, "lxc.uts.name", job->name, "clone", err);
		const struct rename_inside inside = { .spec = spec, .name = job->name };
		if (r == 0)
			(void)engine_run_mapped(spec, write_hostname, (void *)(uintptr_t)&inside, NULL); /* best effort */
	}
	return r;
}

static int run_clone_hooks(const struct clone_job *job, struct lxc_container *clone, char **hookargs, struct error *err)
{
	return engine_run_hooks(lxc_config_spec(self(clone)->config), HOOK_CLONE, job->from->name, hookargs, err);
}

static int fill_clone(const struct clone_job *job, struct lxc_container *clone, char **hookargs, struct error *err)
{
	int r = copy_storage(job, clone, err);
	r = r ?: adapt(job, clone, err);
	r = r ?: lxc_config_write(self(clone)->config, clone->configfile, err);
	return r ?: run_clone_hooks(job, clone, hookargs, err);
}

static int check_defined(const struct lxc_container *c, struct error *err)
{
	if (access(c->configfile, F_OK) == 0)
		return 0;
	return error_set_kind(err, ERROR_NOT_FOUND, ENOENT, "container %s is not defined", c->name);
}

static struct lxc_container *clone_container(struct clone_job *job, const char *bdevtype, char **hookargs,
	struct error *err)
{
	struct lxc_container *from = job->from;
	if (check_defined(from, err) < 0)
		return NULL;
	if (!is_container_name(job->name)) {
		(void)error_set_kind(err, ERROR_USAGE, EINVAL, "%s is no name of a container", job->name);
		return NULL;
	}
	if (bdevtype && strcmp(bdevtype, "dir") != 0 && !text_starts(bdevtype, "overlay")) {
		(void)error_set_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP, "backing store %s is not supported yet", bdevtype);
		return NULL;
	}
	if (bdevtype && text_starts(bdevtype, "overlay"))
		job->flags |= LXC_CLONE_SNAPSHOT;
	if (!(job->flags & LXC_CLONE_ALLOW_RUNNING) && from->is_running(from)) {
		(void)error_set_kind(err, ERROR_BUSY, EBUSY, "%s is running", from->name);
		return NULL;
	}
	if (access(job->directory, F_OK) == 0) {
		(void)error_set_kind(err, ERROR_BUSY, EEXIST, "container %s exists already", job->name);
		return NULL;
	}
	int r = mkdir_parents(job->directory, 0770);
	r = r < 0 ? error_set(err, r, "make directory %s", job->directory) : write_config(job, err);
	r = r ?: copy_companions(job, err);
	struct lxc_container *clone = r < 0 ? NULL : lxc_container_new(job->name, job->path);
	if (r == 0 && !clone)
		(void)error_set_kind(err, ERROR_CONFIG, EINVAL, "the configuration of %s can not be read", from->name);
	if (clone && fill_clone(job, clone, hookargs, err) == 0)
		return clone;
	if (clone)
		container_forget_origin(clone);
	(void)owned_remove_tree(lxc_config_spec(self(from)->config), job->directory, NULL, NULL); /* nothing half-made stays */
	lxc_container_put(clone);
	return NULL;
}

static struct lxc_container *clone_method(struct lxc_container *c, const char *newname, const char *lxcpath, int flags,
	const char *bdevtype, const char *bdevdata, uint64_t newsize, char **hookargs)
{
	struct error err = { 0 };
	(void)bdevdata;
	(void)newsize;
	if (!c)
		return NULL;
	auto_lock(c);
	auto_free char *directory = NULL, *path = clean_path(lxcpath ?: c->config_path);
	if (!path)
		return NULL;
	struct clone_job job = { .from = c, .name = newname ?: c->name, .path = path, .flags = flags };
	if (text_format(&directory, "%s/%s", job.path, job.name) < 0)
		return NULL;
	job.directory = directory;
	struct lxc_container *clone = clone_container(&job, bdevtype, hookargs, &err);
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

static int write_stamp(const struct lxc_container *c, const char *name, const char *comment)
{
	char text[64];
	auto_free char *stamp = snapshot_path(c, name, "ts");
	auto_free char *target = snapshot_path(c, name, "comment");
	auto_free char *data = NULL;
	size_t length;
	struct tm local;
	time_t now = time(NULL);
	if (!stamp || !target || !localtime_r(&now, &local))
		return -ENOMEM;
	size_t size = strftime(text, sizeof(text), "%Y:%m:%d %H:%M:%S", &local);
	int r = file_write(-1, stamp, O_WRONLY | O_CREAT | O_TRUNC, 0640, text, size);
	if (r == 0 && comment) {
		r = file_read(-1, comment, 1024 * 1024, &data, &length);
		r = r ?: file_write(-1, target, O_WRONLY | O_CREAT | O_TRUNC, 0640, data, length);
	}
	return r;
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
	int r = check_defined(c, &err);
	if (r == 0)
		r = snaps ? mkdir_parents(snaps, 0770) : -ENOMEM;
	if (r < 0 && err.errnum == 0)
		(void)error_set(&err, r, "make the directory of %s's snapshots", c->name);
	if (r < 0)
		return container_fault(c, &err, -1);
	do {
		(void)snprintf(name, sizeof(name), "snap%d", ++number);
		free(directory);
		if (text_format(&directory, "%s/%s", snaps, name) < 0)
			return -1;
	} while (access(directory, F_OK) == 0);
	struct clone_job job = { .from = c, .name = name, .path = snaps, .directory = directory,
		.flags = LXC_CLONE_KEEPNAME | LXC_CLONE_KEEPMACADDR };
	struct lxc_container *clone = clone_container(&job, NULL, NULL, &err);
	if (!clone)
		return container_fault(c, &err, -1);
	lxc_container_put(clone);
	r = write_stamp(c, name, comment);
	if (r < 0) {
		(void)error_set(&err, r, "note time and comment of %s", name);
		return container_fault(c, &err, -1);
	}
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
	auto_free char *config = snapshot_path(c, name, "config");
	size_t length;
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

/*
 * copy, beside the container, and the container change places; the snapshots move on to the new one. What is left
 * of the old one is removed with the copy's directory.
 */
static int take_place(struct lxc_container *c, struct lxc_container *copy, struct error *err)
{
	auto_free char *old = NULL, *new = NULL, *text = NULL, *moved = NULL, *snaps = container_path(c, "snaps"),
		       *parked = container_path(copy, "snaps");
	int r = text_format(&old, "%s/%s", c->config_path, c->name);
	r = r ?: text_format(&new, "%s/%s", copy->config_path, copy->name);
	r = r ?: lxc_config_text(self(copy)->config, &text);
	r = r ?: replace_path(text, new, old, &moved);
	r = r ?: file_write_atomic(-1, copy->configfile, 0640, moved, strlen(moved));
	if (r < 0 || !snaps || !parked)
		return error_set(err, r ?: ENOMEM, "write the configuration of %s", c->name);
	if (renameat2(AT_FDCWD, new, AT_FDCWD, old, RENAME_EXCHANGE) < 0)
		return error_set(err, errno, "exchange %s and %s", new, old);
	if (rename(parked, snaps) < 0) { /* that is the snapshots' own: back to where they are found */
		r = error_set(err, errno, "move %s to %s", parked, snaps);
		(void)renameat2(AT_FDCWD, new, AT_FDCWD, old, RENAME_EXCHANGE);
		return r;
	}
	container_move_origins(copy, c->name, NULL); /* its directory is the old container now */
	container_move_origins(c, copy->name, c->name);
	lxc_config_reset(self(c)->config);
	return lxc_config_load(self(c)->config, c->configfile, err);
}

static int restore_in_place(struct lxc_container *c, struct lxc_container *from, struct error *err)
{
	auto_free char *directory = NULL, *name = NULL;
	int r = text_format(&name, "%s.restore-%d", c->name, getpid());
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
		.flags = LXC_CLONE_KEEPNAME | LXC_CLONE_KEEPMACADDR };
	struct lxc_container *copy = clone_container(&job, NULL, NULL, err);
	if (!copy)
		return err->errnum ? -err->errnum : -EIO;
	r = take_place(c, copy, err);
	if (r < 0)
		container_forget_origin(copy);
	(void)owned_remove_tree(lxc_config_spec(self(copy)->config), directory, "snaps", NULL); /* snaps: none but after a fault */
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
			struct lxc_container *copy = clone_container(&job, NULL, NULL, &err);
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
		r = owned_remove_tree(lxc_config_spec(self(c)->config), snaps, NULL, &err);
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
