/* The process that becomes criu: cgroups, mounts and terminals of the container around it. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/criu.h"
#include "engine/hooks.h"
#include "engine/restore.h"
#include "engine/start.h"
#include "kernel/mount.h"
#include "kernel/mountinfo.h"
#include "kernel/path_in_root.h"
#include "rootfs/bundle.h"

/* Where the container's devpts is for criu: only this process has it there. */
#define PTS_PLACE "/dev/pts"

static const char *mount_point(const struct start *start)
{
	if (!container_has_supervisor(&start->id))
		return start->spec->rootfs.path;
	return start->root.mount_point ? start->root.mount_point : WABE_ROOTFS_MOUNT;
}

static int read_propagation(const char *target, bool *ret_is_shared, bool *ret_is_slave)
{
	auto_free char *text = NULL;
	size_t length;
	struct mountinfo mount;
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", 64 << 20, &text, &length);

	for (char *next = text; r >= 0 && (r = mountinfo_next(&next, &mount)) != 0; r = r == -EINVAL ? 1 : r)
		if (r == 1 && strcmp(mount.target, target) == 0) {
			*ret_is_shared = mount.is_shared;
			*ret_is_slave = mount.is_slave;
		}
	return r < 0 ? r : 0;
}

/*
 * criu gives the root the peers and the master that the mount has from which it is made, and wants that it has one
 * where there was one: whether the host's mount is shared is not the same everywhere.
 */
static int match_propagation(const struct start *start)
{
	const struct image *image = &start->restore->image;
	const char *target = mount_point(start);
	bool is_shared = false, is_slave = false;
	int r = read_propagation(target, &is_shared, &is_slave);

	if (r < 0 || is_slave == image->root_is_slave)
		return r;
	if (!image->root_is_slave)
		return mount_at_path(NULL, target, NULL, MS_PRIVATE, NULL);
	r = mount_at_path(NULL, target, NULL, MS_SHARED, NULL);
	r = r < 0 ? r : mount_at_path(target, target, NULL, MS_BIND, NULL);
	return r < 0 ? r : mount_at_path(NULL, target, NULL, MS_SLAVE, NULL);
}

static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/* Do the images have what is at the mount's target, as part of another mount? */
static bool is_on_another(const struct spec *spec, const struct spec_mount *mount)
{
	vector_for_each (other, &spec->mounts.entries)
		if (is_below(mount->target, other->target))
			return true;
	return false;
}

/* criu wants a target for each mount. A bundle may come with a fresh root, which create would have put them into. */
static int make_targets(const struct start *start, struct error *err)
{
	struct stat st;

	vector_for_each (mount, &start->spec->mounts.entries) {
		if (is_on_another(start->spec, mount))
			continue;
		bool is_file = mount->flags_set & MS_BIND && stat(mount->source, &st) == 0 && !S_ISDIR(st.st_mode);
		int fd = path_create_in_root(start->root.root_fd, mount->target, is_file ? PATH_CREATE_FILE : PATH_CREATE_DIRECTORY);
		if (fd < 0)
			return error_set(err, fd, "make %s in %s", mount->target, start->spec->rootfs.path);
		close_fd(&fd);
	}
	return 0;
}

static int mount_rootfs(struct start *start, struct error *err)
{
	struct hook_context context = { .spec = start->spec, .log = start->log, .rootfs_mount = start->root.mount_point };

	if (!container_has_supervisor(&start->id))
		return bundle_mount_root(&start->root, err) ?: make_targets(start, err);
	int r = rootfs_make_private(&start->root, err);
	r = r ?: hooks_run(&context, HOOK_PRE_MOUNT, err);
	return r ?: rootfs_mount(&start->root, err);
}

