/* Making and removing: create, destroy, rename. */
#include "base/file.h"
#include "base/paths.h"
#include "base/process.h"
#include "engine/idmaps.h"
#include "engine/mapped.h"
#include "liblxc/extra.h"
#include "liblxc/internal.h"
#include "liblxc/owned.h"
#include "liblxc/paths.h"
#include "storage/limit.h"
#include "storage/storage.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- partial: a file that is locked while create works ---- */

bool container_is_partial(const struct lxc_container *c)
{
	auto_free char *path = container_path(c, "partial");
	return path && access(path, F_OK) == 0;
}

/* In the partial file of a create in a directory that was there before: a fault must not take that. */
static const char kept_mark[] = "directory is not mine\n";

void container_remove_partial(struct lxc_container *c)
{
	auto_free char *path = container_path(c, "partial");
	auto_close int fd = path ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	char mark[sizeof(kept_mark)] = "";
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return; /* somebody is still at it */
	auto_free char *directory = container_path(c, "");
	if (read(fd, mark, sizeof(mark) - 1) > 0 && strcmp(mark, kept_mark) == 0) {
		(void)unlink(c->configfile);
		(void)unlink(path);
	} else if (directory) {
		(void)owned_remove_tree(lxc_config_spec(self(c)->config), directory, "snaps", NULL);
	}
}

static int open_partial(struct lxc_container *c, bool is_own_directory)
{
	auto_free char *path = container_path(c, "partial");
	auto_close int fd = path ? open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	int r = is_own_directory ? 0 : write_full(fd, kept_mark, strlen(kept_mark));
	return r < 0 ? r : take_fd(&fd);
}

/* ---- create ---- */

int extra_find_template(const char *name, char **ret_path)
{
	const char *directory = getenv("LXC_TEMPLATE_PATH");
	auto_free char *other = NULL;

	*ret_path = NULL;
	if (*name == '/')
		return text_replace(ret_path, name);
	int r = text_format(ret_path, "%s/lxc-%s", directory ?: WABE_TEMPLATES, name);
	if (r < 0 || directory || access(*ret_path, F_OK) == 0)
		return r;
	r = text_format(&other, "/usr/share/lxc/templates/lxc-%s", name); /* where those of other packages lie */
	return r == 0 && access(other, F_OK) == 0 ? text_replace(ret_path, other) : r;
}

static int fill_template_arguments(struct lxc_container *c, const char *template, const char *rootfs, char *const *argv,
	struct string_list *list)
{
	auto_free char *path = NULL, *name = NULL, *root = NULL;
	int r = text_format(&path, "--path=%s/%s", c->config_path, c->name);
	r = r ?: text_format(&name, "--name=%s", c->name);
	r = r ?: text_format(&root, "--rootfs=%s", rootfs);
	r = r ?: string_list_add(list, template);
	r = r ?: string_list_add(list, path);
	r = r ?: string_list_add(list, name);
	r = r ?: string_list_add(list, root);
	for (; r == 0 && argv && *argv; argv++)
		r = string_list_add(list, *argv);
	return r;
}

/* A template that is to be run; in an ordinary user's case as root of the container's user namespace. */
struct template_run {
	const char *path;
	struct string_list arguments; /* ends in NULL */
	bool is_quiet, is_mapped;
};

static void exec_template(const struct template_run *run) __attribute__((noreturn));

/* In a mount namespace of its own: what the template mounts is gone when it ends. */
static void exec_template(const struct template_run *run)
{
	int null_fd = run->is_quiet ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
	for (int fd = 0; null_fd >= 0 && fd < 3; fd++)
		(void)dup2(null_fd, fd);
	if (geteuid() == 0 && !run->is_mapped && unshare(CLONE_NEWNS) == 0)
		(void)mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL); /* best effort, as said above */
	(void)umask(022); /* a system for many users, whatever the caller keeps for itself */
	execv(run->path, run->arguments.items);
	_exit(127);
}

