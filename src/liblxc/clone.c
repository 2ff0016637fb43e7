/* Copies of containers. */
#include "base/file.h"
#include "engine/mapped.h"
#include "liblxc/clone.h"
#include "liblxc/internal.h"
#include "liblxc/owned.h"
#include "liblxc/partial.h"
#include "liblxc/paths.h"
#include "liblxc/volume.h"
#include "storage/storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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
		if (!is_companion(dirfd(dir), name, &info))
			continue;
		if (text_format(&from, "%s/%s", old, name) < 0 || text_format(&to, "%s/%s", new, name) < 0)
			return error_set(err, ENOMEM, "copy %s", name);
		int r = file_read(-1, from, COMPANION_MAX, &data, &length);
		r = r ?: file_write(-1, to, O_WRONLY | O_CREAT | O_EXCL, info.st_mode & 0777, data, length);
		if (r < 0)
			return error_set(err, r, "copy %s to %s", from, to);
	}
	return 0;
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
	r = volume_set_rootfs(clone, "overlay", value, err);
	if (r == 0 && container_note_clone(job->from, clone) < 0)
		r = error_set(err, EIO, "note the clone in %s", job->from->name);
	return r;
}

/*
 * A layer of the clone's: *layer is shared where it lies elsewhere. What is in the original's own directory would go with
 * that, or change when it is restored: it is copied, unless sharing is what the caller wants.
 */
static int take_layer(const struct clone_job *job, struct lxc_container *clone, char **layer, bool *is_shared,
	struct error *err)
{
	auto_free char *old = NULL, *new = NULL, *copy = NULL;
	clone_paths(job, &old, &new);
	if (!old || !new)
		return error_set(err, ENOMEM, "copy layer %s", *layer);
	size_t length = strlen(old);
	if (strncmp(*layer, old, length) != 0 || (*layer)[length] != '/')
		return 0;
	*is_shared |= job->flags & LXC_CLONE_SNAPSHOT;
	if (job->flags & LXC_CLONE_SNAPSHOT)
		return 0;
	if (text_format(&copy, "%s%s", new, *layer + length) < 0)
		return error_set(err, ENOMEM, "copy layer %s", *layer);
	int r = owned_copy_tree(lxc_config_spec(self(clone)->config), *layer, copy, err);
	if (r == 0) {
		free(*layer);
		*layer = take_ptr(copy);
	}
	return r;
}

static int take_lower_layers(const struct clone_job *job, struct lxc_container *clone, struct string_list *layers,
	char **ret_value, struct error *err)
{
	bool is_shared = false;
	int r = text_replace(ret_value, "");
	for (size_t i = 0; r == 0 && i + 1 < layers->count; i++) {
		auto_free char *before = take_ptr(*ret_value);
		r = take_layer(job, clone, &layers->items[i], &is_shared, err);
		r = r ?: text_format(ret_value, "%s%s:", before, layers->items[i]);
	}
	if (r == 0 && is_shared)
		r = container_note_clone(job->from, clone);
	r = r ?: container_share_origins(job->from, clone);
	return r < 0 && !(err && err->errnum) ? error_set(err, r, "note where %s has its layers from", clone->name) : r;
}

/* Overlay of an overlay: the new one has its own copy of the upper directory. */
static int copy_overlay(const struct clone_job *job, struct lxc_container *clone, const char *layers, struct error *err)
{
	struct string_list list = { 0 };
	auto_free char *target = container_path(clone, "overlay/delta");
	auto_free char *parent = container_path(clone, "overlay/work");
	auto_free char *lower = NULL, *value = NULL;
	int r = target && parent ? text_split(layers, ":", &list) : -ENOMEM;
	if (r == 0 && list.count < 2)
		r = -EINVAL;
	if (r < 0) {
		string_list_clear(&list);
		return error_set(err, r, "overlay %s", layers);
	}
	const struct spec *spec = lxc_config_spec(self(clone)->config);
	r = owned_make_overlay(spec, target, parent, err);
	if (r == 0 && rmdir(target) < 0) /* the copy makes it */
		r = error_set(err, errno, "make %s", target);
	r = r ?: owned_copy_tree(spec, list.items[list.count - 1], target, err);
	r = r ?: take_lower_layers(job, clone, &list, &lower, err);
	r = r ?: text_format(&value, "%s%s", lower, target);
	string_list_clear(&list);
	return r ?: volume_set_rootfs(clone, "overlay", value, err);
}

