/* The first mounts: propagation and the rootfs itself. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/capability.h"
#include "kernel/mount.h"
#include "kernel/path_in_root.h"
#include "kernel/superblock.h"
#include "rootfs/internal.h"

static const char *mount_point(const struct rootfs_context *root)
{
	return root->mount_point ? root->mount_point : WABE_ROOTFS_MOUNT;
}

static int root_error(const struct rootfs_context *root, struct error *err, int r)
{
	return spec_error(err, r, root->spec, &root->spec->rootfs.origin, "mount rootfs %s at %s",
		root->spec->rootfs.path, mount_point(root));
}

int root_attach(const struct rootfs_context *root, int tree_fd, const char *path, int create)
{
	auto_close int target_fd = path_create_in_root(root->root_fd, path, (enum path_create)create);

	return target_fd < 0 ? target_fd : mount_attach(tree_fd, target_fd, "");
}

int rootfs_make_private(const struct rootfs_context *root, struct error *err)
{
	(void)root;
	/* slave, not private: what the host unmounts later goes away here too and is not kept busy */
	int r = mount_at_path(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
	return r < 0 ? error_set(err, r, "separate the mounts from the host's") : 0;
}

/* ---- options ---- */

int rootfs_options_idmap(const char *options, char **ret_idmap)
{
	static const char key[] = "idmap=";

	*ret_idmap = NULL;
	for (const char *option = options; option && *option;) {
		size_t length = strcspn(option, ",");
		if (strncmp(option, key, strlen(key)) == 0) {
			*ret_idmap = strndup(option + strlen(key), length - strlen(key));
			return *ret_idmap ? 0 : -ENOMEM;
		}
		option += length + (option[length] == ',');
	}
	return 0;
}

/* ---- kinds of store ---- */

/* The mount point is made when it is missing: a package that was removed or a path of the user's. */
static int attach_at_mount_point(int tree_fd, const char *path)
{
	int r = mount_attach(tree_fd, AT_FDCWD, path);

	if (r != -ENOENT)
		return r;
	auto_close int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int target_fd = root_fd < 0 ? -errno : path_create_in_root(root_fd, path, PATH_CREATE_DIRECTORY);
	return target_fd < 0 ? target_fd : mount_attach(tree_fd, target_fd, "");
}

static bool is_overlay(const struct rootfs_context *root)
{
	const char *store = root->spec->rootfs.store;

	return store && (strcmp(store, "overlay") == 0 || strcmp(store, "overlayfs") == 0);
}

/* The directory beside upper, on the same file system, that overlayfs needs for itself; malloc'ed. */
static char *work_directory(const char *upper)
{
	char *work;
	size_t length = strlen(upper);

	while (length > 1 && upper[length - 1] == '/')
		length--;
	while (length > 0 && upper[length - 1] != '/')
		length--;
	return asprintf(&work, "%.*solwork", (int)length, upper) < 0 ? NULL : work;
}

static bool add_layer(FILE *out, const char *before, const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	fprintf(out, "%s/proc/self/fd/%d", before, fd);
	return fd >= 0;
}

/* The fds stay open until the program is executed. */
static char *open_layers(const char *layers)
{
	size_t size;
	char *text = NULL;
	auto_free char *copy = strdup(layers);
	char *upper = copy ? strrchr(copy, ':') : NULL;
	auto_free char *work = upper ? work_directory(upper + 1) : NULL;
	FILE *out = work ? open_memstream(&text, &size) : NULL;

	if (!out)
		return NULL;
	*upper++ = '\0';
	char *next = copy;
	bool is_open = add_layer(out, "lowerdir=", strsep(&next, ":"));
	while (next)
		is_open &= add_layer(out, ":", strsep(&next, ":"));
	is_open &= add_layer(out, ",upperdir=", upper);
	is_open &= add_layer(out, ",workdir=", work);
	if (fclose(out) == 0 && is_open)
		return text;
	free(text);
	return NULL;
}