static int run_to_end(void *data, struct error *err)
{
	const struct template_run *run = data;
	int status = 0;
	pid_t pid = fork();
	if (pid == 0)
		exec_template(run);
	if (pid < 0)
		return error_set(err, errno, "run template %s", run->path);
	int r = process_wait(pid, &status);
	if (r == 0 && status != 0)
		return error_set_kind(err, ERROR_KERNEL, 0, "template %s failed with status %d", run->path,
			WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return r < 0 ? error_set(err, r, "wait for template %s", run->path) : 0;
}

/* The ids inside that are the caller's own, for a template that gives files back to it. */
static int add_mapped_ids(const struct spec *spec, struct string_list *list)
{
	char uid[12], gid[12];
	(void)snprintf(uid, sizeof(uid), "%u", idmaps_self(spec, false, geteuid()));
	(void)snprintf(gid, sizeof(gid), "%u", idmaps_self(spec, true, getegid()));
	int r = string_list_add(list, "--mapped-uid");
	r = r ?: string_list_add(list, uid);
	r = r ?: string_list_add(list, "--mapped-gid");
	return r ?: string_list_add(list, gid);
}

static int run_template(struct lxc_container *c, const char *name, const char *rootfs, char *const *argv, bool quiet,
	struct error *err)
{
	const struct spec *spec = lxc_config_spec(self(c)->config);
	auto_free char *template = NULL;
	struct template_run run = { .is_quiet = quiet, .is_mapped = engine_needs_mapping(spec) };
	int r = extra_find_template(name, &template);
	run.path = template;
	r = r ?: fill_template_arguments(c, template, rootfs, argv, &run.arguments);
	if (r == 0 && run.is_mapped)
		r = add_mapped_ids(spec, &run.arguments);
	if (r == 0 && !vector_add(&run.arguments))
		r = -ENOMEM;
	if (r < 0) {
		r = error_set(err, r, "run template %s", name);
	} else if (access(template, X_OK) < 0) {
		r = error_set(err, errno, "template %s", template);
		error_hint(err, "see the templates in %s", WABE_TEMPLATES);
	} else {
		r = engine_run_mapped(spec, run_to_end, &run, err);
	}
	string_list_clear(&run.arguments);
	return r;
}

/* The comment that says where the container came from, in front of the configuration. */
static int write_head(struct lxc_container *c, const char *template, char *const *argv)
{
	auto_free char *text = NULL, *whole = NULL;
	char *arguments = NULL;
	size_t length, size;
	FILE *out = open_memstream(&arguments, &size);
	if (!out)
		return -ENOMEM;
	for (; argv && *argv; argv++) {
		putc(' ', out);
		for (const char *at = *argv; *at; at++)
			putc((unsigned char)*at < ' ' ? ' ' : *at, out); /* a new line would end the comment */
	}
	if (fclose(out) != 0)
		return -ENOMEM;
	int r = file_read(-1, c->configfile, 64 << 20, &text, &length);
	r = r ?: text_format(&whole, "# Template used to create this container: %s\n# Parameters passed to the template:%s\n"
			    "# For additional config options, please look at lxc.container.conf(5)\n%s",
			template, arguments ?: "", text);
	free(arguments);
	return r ?: file_write_atomic(-1, c->configfile, 0640, whole, strlen(whole));
}

static bool is_directory_store(const char *type)
{
	return !type || strcmp(type, "dir") == 0 || strcmp(type, "best") == 0 || strcmp(type, "_unset") == 0 ||
	       strcmp(type, "none") == 0;
}

static bool is_overlay_store(const char *type)
{
	return type && (strcmp(type, "overlay") == 0 || strcmp(type, "overlayfs") == 0);
}

/* Has this process' user namespace (map_file: /proc/self/uid_map or gid_map) all ids that the container would be? */
static bool has_ids(const struct spec *spec, const char *map_file, bool is_gid)
{
	auto_free char *text = NULL;
	size_t length;
	if (file_read(-1, map_file, 1 << 20, &text, &length) < 0)
		return false;
	vector_for_each (map, &spec->idmaps) {
		bool is_found = map->is_gid != is_gid;
		for (const char *line = text; line && *line && !is_found; line = strchr(line, '\n'), line += line != NULL) {
			unsigned long first, count;
			is_found = sscanf(line, "%lu %*u %lu", &first, &count) == 2 && map->outside >= first &&
				   map->outside - first + map->count <= count;
		}
		if (!is_found)
			return false;
	}
	return true;
}

static bool can_map_ids(const struct spec *spec)
{
	auto_free char *maximum = NULL;
	size_t length;
	if (access("/proc/self/ns/user", F_OK) < 0)
		return false;
	if (file_read(-1, "/proc/sys/user/max_user_namespaces", 64, &maximum, &length) == 0 && atol(maximum) == 0)
		return false;
	return has_ids(spec, "/proc/self/uid_map", false) && has_ids(spec, "/proc/self/gid_map", true);
}

/*
 * The id map of the default configuration is for every host; where this one's root can not use it (no user namespaces,
 * or a container with fewer ids) the new container does without. One that a user asked for is not touched.
 */
static int drop_unusable_map(struct lxc_container *c, const char *file, struct error *err)
{
	const struct spec *spec = lxc_config_spec(self(c)->config);
	auto_free char *line = NULL;
	if (geteuid() != 0 || spec->idmaps.count == 0 || can_map_ids(spec))
		return 0;
	if (text_format(&line, "%s: no user namespace for it here: lxc.idmap of %s left out, its root is this host's", c->name,
		    file) == 0)
		process_log_error(line);
	return lxc_config_clear(self(c)->config, "lxc.idmap", err);
}

static int load_defaults(struct lxc_container *c, struct error *err)
{
	const char *file = lxc_get_global_config_item("lxc.default_config");
	if (self(c)->has_config || !file || access(file, R_OK) < 0)
		return 0;
	int r = lxc_config_load(self(c)->config, file, err);
	self(c)->has_config = true;
	return r < 0 ? r : drop_unusable_map(c, file, err);
}

/* What a create has made so far, to be taken away when it fails. */
struct creation {
	struct lxc_container *c;
	char *directory;       /* the container's, with a slash at its end */
	char *rootfs;	       /* what the template fills */
	bool made_directory, made_config, made_rootfs;
};

static int make_directory(const char *path, bool *ret_is_made, struct error *err)
{
	*ret_is_made = access(path, F_OK) < 0;
	int r = mkdir_parents(path, 0755);
	if (r == 0 && *ret_is_made && chmod(path, 0755) < 0) /* the umask is the caller's own affair */
		r = -errno;
	return r < 0 ? error_set(err, r, "make directory %s", path) : 0;
}

/* The rootfs is the lower layer, as the template leaves it; what the container writes lies in the upper one. */
static int make_overlay_value(const struct creation *creation, char **ret_value, struct error *err)
{
	auto_free char *delta = NULL, *work = NULL;
	int r = text_format(&delta, "%soverlay/delta", creation->directory);
	r = r ?: text_format(&work, "%soverlay/work", creation->directory);
	r = r ?: text_format(ret_value, "overlay:%s:%s", creation->rootfs, delta);
	if (r < 0)
		return error_set(err, r, "make the storage");
	return owned_make_overlay(lxc_config_spec(self(creation->c)->config), delta, work, err);
}

static int make_storage(struct creation *creation, const struct bdev_specs *specs, const char *type, struct error *err)
{
	struct lxc_config *config = self(creation->c)->config;
	const struct spec_rootfs *set = &lxc_config_spec(config)->rootfs;
	auto_free char *value = NULL;
	if (!is_directory_store(type) && !is_overlay_store(type))
		return error_set_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP, "backing store %s is not supported yet, use dir", type);
	if (set->path && set->store && strcmp(set->store, "dir") != 0)
		return error_set_kind(err, ERROR_CONFIG, EINVAL, "rootfs %s:%s can not be filled by a template", set->store,
			set->path);
	creation->rootfs = specs && specs->dir ? strdup(specs->dir) :
			   set->path	       ? strdup(set->path) :
						 container_path(creation->c, "rootfs");
	if (!creation->rootfs)
		return error_set(err, ENOMEM, "make the storage");
	int r = make_directory(creation->rootfs, &creation->made_rootfs, err);
	if (r == 0 && creation->made_rootfs)
		r = owned_give_directory(lxc_config_spec(config), creation->rootfs, err);
	if (r < 0 || set->path)
		return r;
	r = is_overlay_store(type) ? make_overlay_value(creation, &value, err) :
				     text_replace(&value, creation->rootfs); /* without "dir:": libvirt takes it by the letter */
	return r ?: lxc_config_set(config, "lxc.rootfs.path", value, "lxc-create", err);
}

