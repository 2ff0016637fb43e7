/* Making a container: its storage, filled by a template. */
#include "base/file.h"
#include "base/paths.h"
#include "base/process.h"
#include "engine/idmaps.h"
#include "engine/mapped.h"
#include "liblxc/extra.h"
#include "liblxc/internal.h"
#include "liblxc/owned.h"
#include "liblxc/partial.h"
#include "liblxc/paths.h"
#include "liblxc/volume.h"
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

/* What a create has made so far, to be taken away when it fails. */
struct creation {
	struct lxc_container *c;
	char *directory;       /* the container's, with a slash at its end */
	char *rootfs;	       /* what the template fills */
	const struct store *store; /* of a volume that was made at source; NULL: none */
	char *source;
	int tree_fd;	/* that volume mounted, attached nowhere; -1 */
	int partial_fd; /* liblxc/partial.h */
	bool made_directory, made_config, made_rootfs, set_rootfs;
};

/* A template that is to be run; in an ordinary user's case as root of the container's user namespace. */
struct template_run {
	const char *path;
	const char *rootfs;
	int tree_fd; /* a volume, to be attached at rootfs; -1: that is filled itself */
	struct string_list arguments; /* ends in NULL */
	int partial_fd; /* stays open in the template: nobody takes away what it writes before all of its processes are gone */
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
	if (run->tree_fd >= 0 && storage_attach(run->tree_fd, run->rootfs) < 0)
		_exit(126); /* never beside the volume */
	(void)fcntl(run->partial_fd, F_SETFD, 0);
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

static int run_template(struct lxc_container *c, const char *name, const struct creation *creation, char *const *argv,
	bool quiet, struct error *err)
{
	const struct spec *spec = lxc_config_spec(self(c)->config);
	auto_free char *template = NULL;
	const char *rootfs = creation->rootfs;
	struct template_run run = { .rootfs = rootfs, .tree_fd = creation->tree_fd,
		.partial_fd = creation->partial_fd, .is_quiet = quiet,
		.is_mapped = engine_needs_mapping(spec) };
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
	for (bool is_secret = false; argv && *argv; argv++) {
		const char *at = is_secret ? "***" : text_starts(*argv, "--password=") ? "--password=***" : *argv;
		is_secret = strcmp(*argv, "--password") == 0;
		putc(' ', out);
		for (; *at; at++)
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

static bool is_overlay_store(const char *type)
{
	return type && (strcmp(type, "overlay") == 0 || strcmp(type, "overlayfs") == 0);
}

/*
 * The id map of the default configuration is for every host; where this one's root can not use it (no user namespaces,
 * or a container with fewer ids) the new container does without. One that a user asked for is not touched.
 */
static int drop_unusable_map(struct lxc_container *c, const char *file, struct error *err)
{
	const struct spec *spec = lxc_config_spec(self(c)->config);
	auto_free char *line = NULL;
	if (geteuid() != 0 || spec->idmaps.count == 0 || idmaps_are_usable(spec))
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

static int make_tree(struct creation *creation, const struct bdev_specs *specs, bool is_overlay, struct error *err)
{
	struct lxc_config *config = self(creation->c)->config;
	const struct spec_rootfs *set = &lxc_config_spec(config)->rootfs;
	auto_free char *value = NULL;
	if (set->path && set->store && strcmp(set->store, "dir") != 0)
		return error_set_kind(err, ERROR_CONFIG, EINVAL, "rootfs %s:%s can not be filled by a template", set->store,
			set->path);
	if (specs && specs->dir && text_replace(&creation->rootfs, specs->dir) < 0)
		return error_set(err, ENOMEM, "make the storage");
	if (!(specs && specs->dir) && set->path && text_replace(&creation->rootfs, set->path) < 0)
		return error_set(err, ENOMEM, "make the storage");
	int r = make_directory(creation->rootfs, &creation->made_rootfs, err);
	if (r == 0 && creation->made_rootfs)
		r = owned_give_directory(lxc_config_spec(config), creation->rootfs, err);
	if (r < 0 || set->path)
		return r;
	r = is_overlay ? make_overlay_value(creation, &value, err) :
			 text_replace(&value, creation->rootfs); /* without "dir:": libvirt takes it by the letter */
	creation->set_rootfs = true;
	return r ?: lxc_config_set(config, "lxc.rootfs.path", value, "lxc-create", err);
}

static int mount_volume(struct creation *creation, struct error *err)
{
	bool is_made;
	int r = make_directory(creation->rootfs, &is_made, err);
	if (r < 0)
		return r;
	creation->tree_fd = creation->store->mount(creation->source, NULL, err);
	return creation->tree_fd < 0 ? creation->tree_fd : 0;
}

static int make_volume(struct creation *creation, const struct bdev_specs *specs, const struct store *store,
	struct error *err)
{
	struct lxc_container *c = creation->c;
	const struct spec *spec = lxc_config_spec(self(c)->config);
	auto_free char *directory = NULL;
	if (geteuid() != 0 && !store->is_directory)
		return error_set_kind(err, ERROR_PERMISSION, EPERM, "only root can make storage %s; a user has dir, btrfs, overlay",
			store->name);
	if (text_format(&directory, "%s/%s", c->config_path, c->name) < 0)
		return error_set(err, ENOMEM, "make the storage");
	struct store_request request = volume_request(directory, c->name, specs);
	if (request.size == 0)
		request.size = spec->rootfs.size_limit;
	if (spec->rootfs.path)
		return error_set_kind(err, ERROR_CONFIG, EINVAL, "the configuration has a rootfs already: %s", spec->rootfs.path);
	int r = volume_create(spec, store, NULL, &request, creation->partial_fd, &creation->source, err);
	if (r < 0)
		return r;
	creation->store = store;
	r = store->is_directory ? owned_give_directory(spec, creation->rootfs, err) : mount_volume(creation, err);
	creation->set_rootfs = true;
	return r ?: volume_set_rootfs(c, store->name, creation->source, err);
}

/* The first of a list ("btrfs,dir"; best: LXC's order) that can be made here; the fault of the last one otherwise. */
static int make_storage(struct creation *creation, const struct bdev_specs *specs, const char *type, struct error *err)
{
	const char *list = !type || text_equal(type, "_unset") || text_equal(type, "none") ? "dir" :
			   text_equal(type, "best")					    ? "btrfs,zfs,lvm,dir" :
											      type;
	bool is_given = lxc_config_spec(self(creation->c)->config)->rootfs.path;
	if (is_given && text_equal(type, "best"))
		list = "dir";
	auto_free char *copy = strdup(list);
	char *next = copy;
	int r = copy && creation->rootfs ? -EINVAL : -ENOMEM;
	if (r == -ENOMEM)
		return error_set(err, ENOMEM, "make the storage");
	for (const char *name; r < 0 && (name = strsep(&next, ","));) {
		const struct store *store = store_find(name);
		if (is_overlay_store(name) || text_equal(name, "dir"))
			r = make_tree(creation, specs, is_overlay_store(name), err);
		else if (store)
			r = make_volume(creation, specs, store, err);
		else
			r = error_set_kind(err, ERROR_USAGE, EINVAL, "there is no storage %s; dir, overlay, btrfs, loop, lvm, zfs, rbd",
				name);
	}
	return r;
}

/* Before the template fills it: what is made then counts from its birth, and need not be visited again. */
static int limit_storage(const struct creation *creation, struct error *err)
{
	const struct spec *spec = lxc_config_spec(self(creation->c)->config);
	const struct spec_rootfs *rootfs = &spec->rootfs;
	if (!rootfs->path || !spec_has_disk_limit(spec) || creation->tree_fd >= 0) /* a volume was made as large as that */
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

static int shift_owners(const struct creation *creation, struct error *err)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/.", creation->tree_fd);
	return storage_shift_tree(creation->tree_fd >= 0 ? path : creation->rootfs,
		lxc_config_spec(self(creation->c)->config), err);
}

static int create_all(struct creation *creation, const char *template, const char *type, const struct bdev_specs *specs,
	int flags, char *const *argv, struct error *err)
{
	struct lxc_container *c = creation->c;
	int r = 0;
	if (template && !lxc_config_spec(self(c)->config)->identity.hostname)
		r = lxc_config_set(self(c)->config, "lxc.uts.name", c->name, "lxc-create", err);
	r = r ?: make_storage(creation, specs, type, err);
	r = r ?: limit_storage(creation, err);
	r = r ?: save(c, err);
	if (r < 0 || !template)
		return r;
	r = run_template(c, template, creation, argv, flags & LXC_CREATE_QUIET, err);
	if (r == 0 && geteuid() == 0)
		r = shift_owners(creation, err);
	if (r == 0 && write_head(c, template, argv) < 0)
		r = error_set(err, EIO, "write %s", c->configfile);
	return r ?: reload(c, err);
}

/* Nothing half-made stays, and nothing that was there before goes. */
static void undo(struct creation *creation)
{
	const struct spec *spec = lxc_config_spec(self(creation->c)->config);
	close_fd(&creation->tree_fd);
	if (creation->set_rootfs)
		(void)lxc_config_clear(self(creation->c)->config, "lxc.rootfs.path", NULL);
	if (creation->store && creation->store->destroy)
		(void)creation->store->destroy(creation->source, NULL);
	if (creation->made_rootfs && creation->rootfs)
		(void)owned_remove_tree(spec, creation->rootfs, NULL);
	if (creation->made_directory)
		(void)owned_remove_tree(spec, creation->directory, NULL);
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
	creation->partial_fd = partial_begin_in(c, creation->directory, creation->made_directory ? PARTIAL_NEW : PARTIAL_CONFIG);
	if (creation->partial_fd < 0) {
		(void)rmdir(creation->directory);
		return error_set(err, creation->partial_fd, "make %spartial", creation->directory);
	}
	r = create_all(creation, template, type, specs, flags, argv, err);
	if (r < 0)
		undo(creation);
	close_fd(&creation->tree_fd);
	partial_end(c, &creation->partial_fd);
	return r;
}

static bool create(struct lxc_container *c, const char *template, const char *type, struct bdev_specs *specs, int flags,
	char *const argv[])
{
	struct error err = { 0 };
	if (!c)
		return false;
	auto_lock(c);
	struct creation creation = { .c = c, .directory = container_path(c, ""), .rootfs = container_path(c, "rootfs"),
		.tree_fd = -1, .partial_fd = -1 };
	if (template && strcmp(template, "none") == 0)
		template = NULL;
	int r = creation.directory ? create_container(&creation, template, type, specs, flags, argv, &err) :
				     error_set(&err, ENOMEM, "create %s", c->name);
	free(creation.directory);
	free(creation.rootfs);
	free(creation.source);
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

void wire_create(struct lxc_container *c)
{
	c->create = create;
	c->createl = createl;
}
