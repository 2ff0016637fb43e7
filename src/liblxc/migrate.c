/* Containers that move between hosts: what the engine of that (migrate/migrate.h) leaves to LXC's dialect. */
#include "migrate/migrate.h"

#include "base/file.h"
#include "liblxc/extra.h"
#include "liblxc/internal.h"
#include "liblxc/paths.h"
#include "storage/store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int locate(void *data, const char *name, struct migrate_place *ret, struct error *err)
{
	const char *lxcpath = data;
	if (!is_container_name(name))
		return error_set_kind(err, ERROR_USAGE, EINVAL, "%s is no name of a container", name);
	int r = text_format(&ret->directory, "%s/%s", lxcpath, name);
	r = r ?: text_format(&ret->config, "%s/config", ret->directory);
	ret->id = (struct container_id){ .dialect = "lxc", .base_path = lxcpath,
		.name = r == 0 ? strrchr(ret->directory, '/') + 1 : NULL };
	return r < 0 ? error_set(err, r, "find %s", name) : 0;
}

/* ---- the target: the configuration ---- */

static int add_missing(struct pairs *answer, const char *fmt, const char *text)
{
	auto_free char *line = NULL;
	int r = text_format(&line, "%s%s", fmt, text);
	return r ?: pairs_add(answer, "missing", line);
}

static bool has_interface(const char *name)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/sys/class/net/%.15s", name);
	return access(path, F_OK) == 0;
}

static int check_links(const struct spec *spec, struct pairs *answer)
{
	int r = 0;
	vector_for_each(link, &spec->network.links)
		if (r == 0 && link->link && !has_interface(link->link))
			r = add_missing(answer, "network interface ", link->link);
	return r;
}

/* What is there only in a volume of the source's becomes a directory. */
static int set_rootfs(struct lxc_config *config, const struct migrate_place *place, char **ret_root, struct error *err)
{
	const struct spec_rootfs *rootfs = &lxc_config_spec(config)->rootfs;
	auto_free char *value = NULL;
	/* by name only: a look at a path would be one at this host's */
	bool is_volume = rootfs->store && !(store_find(rootfs->store) && store_find(rootfs->store)->is_directory);
	if (!rootfs->path)
		return 0;
	if (!is_volume) {
		*ret_root = strdup(rootfs->path);
		return *ret_root ? 0 : error_set(err, ENOMEM, "read the configuration");
	}
	int r = text_format(ret_root, "%s/rootfs", place->directory);
	r = r ?: text_format(&value, "dir:%s", *ret_root);
	r = r < 0 ? error_set(err, r, "read the configuration") : lxc_config_clear(config, "lxc.rootfs.path", err);
	return r ?: lxc_config_set(config, "lxc.rootfs.path", value, "migration", err);
}

static int read_text(struct lxc_config *config, const char *text, struct error *err)
{
	char path[40];
	auto_close int fd = memfd_create("config", MFD_CLOEXEC);
	if (fd < 0 || write_full(fd, text, strlen(text)) < 0)
		return error_set(err, errno, "read the configuration");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return lxc_config_load(config, path, err);
}

static int adapt(void *data, const struct migrate_place *place, const char *text, const char *from_directory, char **ret_text,
	char **ret_root, struct pairs *answer, struct error *err)
{
	auto_free char *moved = NULL;
	char line[1024];
	struct error fault = { 0 };
	struct lxc_config *config = lxc_config_new(place->id.name, data);
	int r = config ? replace_path(text, from_directory, place->directory, &moved) : -ENOMEM;
	if (r < 0) {
		lxc_config_free(config);
		return error_set(err, r, "read the configuration");
	}
	r = read_text(config, moved, &fault);
	r = r ?: set_rootfs(config, place, ret_root, &fault);
	r = r ?: lxc_config_text(config, ret_text);
	if (r < 0)
		r = add_missing(answer, "what the configuration names: ", error_render(&fault, line, sizeof(line)));
	else
		r = check_links(lxc_config_spec(config), answer);
	lxc_config_free(config);
	return r < 0 ? error_set(err, r, "read the configuration") : 0;
}

/* ---- to run it, to remove it ---- */

static int start(void *data, const struct migrate_place *place, const char *images, bool is_lazy, struct error *err)
{
	const struct extra_start_options plain = { .command = "lxc-start" };
	const struct extra_restore_options how = { .directory = images, .command = "lxc-start", .lazy = is_lazy };
	struct lxc_container *c = lxc_container_new(place->id.name, data);
	if (!c)
		return error_set(err, ENOMEM, "start %s", place->id.name);
	int r = images ? extra_restore(c, &how) : extra_start(c, &plain);
	if (r < 0)
		*err = self(c)->error;
	lxc_container_put(c);
	return r < 0 ? r : 0;
}