/* The name of a volume: those of snapshots are below their container's. */
static int volume_name(const struct clone_job *job, char **ret)
{
	const char *of = job->is_snapshot ? job->from->name : "";
	return text_format(ret, "%s%s%s", of, *of ? "_" : "", job->name);
}

static int make_volume(struct clone_job *job, struct lxc_container *clone, const struct store *store, const char *original,
	const struct store_request *request, struct error *err)
{
	int r = volume_create(lxc_config_spec(self(clone)->config), store, original, request, job->partial_fd,
		&job->made_source, err);
	if (r < 0)
		return r;
	job->made_store = store;
	return volume_set_rootfs(clone, store->name, job->made_source, err);
}

static int snapshot_volume(struct clone_job *job, struct lxc_container *clone, const struct store *store,
	struct error *err)
{
	auto_free char *name = NULL;
	const char *original = lxc_config_spec(self(job->from)->config)->rootfs.path;
	if (volume_name(job, &name) < 0)
		return error_set(err, ENOMEM, "copy the rootfs");
	struct store_request request = volume_request(job->directory, name, NULL);
	request.size = job->size;
	request.beside = original;
	int r = make_volume(job, clone, store, original, &request, err);
	const char *source = job->made_source;
	if (r == 0 && store->needs_original && store->needs_original(source) && container_note_clone(job->from, clone) < 0)
		r = error_set(err, EIO, "note the clone in %s", job->from->name);
	return r;
}

/* As large as what it is copied from, where that has a size of its own. */
static uint64_t size_of_root(const struct spec *spec)
{
	struct stat info;
	uint64_t size = 0;
	if (!store_is_volume(&spec->rootfs))
		return 0;
	auto_close int fd = open(spec->rootfs.path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) < 0)
		return 0;
	if (S_ISREG(info.st_mode))
		return (uint64_t)info.st_size;
	return S_ISBLK(info.st_mode) && ioctl(fd, BLKGETSIZE64, &size) == 0 ? size : 0;
}

static int copy_to_volume(struct clone_job *job, struct lxc_container *clone, const struct store *store,
	struct error *err)
{
	const struct spec *from = lxc_config_spec(self(job->from)->config);
	auto_free char *name = NULL;
	if (volume_name(job, &name) < 0)
		return error_set(err, ENOMEM, "copy the rootfs");
	struct store_request request = volume_request(job->directory, name, NULL);
	request.size = job->size ?: size_of_root(from);
	if (store_of(&from->rootfs) == store)
		request.beside = from->rootfs.path;
	int r = make_volume(job, clone, store, NULL, &request, err);
	return r ?: owned_copy_root(from, lxc_config_spec(self(clone)->config), err);
}

static int copy_to_directory(const struct clone_job *job, struct lxc_container *clone, struct error *err)
{
	const struct spec *from = lxc_config_spec(self(job->from)->config), *spec = lxc_config_spec(self(clone)->config);
	auto_free char *target = container_path(clone, "rootfs");
	if (!target)
		return error_set(err, ENOMEM, "copy the rootfs");
	if (mkdir(target, 0755) < 0)
		return error_set(err, errno, "make directory %s", target);
	int r = owned_give_directory(spec, target, err);
	r = r ?: volume_set_rootfs(clone, "dir", target, err);
	return r ?: owned_copy_root(from, spec, err);
}

/* Does a snapshot of it stand alone? Then it is as good as a copy, and takes no time and no room. */
static bool is_cheap_copy(const struct store *store, const char *source)
{
	return store->snapshot && !(store->needs_original && store->needs_original(source));
}

