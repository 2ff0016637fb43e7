/* Mount sources whose owners are mapped by a user namespace: option idmap=. Runs in the supervisor. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/mount.h"
#include "rootfs/internal.h"

int rootfs_map_opened(const struct spec *spec, const struct origin *origin, const char *source, bool recursive, int tree_fd,
	const char *idmap, struct error *err)
{
	if (strcmp(idmap, "container") == 0)
		return spec->idmaps.count > 0 ? 0 : spec_error(err, EINVAL, spec, origin, "idmap=container without a user namespace");
	auto_close int userns_fd = open(idmap, O_RDONLY | O_CLOEXEC);
	if (userns_fd < 0)
		return spec_error(err, errno, spec, origin, "user namespace %s", idmap);
	return rootfs_set_idmap(spec, origin, source, recursive, tree_fd, userns_fd, err);
}

int rootfs_open_idmapped(const struct spec *spec, const struct origin *origin, const char *source, bool recursive,
	const char *idmap, struct error *err)
{
	auto_close int tree_fd = mount_clone_tree(AT_FDCWD, source, recursive);
	if (tree_fd < 0)
		return spec_error(err, tree_fd, spec, origin, "mount source %s", source);
	int r = rootfs_map_opened(spec, origin, source, recursive, tree_fd, idmap, err);
	return r < 0 ? r : take_fd(&tree_fd);
}

int rootfs_set_idmap(const struct spec *spec, const struct origin *origin, const char *source, bool recursive,
	int tree_fd, int userns_fd, struct error *err)
{
	int r = mount_set_idmap(tree_fd, userns_fd, recursive);

	if (r == 0)
		return 0;
	r = spec_error(err, r, spec, origin, "map the owners of %s", source);
	if (r == -EINVAL || r == -ENOSYS)
		error_hint(err, "its file system or this kernel can not do it; leave idmap= out");
	return r;
}
