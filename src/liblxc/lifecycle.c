/* Removing and renaming. */
#include "base/file.h"
#include "liblxc/internal.h"
#include "liblxc/owned.h"
#include "liblxc/partial.h"
#include "liblxc/paths.h"
#include "storage/limit.h"
#include "storage/store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- destroy ---- */

/* Does the rootfs lie in the container's directory? It goes with that then. */
static bool is_inside(const struct lxc_container *c, const char *rootfs)
{
	auto_free char *directory = container_path(c, "");
	return directory && text_starts(rootfs, directory);
}

static int remove_rootfs(struct lxc_container *c, const struct spec *spec, struct error *err)
{
	const char *path = spec->rootfs.path;
	const struct store *store = store_of(&spec->rootfs);
	struct stat info;
	if (!store || spec->rootfs.unmanaged)
		return 0; /* what an overlay has of its own lies in the container's directory */
	if (!store->is_directory)
		return store->destroy ? store->destroy(path, err) : 0;
	if (lstat(path, &info) < 0 || !(S_ISDIR(info.st_mode) || S_ISLNK(info.st_mode)))
		return 0; /* not what a device node leads to */
	auto_free char *own = own_rootfs(c, path);
	if (!own) {
		(void)error_set_kind(err, ERROR_CONFIG, EINVAL, "rootfs %s can not be the container's own", path);
		return error_hint(err, "set lxc.rootfs.managed = 0");
	}
	if (store->destroy)
		(void)store->destroy(own, NULL); /* an ordinary user can not: the subvolume goes as a directory then */
	return owned_remove_tree(spec, own, err);
}

static int destroy_marked(struct lxc_container *c, const struct spec *spec, const char *directory, bool keeps_directory,
	int partial_fd, struct error *err)
{
	const struct store *store = store_of(&spec->rootfs);
	int r = 0;
	if (store && !store->is_directory && !spec->rootfs.unmanaged)
		r = partial_note_volume(partial_fd, false, store->name, spec->rootfs.path);
	r = r < 0 ? error_set(err, r, "note the volume of %s", c->name) : 0;
	if (spec->rootfs.path && !spec->rootfs.unmanaged && spec_has_disk_limit(spec) && geteuid() == 0)
		r = r ?: storage_limit_clear(spec->rootfs.store, spec->rootfs.path, err);
	r = r ?: remove_rootfs(c, spec, err);
	if (r < 0)
		return r;
	container_forget_origin(c);
	if (keeps_directory)
		return unlink(c->configfile) < 0 ? error_set(err, errno, "remove %s", c->configfile) : 0;
	return owned_remove_container(spec, directory, err);
}

/* One that is cut off is ended by the next who opens the container; after a fault it can be tried again. */
static int destroy_files(struct lxc_container *c, const struct spec *spec, struct error *err)
{
	auto_free char *directory = NULL;
	bool keeps_directory = spec->rootfs.unmanaged && spec->rootfs.path && is_inside(c, spec->rootfs.path);
	if (text_format(&directory, "%s/%s", c->config_path, c->name) < 0)
		return error_set(err, ENOMEM, "remove %s", c->name);
	int partial_fd = partial_begin(c, keeps_directory ? PARTIAL_CONFIG : PARTIAL_NEW);
	if (partial_fd == -EEXIST)
		return error_set_kind(err, ERROR_BUSY, EBUSY, "somebody else is changing %s", c->name);
	if (partial_fd < 0)
		return error_set(err, partial_fd, "make %s/partial", directory);
	int r = !spec->rootfs.unmanaged && container_check_unused(c) < 0 ?
		error_set_kind(err, ERROR_BUSY, EBUSY, "%s has clones", c->name) :
		destroy_marked(c, spec, directory, keeps_directory, partial_fd, err);
	partial_end(c, &partial_fd);
	return r;
}

static int destroy_container(struct lxc_container *c, struct error *err)
{
	struct spec *spec = lxc_config_spec(self(c)->config);
	auto_free char *snaps = container_path(c, "snaps");
	if (access(c->configfile, F_OK) < 0)
		return error_set_kind(err, ERROR_NOT_FOUND, ENOENT, "container %s is not defined", c->name);
	if (c->is_running(c))
		return error_set_kind(err, ERROR_BUSY, EBUSY, "%s is running", c->name);
	if (!spec->rootfs.unmanaged && directory_has_entries(snaps))
		return error_set_kind(err, ERROR_BUSY, EBUSY, "%s has snapshots", c->name);
	if (!spec->rootfs.unmanaged && container_has_clones(c))
		return error_set_kind(err, ERROR_BUSY, EBUSY, "%s has clones", c->name);
	int r = engine_run_hooks(spec, HOOK_DESTROY, NULL, NULL, err);
	return r ?: destroy_files(c, spec, err);
}