/* Before the template fills it: what is made then counts from its birth, and need not be visited again. */
static int limit_storage(struct lxc_container *c, struct error *err)
{
	const struct spec *spec = lxc_config_spec(self(c)->config);
	const struct spec_rootfs *rootfs = &spec->rootfs;
	if (!rootfs->path || !spec_has_disk_limit(spec))
		return 0;
	return storage_limit_set(rootfs->store, rootfs->path, -1, rootfs->size_limit ? rootfs->size_limit : UINT64_MAX,
		rootfs->inode_limit ? rootfs->inode_limit : UINT64_MAX, err);
}

static int save(struct lxc_container *c, struct error *err)
{
	return lxc_config_write(self(c)->config, c->configfile, err);
}

static int reload(struct lxc_container *c, struct error *err)
{
	lxc_config_reset(self(c)->config);
	int r = lxc_config_load(self(c)->config, c->configfile, err);
	self(c)->has_config = r >= 0;
	c->lxc_conf = r >= 0 ? (struct lxc_conf *)self(c)->config : NULL;
	return r;
}

static int create_all(struct creation *creation, const char *template, const char *type, const struct bdev_specs *specs,
	int flags, char *const *argv, struct error *err)
{
	struct lxc_container *c = creation->c;
	int r = 0;
	if (template && !lxc_config_spec(self(c)->config)->identity.hostname)
		r = lxc_config_set(self(c)->config, "lxc.uts.name", c->name, "lxc-create", err);
	r = r ?: make_storage(creation, specs, type, err);
	r = r ?: limit_storage(c, err);
	r = r ?: save(c, err);
	if (r < 0 || !template)
		return r;
	r = run_template(c, template, creation->rootfs, argv, flags & LXC_CREATE_QUIET, err);
	if (r == 0 && geteuid() == 0)
		r = storage_shift_tree(creation->rootfs, lxc_config_spec(self(c)->config), err);
	if (r == 0 && write_head(c, template, argv) < 0)
		r = error_set(err, EIO, "write %s", c->configfile);
	return r ?: reload(c, err);
}

