/* Files of the container's own ids. */
#include "liblxc/owned.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/subid.h"
#include "base/text.h"
#include "engine/mapped.h"
#include "storage/storage.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree {
	const char *path, *other;
	const char *const *keep;
};

static int remove_tree(void *data, struct error *err)
{
	const struct tree *tree = data;
	return storage_remove_tree(tree->path, tree->keep, err);
}

int owned_remove_tree(const struct spec *spec, const char *path, struct error *err)
{
	struct tree tree = { .path = path };
	return engine_run_mapped(spec, remove_tree, &tree, err);
}

int owned_remove_container(const struct spec *spec, const char *directory, struct error *err)
{
	static const char *const keep[] = { "snaps", "partial", NULL };
	struct tree tree = { .path = directory, .keep = keep };
	auto_free char *partial = NULL, *snaps = NULL;
	int r = text_format(&partial, "%s/partial", directory);
	r = r ?: text_format(&snaps, "%s/snaps", directory);
	r = r < 0 ? error_set(err, r, "remove %s", directory) : engine_run_mapped(spec, remove_tree, &tree, err);
	if (r == 0)
		(void)rmdir(snaps); /* stays when it is not empty */
	if (r == 0 && unlink(partial) < 0 && errno != ENOENT)
		r = error_set(err, errno, "remove %s", partial);
	if (r == 0 && rmdir(directory) < 0 && errno != ENOTEMPTY && errno != ENOENT)
		r = error_set(err, errno, "remove %s", directory);
	return r;
}

static int copy_tree(void *data, struct error *err)
{
	const struct tree *tree = data;
	return storage_copy_tree(tree->path, tree->other, err);
}

int owned_copy_tree(const struct spec *spec, const char *from, const char *to, struct error *err)
{
	struct tree tree = { .path = from, .other = to };
	return engine_run_mapped(spec, copy_tree, &tree, err);
}

struct roots {
	const struct spec *from, *to;
};

static int copy_root(void *data, struct error *err)
{
	const struct roots *roots = data;
	auto_close int from_fd = storage_open_root(roots->from, err);
	auto_close int to_fd = from_fd < 0 ? -1 : storage_open_root(roots->to, err);
	if (to_fd < 0)
		return err && err->errnum ? -err->errnum : -EIO;
	return storage_copy_into(from_fd, to_fd, roots->from->rootfs.path, roots->to->rootfs.path, err);
}

int owned_copy_root(const struct spec *from, const struct spec *to, struct error *err)
{
	struct roots roots = { from, to };
	return engine_run_mapped(to, copy_root, &roots, err);
}

static int give_directory(void *data, struct error *err)
{
	const struct tree *tree = data;
	/* whatever the caller's umask was: other users of the container go through it */
	if (lchown(tree->path, 0, 0) < 0 || chmod(tree->path, 0755) < 0)
		return error_set(err, errno, "give %s to the container's root", tree->path);
	return 0;
}

int owned_give_directory(const struct spec *spec, const char *path, struct error *err)
{
	struct tree tree = { .path = path };
	return engine_needs_mapping(spec) ? engine_run_mapped(spec, give_directory, &tree, err) : 0;
}

int owned_check(const struct spec *spec, struct error *err)
{
	uint32_t uid, uid_count, gid, gid_count;
	if (geteuid() == 0 || spec->idmaps.count > 0)
		return 0;
	auto_free char *name = subid_user_name(getuid());
	int r = error_set_kind(err, ERROR_CONFIG, EINVAL, "the container of an ordinary user needs lxc.idmap");
	if (subid_find(SUBUID_FILE, getuid(), name, 0, &uid, &uid_count) == 0 &&
		subid_find(SUBGID_FILE, getuid(), name, 0, &gid, &gid_count) == 0)
		error_hint(err, "in ~/.config/lxc/default.conf: lxc.idmap = u 0 %u %u, lxc.idmap = g 0 %u %u", uid, uid_count, gid,
			gid_count);
	else
		error_hint(err, "%s and %s give this user no ids; as root: usermod --add-subuids 100000-165535 --add-subgids "
				"100000-165535 %s", SUBUID_FILE, SUBGID_FILE, name ?: "USER");
	return r;
}

int owned_make_overlay(const struct spec *spec, const char *upper, const char *work, struct error *err)
{
	/* "work" is LXC's name in the container's directory, the one beside the upper layer is what its mount takes */
	auto_free char *mounted = NULL;
	const char *slash = strrchr(upper, '/');
	int r = mkdir_parents(upper, 0755);
	r = r ?: mkdir_parents(work, 0755);
	r = r ?: text_format(&mounted, "%.*s/olwork", (int)(slash - upper), upper);
	if (r == 0 && engine_needs_mapping(spec))
		r = mkdir_parents(mounted, 0755);
	if (r < 0)
		return error_set(err, r, "make the directories of overlay %s", upper);
	r = owned_give_directory(spec, upper, err);
	r = r ?: owned_give_directory(spec, work, err);
	return r ?: owned_give_directory(spec, mounted, err);
}