static bool destroy(struct lxc_container *c)
{
	struct error err = { 0 };
	if (!c)
		return false;
	auto_lock(c);
	return container_result(c, &err, destroy_container(c, &err));
}

/* ---- rename ---- */

/* The new configuration lies beside the old one before the directory moves: see PARTIAL_RENAME. */
static int rename_directory(struct lxc_container *c, const char *name, const char *config, struct error *err)
{
	const struct lxc_container renamed = { .config_path = c->config_path, .name = (char *)name };
	auto_free char *old = NULL, *new = NULL, *file = container_path(c, "config.new");
	auto_free char *moved = container_path(&renamed, "config.new"), *target = container_path(&renamed, "config");
	int r = text_format(&old, "%s/%s", c->config_path, c->name);
	r = r ?: text_format(&new, "%s/%s", c->config_path, name);
	if (r < 0 || !file || !moved || !target)
		return error_set(err, ENOMEM, "rename %s", c->name);
	r = file_write_atomic(-1, file, 0640, config, strlen(config));
	if (r < 0)
		return error_set(err, r, "write %s", file);
	if (renameat2(AT_FDCWD, old, AT_FDCWD, new, RENAME_NOREPLACE) < 0) {
		r = errno;
		(void)unlink(file);
		return error_set(err, r, "rename %s to %s", old, new);
	}
	return rename(moved, target) < 0 ? error_set(err, errno, "write %s", target) : 0;
}

/* Its origins know both names while it moves: a name that nobody has does not count. */
static int rename_marked(struct lxc_container *c, const char *name, const char *config, struct error *err)
{
	const struct lxc_container renamed = { .config_path = c->config_path, .name = (char *)name };
	auto_free char *work = NULL;
	if (text_format(&work, PARTIAL_RENAME " %s %s", c->name, name) < 0)
		return error_set(err, ENOMEM, "rename %s", c->name);
	int partial_fd = partial_begin(c, work);
	if (partial_fd == -EEXIST)
		return error_set_kind(err, ERROR_BUSY, EBUSY, "somebody else is changing %s", c->name);
	if (partial_fd < 0)
		return error_set(err, partial_fd, "rename %s", c->name);
	container_add_name(c, name);
	int r = container_check_unused(c) < 0 ? error_set_kind(err, ERROR_BUSY, EBUSY, "%s has clones", c->name) :
						rename_directory(c, name, config, err);
	if (r == 0)
		container_move_origins(&renamed, c->name, NULL);
	else
		container_move_origins(c, name, NULL);
	partial_end(r == 0 ? &renamed : c, &partial_fd);
	return r;
}

static int rename_container(struct lxc_container *c, const char *name, struct error *err)
{
	auto_free char *old = NULL, *new = NULL, *text = NULL, *changed = NULL;
	auto_free char *snaps = container_path(c, "snaps");
	int r = text_format(&old, "%s/%s", c->config_path, c->name);
	r = r ?: text_format(&new, "%s/%s", c->config_path, name);
	if (r < 0)
		return error_set(err, r, "rename %s", c->name);
	if (access(c->configfile, F_OK) < 0)
		return error_set_kind(err, ERROR_NOT_FOUND, ENOENT, "container %s is not defined", c->name);
	if (!is_container_name(name))
		return error_set_kind(err, ERROR_USAGE, EINVAL, "%s is no name of a container", name);
	if (c->is_running(c))
		return error_set_kind(err, ERROR_BUSY, EBUSY, "%s is running", c->name);
	if (directory_has_entries(snaps) || container_has_clones(c))
		return error_set_kind(err, ERROR_BUSY, EBUSY, "%s has snapshots or clones", c->name);
	if (access(new, F_OK) == 0)
		return error_set_kind(err, ERROR_BUSY, EEXIST, "container %s exists already", name);
	const char *hostname = lxc_config_spec(self(c)->config)->identity.hostname;
	if (text_equal(hostname, c->name))
		r = lxc_config_set(self(c)->config, "lxc.uts.name", name, "rename", err);
	r = r ?: lxc_config_text(self(c)->config, &text);
	r = r ?: replace_path(text, old, new, &changed);
	if (r < 0)
		return r;
	return rename_marked(c, name, changed, err);
}

static bool rename_method(struct lxc_container *c, const char *name)
{
	struct error err = { 0 };
	if (!c || !name)
		return false;
	auto_lock(c);
	return container_result(c, &err, rename_container(c, name, &err));
}

void wire_lifecycle(struct lxc_container *c)
{
	c->destroy = destroy;
	c->rename = rename_method;
}