void rootfs_open_source(struct rootfs_context *root)
{
	if (root->spec->rootfs.path && is_overlay(root))
		/* root without a user namespace reaches them by their paths */
		root->layers = root->has_user_namespace ? open_layers(root->spec->rootfs.path) : NULL;
	else if (root->spec->rootfs.path)
		root->source_fd = open(root->spec->rootfs.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int clone_directory(const struct rootfs_context *root)
{
	if (root->rootfs_source_fd && *root->rootfs_source_fd >= 0)
		return fcntl(*root->rootfs_source_fd, F_DUPFD_CLOEXEC, 3);
	int fd = mount_clone_tree(AT_FDCWD, root->spec->rootfs.path, true);
	return fd == -EACCES && root->source_fd >= 0 ? mount_clone_tree(root->source_fd, "", true) : fd;
}

static int mount_directory(struct rootfs_context *root, const struct root_options *options, struct error *err)
{
	const char *path = root->spec->rootfs.path;
	auto_close int tree_fd = clone_directory(root);
	close_fd(&root->source_fd);
	if (tree_fd < 0)
		return spec_error(err, tree_fd, root->spec, &root->spec->rootfs.origin, "rootfs %s", path);
	/* before 5.12 flags can only be set once it is attached; not recursive, as before */
	int r = mount_set_flags(tree_fd, options->flags.set, options->flags.clear, false);
	bool is_late = r == -ENOSYS;
	if (r == 0 || is_late)
		r = attach_at_mount_point(tree_fd, mount_point(root));
	if (r == 0 && is_late)
		r = mount_set_flags(tree_fd, options->flags.set, options->flags.clear, false);
	if (r == 0 && options->flags.propagation)
		r = mount_at_fd(NULL, tree_fd, NULL, options->flags.propagation, NULL);
	if (r < 0)
		return root_error(root, err, r);
	root->root_fd = take_fd(&tree_fd);
	return 0;
}

/* Opens the root of what mount(2) has put on the mount point. */
static int open_mounted(struct rootfs_context *root, struct error *err)
{
	int fd = open(mount_point(root), O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return root_error(root, err, -errno);
	root->root_fd = fd;
	return 0;
}

/* What overlayfs writes, it writes with the rights of who has mounted it: a project's limit must bind these. */
static int mount_layers(const struct rootfs_context *root, uint64_t flags, const char *data)
{
	struct capability_sets sets, lower;

	if (!(root->spec->rootfs.limit_guard & GUARD_PROJECT))
		return mount_at_path("overlay", mount_point(root), "overlay", flags, data);
	int r = capability_get(&sets);
	lower = sets;
	lower.effective &= ~(1ULL << CAP_SYS_RESOURCE);
	r = r ?: capability_set(&lower);
	if (r < 0)
		return r;
	r = mount_at_path("overlay", mount_point(root), "overlay", flags, data);
	return capability_set(&sets) ?: r;
}

/* LOWER[:LOWER2...]:UPPER; the work directory lies beside UPPER, where it is on the same file system. */
static int mount_overlay(struct rootfs_context *root, const struct root_options *options, struct error *err)
{
	const char *path = root->spec->rootfs.path, *upper = strrchr(path, ':');
	auto_free char *work = NULL, *data = NULL;

	if (!upper || upper == path || upper[1] != '/')
		return spec_error(err, EINVAL, root->spec, &root->spec->rootfs.origin,
			"rootfs %s is not overlay:LOWER:UPPER", path);
	int lower_length = (int)(upper++ - path);
	work = work_directory(upper);
	const char *user = root->has_user_namespace ? ",userxattr" : "", *comma = *options->data ? "," : "";
	if (!work || asprintf(&data, "lowerdir=%.*s,upperdir=%s,workdir=%s%s%s%s", lower_length, path, upper, work, user, comma,
			     options->data) < 0)
		return error_set(err, ENOMEM, "mount rootfs %s", path);
	if (mkdir(work, 0755) < 0 && errno != EEXIST && !root->layers)
		return spec_error(err, errno, root->spec, &root->spec->rootfs.origin, "make directory %s", work);
	int r = mount_layers(root, options->flags.set, data);
	if (r == -EACCES && root->layers) {
		free(data);
		if (asprintf(&data, "%s%s%s%s", root->layers, user, comma, options->data) < 0)
			data = NULL;
		r = data ? mount_layers(root, options->flags.set, data) : -ENOMEM;
	}
	return r < 0 ? root_error(root, err, r) : open_mounted(root, err);
}

/* A block device that was not there before the hooks ran: the supervisor mounts the others. */
static int mount_device(struct rootfs_context *root, const struct root_options *options, struct error *err)
{
	const char *path = root->spec->rootfs.path;
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *type = fd < 0 ? NULL : superblock_type(fd);

	if (!type)
		return spec_error(err, fd < 0 ? errno : EINVAL, root->spec, &root->spec->rootfs.origin, "%s has no file system",
			path);
	int r = mount_at_path(path, mount_point(root), type, options->flags.set, *options->data ? options->data : NULL);
	return r < 0 ? root_error(root, err, r) : open_mounted(root, err);
}

static bool is_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISBLK(st.st_mode);
}

int rootfs_mount(struct rootfs_context *root, struct error *err)
{
	const struct spec_rootfs *rootfs = &root->spec->rootfs;
	struct root_options options = { 0 };

	if (!rootfs->path) {
		root->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return root->root_fd < 0 ? error_set(err, errno, "open /") : 0;
	}
	int r = root_options_parse(rootfs->options, &options);
	if (r < 0)
		return spec_error(err, r, root->spec, &rootfs->origin, "rootfs options %s", rootfs->options);
	if (is_overlay(root))
		return mount_overlay(root, &options, err);
	/* a directory is the usual case: only when that fails it is worth a look what there is */
	r = mount_directory(root, &options, NULL);
	if ((r == -ENOTDIR || r == -EINVAL) && is_device(rootfs->path)) /* a file on a directory: which one, the kernel varies */
		return mount_device(root, &options, err);
	if (r == 0)
		return 0;
	(void)spec_error(err, r, root->spec, &rootfs->origin, "mount rootfs %s at %s", rootfs->path,
		mount_point(root));
	if (r == -ENOENT)
		error_hint(err, "create it, or correct lxc.rootfs.path");
	return r;
}