static int make_mounts(struct start *start, struct error *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return error_set(err, errno, "make a mount namespace");
	int r = mount_rootfs(start, err);
	if (r < 0)
		return r;
	r = match_propagation(start);
	if (r < 0)
		return error_set(err, r, "set the propagation of %s", mount_point(start));
	auto_close int place_fd = open(PTS_PLACE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = start->console.devpts_fd < 0 ? 0 : place_fd < 0 ? -errno : mount_attach(start->console.devpts_fd, place_fd, "");
	return r < 0 ? error_set(err, r, "mount the container's devpts at %s", PTS_PLACE) : 0;
}

/* ---- the command line ---- */

static int tty_index(const struct start *start, unsigned number)
{
	if (number == 0)
		return start->console.slave_index;
	return number <= start->console.tty_count ? start->console.tty_indexes[number - 1] : -1;
}

static int add_device_mount(const struct start *start, struct criu_call *call, const struct image_mount *mount,
	struct error *err)
{
	int index = tty_index(start, mount->source == IMAGE_CONSOLE ? 0 : mount->number);

	if (index < 0)
		return error_set_kind(err, ERROR_CONFIG, 0, "the checkpoint has a terminal at %s that the configuration does not have",
			mount->target);
	criu_add(call, "mnt[%s]:%s/%d", mount->key, PTS_PLACE, index);
	return 0;
}

static int add_cgroup_mount(const struct start *start, struct criu_call *call, const struct image_mount *mount,
	struct error *err)
{
	const struct cgroup_group *group = image_find_group(&start->cgroups, mount->controllers);

	if (!group)
		return error_set_kind(err, ERROR_UNSUPPORTED, 0, "%s: this host does not have the cgroup hierarchy %s", mount->target,
			*mount->controllers ? mount->controllers : "of version 2");
	criu_add(call, "mnt[%s]:%s%s%s", mount->key, group->mount, group->inner_path, mount->path);
	return 0;
}

/* An entry of the configuration may have another source now, or on this host. */
static const char *source_of(const struct start *start, const struct image_mount *mount)
{
	vector_for_each (entry, &start->spec->mounts.entries) {
		const char *target = mount->target + 1;
		if (entry->source && *entry->source == '/' && entry->flags_set & MS_BIND && entry->target &&
			strcmp(entry->target, target) == 0)
			return entry->source;
	}
	return mount->path;
}

static int add_mount(const struct start *start, struct criu_call *call, const struct image_mount *mount, struct error *err)
{
	criu_add(call, "--external");
	switch (mount->source) {
	case IMAGE_CONSOLE:
	case IMAGE_TTY:
		return add_device_mount(start, call, mount, err);
	case IMAGE_CGROUP:
		return add_cgroup_mount(start, call, mount, err);
	case IMAGE_PTS:
		criu_add(call, "mnt[%s]:%s%s", mount->key, PTS_PLACE, mount->path);
		return 0;
	case IMAGE_HOST:
		break;
	}
	const char *source = source_of(start, mount);
	if (access(source, F_OK) < 0)
		return error_set(err, errno, "%s, which the container has at %s", source, mount->target);
	criu_add(call, "mnt[%s]:%s", mount->key, source);
	return 0;
}

static int add_terminal(const struct start *start, struct criu_call *call, const struct image_terminal *terminal,
	struct error *err)
{
	char path[64];
	int index = tty_index(start, terminal->number);

	if (index < 0)
		return 0; /* its mount is refused, or nobody uses it */
	snprintf(path, sizeof(path), "%s/%d", PTS_PLACE, index);
	int fd = open(path, O_RDWR | O_NOCTTY); /* for criu, so it stays open */
	if (fd < 0)
		return error_set(err, errno, "open terminal %s of the container", path);
	criu_add(call, "--inherit-fd");
	criu_add(call, "fd[%d]:%s", fd, terminal->key);
	return 0;
}

/* Under a number that criu's own standard descriptors do not take. */
static int add_inherited(struct criu_call *call, int fd, const char *key, struct error *err)
{
	int copy = fcntl(fd, F_DUPFD, 3); /* for criu, so it stays open */

	if (copy < 0)
		return error_set(err, errno, "pass descriptor %d on to criu", fd);
	criu_add(call, "--inherit-fd");
	criu_add(call, "fd[%d]:%s", copy, key);
	return 0;
}

/* The first descriptor that shared a pipe or file stands for the others. */
static int add_stdio(const struct start *start, struct criu_call *call, struct error *err)
{
	const struct image *image = &start->restore->image;
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->stdio.count; i++) {
		const struct image_stdio *file = &image->stdio.items[i];
		bool is_known = false;
		for (size_t k = 0; k < i; k++)
			is_known |= strcmp(image->stdio.items[k].key, file->key) == 0;
		r = is_known ? 0 : add_inherited(call, (int)file->fd, file->key, err);
	}
	return r;
}