static int make_snapshot(struct clone_job *job, struct lxc_container *clone, const struct store *store,
	struct error *err)
{
	const char *source = lxc_config_spec(self(job->from)->config)->rootfs.path;
	if (store->snapshot)
		return snapshot_volume(job, clone, store, err);
	if (store->is_directory)
		return make_overlay(job, clone, source, err);
	(void)error_set_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP, "storage %s can not share its files with a copy", store->name);
	return error_hint(err, "make a whole copy");
}

/* A store in the same kind: whole, or sharing. is_shared: the caller wants the latter. */
static int copy_storage(struct clone_job *job, struct lxc_container *clone, struct error *err)
{
	const struct spec_rootfs *rootfs = &lxc_config_spec(self(job->from)->config)->rootfs;
	bool wants_overlay = job->store && text_starts(job->store, "overlay");
	bool is_overlay = rootfs->store && text_starts(rootfs->store, "overlay");
	bool wants_snapshot = job->flags & LXC_CLONE_SNAPSHOT || wants_overlay;
	if (!rootfs->path)
		return 0;
	const struct store *from = is_overlay ? NULL : store_of(rootfs), *btrfs = store_find("btrfs");
	if (from && from->is_directory && !job->store && btrfs->detect(rootfs->path))
		from = btrfs; /* a directory that is a subvolume is copied in no time */
	const struct store *to = job->store && !wants_overlay ? store_find(job->store) : from;
	if (is_overlay && !to)
		return copy_overlay(job, clone, rootfs->path, err);
	if (!to)
		return error_set_kind(err, ERROR_USAGE, EINVAL, "there is no storage %s", job->store ?: rootfs->store);
	if (wants_overlay && from->is_directory)
		return make_overlay(job, clone, rootfs->path, err);
	if (wants_snapshot && from == to && (from->snapshot || !(job->flags & LXC_CLONE_MAYBE_SNAPSHOT)))
		return make_snapshot(job, clone, from, err);
	if (from == to && job->size == 0 && is_cheap_copy(from, rootfs->path) &&
		snapshot_volume(job, clone, from, NULL) == 0)
		return 0; /* else on another file system, perhaps */
	return to == store_find("dir") ? copy_to_directory(job, clone, err) : copy_to_volume(job, clone, to, err);
}

struct rename_inside {
	const struct spec *spec;
	const char *name;
};