static int stop(void *data, const struct migrate_place *place, int timeout_s, struct error *err)
{
	(void)data;
	int r = engine_shutdown(&place->id, timeout_s * 1000, err);
	return r < 0 ? engine_kill(&place->id, -1, err) : r;
}

static int destroy(void *data, const struct migrate_place *place, const char *config, bool is_shared, struct error *err)
{
	struct lxc_container *c = extra_container_open(place->id.name, data);
	char *file = strdup(config);
	if (!c || !file || extra_load_config(c, config) < 0) {
		free(file);
		int r = c && file ? (*err = self(c)->error, -EINVAL) : error_set(err, ENOMEM, "remove %s", place->id.name);
		if (c)
			lxc_container_put(c);
		return r;
	}
	free(c->configfile);
	c->configfile = file;
	int r = is_shared ? lxc_config_set(self(c)->config, "lxc.rootfs.managed", "0", "migration", err) : 0;
	bool is_done = r == 0 && c->destroy(c);
	if (!is_done && r == 0)
		*err = self(c)->error;
	lxc_container_put(c);
	return is_done ? 0 : -(err->errnum ?: EIO);
}

static struct migrate_front front_of(const char *lxcpath)
{
	return (struct migrate_front){ .data = (void *)(uintptr_t)lxcpath, .criu = criu_setting(), .locate = locate, .adapt = adapt, .start = start, .stop = stop,
		.destroy = destroy, .is_companion = is_companion };
}

/* ---- calls ---- */

/* What would keep it from being removed here afterwards is said before. */
static int check_source(struct lxc_container *c, const struct migrate_request *request, struct error *err)
{
	const struct spec *spec = lxc_config_spec(self(c)->config);
	auto_free char *snaps = container_path(c, "snaps");
	auto_free char *directory = container_path(c, "");
	if (access(c->configfile, F_OK) < 0)
		return error_set_kind(err, ERROR_NOT_FOUND, ENOENT, "container %s is not defined", c->name);
	if (!snaps || !directory)
		return error_set(err, ENOMEM, "look at %s", c->name);
	if (request->online && !c->is_running(c)) {
		(void)error_set_kind(err, ERROR_USAGE, EINVAL, "%s does not run", c->name);
		return error_hint(err, "leave out --online");
	}
	if (request->shared && (!spec->rootfs.path || text_starts(spec->rootfs.path, directory)))
		return error_set_kind(err, ERROR_USAGE, EINVAL, "the root file system lies in %s, which is not shared", directory);
	const char *kept = directory_has_entries(snaps) ? "snapshots" : container_has_clones(c) ? "clones" : NULL;
	if (!kept || request->keep)
		return 0;
	(void)error_set_kind(err, ERROR_BUSY, EBUSY, "%s has %s, which stay here", c->name, kept);
	return error_hint(err, "use --keep");
}

int extra_migrate(struct lxc_container *c, enum extra_migration act, struct migrate_request *request, struct migrate_result *ret)
{
	struct error err = { 0 };
	auto_free char *text = NULL;
	auto_lock(c);
	const struct migrate_front front = front_of(c->config_path);
	request->name = c->name;
	request->spec = lxc_config_spec(self(c)->config);
	int r = lxc_config_text(self(c)->config, &text);
	request->text = text;
	if (r < 0)
		r = error_set(&err, r, "read the configuration");
	else if (act == EXTRA_MIGRATE_SEND)
		r = check_source(c, request, &err) ?: migrate_send(&front, request, ret, &err);
	else if (act == EXTRA_MIGRATE_RESUME)
		r = migrate_resume(&front, request, ret, &err);
	else if (act == EXTRA_MIGRATE_ABORT)
		r = migrate_abort(&front, request, ret, &err);
	else
		r = migrate_settle(&front, request, ret, &err);
	return r < 0 ? container_fault(c, &err, r) : 0;
}

int extra_migrate_receive(const char *lxcpath, int in_fd, int out_fd, char *message, size_t size)
{
	struct error err = { 0 };
	const struct migrate_front front = front_of(lxcpath);
	int r = migrate_receive(&front, in_fd, out_fd, &err);
	if (r < 0)
		(void)error_render(&err, message, size);
	return r;
}