static void add_links(const struct start *start, struct criu_call *call)
{
	vector_for_each (link, &start->restore->image.links) {
		criu_add(call, "--external");
		criu_add(call, "veth[%s]:%s", link->inside_name, network_host_name(start->network, link->place));
	}
}

static void add_word(struct criu_call *call, const char *option, const char *value)
{
	if (!value)
		return;
	criu_add(call, "%s", option);
	criu_add(call, "%s", value);
}

static int build_call(const struct start *start, struct criu_call *call, struct error *err)
{
	const struct restore *restore = start->restore;
	int r = 0;

	criu_begin(call, restore->criu, "restore", restore->directory, "restore.log", restore->verbose);
	criu_add(call, "--work-dir");
	criu_add(call, "%s", restore->work);
	criu_add_action(call, restore->action_script);
	criu_add(call, "--restore-detached");
	criu_add(call, "--restore-sibling");
	criu_add(call, "--root");
	criu_add(call, "%s", mount_point(start));
	criu_add_limits(call, &restore->limits, restore->tcp_close);
	add_word(call, "--lsm-profile", restore->lsm_profile);
	add_word(call, "--lsm-mount-context", restore->lsm_mount_context);
	criu_add(call, "--manage-cgroups=ignore");
	criu_add(call, "--enable-fs");
	criu_add(call, "hugetlbfs,tracefs");
	if (restore->lazy_pages)
		criu_add(call, "--lazy-pages");
	vector_for_each (mount, &restore->image.mounts)
		r = r ?: add_mount(start, call, mount, err);
	vector_for_each (terminal, &restore->image.terminals)
		r = r ?: add_terminal(start, call, terminal, err);
	r = r ?: add_stdio(start, call, err);
	if (r == 0 && start->join_fds[NAMESPACE_NET] >= 0)
		r = add_inherited(call, start->join_fds[NAMESPACE_NET], IMAGE_NETWORK, err);
	add_links(start, call);
	return r;
}

static int make_empty_network(const struct start *start, struct error *err)
{
	const struct image *image = &start->restore->image;
	auto_free int *indexes = calloc(image->links.count + 1, sizeof(*indexes));

	for (size_t i = 0; indexes && i < image->links.count; i++)
		indexes[i] = image->links.items[i].index;
	int r = !indexes ? -ENOMEM : unshare(CLONE_NEWNET) < 0 ? -errno : network_avoid_indexes(indexes, image->links.count);
	return r < 0 ? error_set(err, r, "make a network namespace") : 0;
}

int restore_become_criu(struct start *start, int channel_fd, struct error *err)
{
	struct criu_call call = { 0 };
	int r = cgroup_set_enter(&start->cgroups, false, err);

	r = r ?: make_mounts(start, err);
	if (r == 0 && start->namespaces & 1U << NAMESPACE_CGROUP && unshare(CLONE_NEWCGROUP) < 0)
		r = error_set(err, errno, "make a cgroup namespace");
	/*
	 * With a user namespace criu makes pairs from its own network namespace, and takes a host's interface that has the
	 * number of one inside for it (-EOPNOTSUPP): in an empty one there is none but those
	 * of its own pairs. network_adopt fetches the host's ends.
	 */
	if (r == 0 && start->network && start->spec->idmaps.count > 0)
		r = make_empty_network(start, err);
	r = r ?: build_call(start, &call, err);
	r = r ?: criu_exec(&call, channel_fd, err);
	criu_clear(&call);
	return r;
}