/* A plain file below etc, opened for writing; -1: none. Links of the image are not followed, devices not touched. */
static int open_in_etc(int etc, const char *name)
{
	struct stat info;
	if (fstatat(etc, name, &info, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(info.st_mode))
		return -1;
	auto_close int file = openat(etc, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0 || fstat(file, &info) < 0 || !S_ISREG(info.st_mode) || ftruncate(file, 0) < 0)
		return -1;
	return take_fd(&file);
}

/* /etc/hostname and /etc/machine-id, where there are any: the system inside makes a new id when it starts. */
static int write_identity(void *data, struct error *err)
{
	const struct rename_inside *inside = data;
	auto_close int root = storage_open_root(inside->spec, err);
	auto_close int etc = root < 0 ? -1 : openat(root, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (etc < 0)
		return 0;
	auto_close int hostname = open_in_etc(etc, "hostname");
	if (hostname >= 0)
		(void)!dprintf(hostname, "%s\n", inside->name);
	auto_close int machine_id = open_in_etc(etc, "machine-id"); /* empty now: see machine-id(5) */
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
			(void)engine_run_mapped(spec, write_identity, (void *)(uintptr_t)&inside, NULL); /* best effort */
	}
	return r;
}

/* Of a snapshot: when, and the caller's own words. */
static int write_stamp(const struct lxc_container *clone, const char *comment)
{
	char text[64];
	auto_free char *stamp = container_path(clone, "ts");
	auto_free char *target = container_path(clone, "comment");
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

static int run_clone_hooks(const struct clone_job *job, struct lxc_container *clone, char **hookargs, struct error *err)
{
	return engine_run_hooks(lxc_config_spec(self(clone)->config), HOOK_CLONE, job->from->name, hookargs, err);
}

static int fill_clone(struct clone_job *job, struct lxc_container *clone, char **hookargs, struct error *err)
{
	int r = copy_storage(job, clone, err);
	r = r ?: adapt(job, clone, err);
	if (r == 0 && job->is_snapshot && (r = write_stamp(clone, job->comment)) < 0)
		r = error_set(err, r, "note time and comment of %s", job->name);
	r = r ?: lxc_config_write(self(clone)->config, clone->configfile, err);
	return r ?: run_clone_hooks(job, clone, hookargs, err);
}

/*
 * The new container's directory, with the file that says that it is not whole. A directory without configuration is what
 * somebody left who died before he had that file, or has just made to write it.
 */
static int reserve(struct clone_job *job, struct error *err)
{
	const struct lxc_container clone = { .config_path = (char *)job->path, .name = (char *)job->name };
	auto_free char *config = container_path(&clone, "config");
	int r = !config ? -ENOMEM : access(config, F_OK) == 0 ? -EEXIST : 0;
	if (r == 0 && job->is_snapshot) /* its container may have gone, and does not come back by this */
		r = mkdir(job->directory, 0770) < 0 && errno != EEXIST ? -errno : partial_begin(&clone, PARTIAL_NEW);
	else if (r == 0)
		r = partial_begin_in(&clone, job->directory, PARTIAL_NEW);
	job->partial_fd = r;
	if (r >= 0 && access(config, F_OK) == 0) { /* made while we looked */
		partial_end(&clone, &job->partial_fd);
		r = -EEXIST;
	}
	if (r < 0)
		(void)rmdir(job->directory);
	if (r == -EEXIST)
		return error_set_kind(err, ERROR_BUSY, EEXIST, "container %s exists already", job->name);
	return r < 0 ? error_set(err, r, "make directory %s", job->directory) : 0;
}

static void undo_clone(struct clone_job *job, struct lxc_container *clone)
{
	const struct spec *spec = lxc_config_spec(self(clone ?: job->from)->config);
	if (clone)
		container_forget_origin(clone);
	if (job->made_store)
		(void)job->made_store->destroy(job->made_source, NULL);
	(void)owned_remove_tree(spec, job->directory, NULL); /* nothing half-made stays */
}

static struct lxc_container *make_clone(struct clone_job *job, struct error *err)
{
	struct lxc_container *clone = NULL;
	int r = reserve(job, err);
	if (r < 0)
		return NULL;
	r = write_config(job, err);
	r = r ?: copy_companions(job, err);
	if (r == 0 && !(clone = lxc_container_new(job->name, job->path)))
		(void)error_set_kind(err, ERROR_CONFIG, EINVAL, "the configuration of %s can not be read", job->from->name);
	if (!clone) {
		undo_clone(job, NULL);
		close_fd(&job->partial_fd);
	}
	return clone;
}

struct lxc_container *clone_container(struct clone_job *job, char **hookargs, struct error *err)
{
	struct lxc_container *from = job->from;
	auto_close int source_fd = container_open_source(from, err);
	if (source_fd < 0)
		return NULL;
	if (!is_container_name(job->name)) {
		(void)error_set_kind(err, ERROR_USAGE, EINVAL, "%s is no name of a container", job->name);
		return NULL;
	}
	if (!(job->flags & LXC_CLONE_ALLOW_RUNNING) && from->is_running(from)) {
		(void)error_set_kind(err, ERROR_BUSY, EBUSY, "%s is running", from->name);
		return NULL;
	}
	struct lxc_container *clone = make_clone(job, err);
	if (!clone)
		return NULL;
	int r = fill_clone(job, clone, hookargs, err);
	r = r ?: container_check_source(from, source_fd, err);
	if (r < 0)
		undo_clone(job, clone);
	if (r < 0 || !job->stays_partial)
		partial_end(clone, &job->partial_fd);
	free(job->made_source);
	job->made_source = NULL;
	if (r == 0)
		return clone;
	lxc_container_put(clone);
	return NULL;
}