/* Nothing half-made stays, and nothing that was there before goes. */
static void undo(const struct creation *creation)
{
	const struct spec *spec = lxc_config_spec(self(creation->c)->config);
	if (creation->made_rootfs && creation->rootfs)
		(void)owned_remove_tree(spec, creation->rootfs, NULL, NULL);
	if (creation->made_directory)
		(void)owned_remove_tree(spec, creation->directory, NULL, NULL);
	else if (creation->made_config)
		(void)unlink(creation->c->configfile);
}

static int create_container(struct creation *creation, const char *template, const char *type,
	const struct bdev_specs *specs, int flags, char *const *argv, struct error *err)
{
	struct lxc_container *c = creation->c;
	bool is_defined = access(c->configfile, F_OK) == 0;
	creation->made_config = !is_defined || self(c)->is_new;
	creation->made_directory = access(creation->directory, F_OK) < 0 || self(c)->is_new;
	if (template && is_defined && !self(c)->is_new)
		return error_set_kind(err, ERROR_BUSY, EEXIST, "container %s exists already", c->name);
	self(c)->is_new = false;
	int r = load_defaults(c, err);
	if (r == 0 && template)
		r = owned_check(lxc_config_spec(self(c)->config), err);
	if (r < 0)
		return r;
	r = mkdir_parents(creation->directory, 0770);
	if (r < 0)
		return error_set(err, r, "make the directory of %s below %s", c->name, c->config_path);
	if (!template && (!specs || !creation->made_config)) {
		r = save(c, err); /* no work that could be cut off, so no partial file either */
		if (r < 0)
			(void)rmdir(creation->directory); /* stays when it is not empty */
		return r;
	}
	auto_close int partial_fd = open_partial(c, creation->made_directory);
	if (partial_fd < 0) {
		(void)rmdir(creation->directory);
		return error_set(err, partial_fd, "make %spartial", creation->directory);
	}
	r = create_all(creation, template, type, specs, flags, argv, err);
	if (r < 0)
		undo(creation);
	auto_free char *partial = container_path(c, "partial");
	if (partial)
		(void)unlink(partial); /* before the lock goes with the fd */
	return r;
}

static bool create(struct lxc_container *c, const char *template, const char *type, struct bdev_specs *specs, int flags,
	char *const argv[])
{
	struct error err = { 0 };
	if (!c)
		return false;
	auto_lock(c);
	struct creation creation = { .c = c, .directory = container_path(c, "") };
	if (template && strcmp(template, "none") == 0)
		template = NULL;
	int r = creation.directory ? create_container(&creation, template, type, specs, flags, argv, &err) :
				     error_set(&err, ENOMEM, "create %s", c->name);
	free(creation.directory);
	free(creation.rootfs);
	return container_result(c, &err, r);
}

static bool createl(struct lxc_container *c, const char *template, const char *type, struct bdev_specs *specs, int flags,
	...)
{
	va_list arguments;
	va_start(arguments, flags);
	auto_free char **argv = collect_arguments(arguments);
	va_end(arguments);
	return argv && create(c, template, type, specs, flags, argv);
}

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
	if (!path || spec->rootfs.unmanaged || (spec->rootfs.store && strcmp(spec->rootfs.store, "dir") != 0))
		return 0; /* what an overlay has of its own lies in the container's directory */
	if (access(path, F_OK) < 0)
		return 0;
	auto_free char *own = own_rootfs(c, path);
	if (!own) {
		(void)error_set_kind(err, ERROR_CONFIG, EINVAL, "rootfs %s can not be the container's own", path);
		return error_hint(err, "set lxc.rootfs.managed = 0");
	}
	return owned_remove_tree(spec, own, NULL, err);
}

static int destroy_container(struct lxc_container *c, struct error *err)
{
	struct spec *spec = lxc_config_spec(self(c)->config);
	auto_free char *directory = container_path(c, "");
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
	if (spec->rootfs.path && !spec->rootfs.unmanaged && spec_has_disk_limit(spec) && geteuid() == 0)
		r = r ?: storage_limit_clear(spec->rootfs.store, spec->rootfs.path, err);
	r = r ?: remove_rootfs(c, spec, err);
	if (r == 0)
		container_forget_origin(c);
	if (r == 0 && directory && spec->rootfs.unmanaged && spec->rootfs.path && is_inside(c, spec->rootfs.path))
		r = unlink(c->configfile) < 0 ? error_set(err, errno, "remove %s", c->configfile) : 0;
	else if (r == 0 && directory)
		r = owned_remove_tree(spec, directory, "snaps", err);
	return r;
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

static int rename_container(struct lxc_container *c, const char *name, struct error *err)
{
	auto_free char *old = NULL, *new = NULL, *text = NULL, *changed = NULL, *file = NULL;
	auto_free char *snaps = container_path(c, "snaps");
	int r = text_format(&old, "%s/%s", c->config_path, c->name);
	r = r ?: text_format(&new, "%s/%s", c->config_path, name);
	r = r ?: text_format(&file, "%s/config", new);
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
	if (rename(old, new) < 0)
		return error_set(err, errno, "rename %s to %s", old, new);
	r = file_write_atomic(-1, file, 0640, changed, strlen(changed));
	if (r < 0) {
		(void)rename(new, old);
		return error_set(err, r, "write %s", file);
	}
	const struct lxc_container renamed = { .config_path = c->config_path, .name = (char *)name };
	container_move_origins(&renamed, c->name, name);
	return 0;
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
	c->create = create;
	c->createl = createl;
	c->destroy = destroy;
	c->rename = rename_method;
}
