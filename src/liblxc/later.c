/* Calls of the API whose mechanism is a later version's: each fails with one line that says so. */
#include "liblxc/internal.h"

static int refuse(struct lxc_container *c, const char *what)
{
	struct error err = { 0 };
	if (!c)
		return -EINVAL;
	(void)error_set_kind(&err, ERROR_UNSUPPORTED, EOPNOTSUPP, "%s is not supported yet", what);
	return container_fault(c, &err, -EOPNOTSUPP);
}

static bool checkpoint(struct lxc_container *c, char *directory, bool stop, bool verbose)
{
	(void)directory;
	(void)stop;
	(void)verbose;
	return refuse(c, "checkpointing") >= 0;
}

static bool restore(struct lxc_container *c, char *directory, bool verbose)
{
	(void)directory;
	(void)verbose;
	return refuse(c, "restoring a checkpoint") >= 0;
}

static int migrate(struct lxc_container *c, unsigned int command, struct migrate_opts *options, unsigned int size)
{
	(void)options;
	(void)size;
	return command > MIGRATE_FEATURE_CHECK ? -EINVAL : refuse(c, "migration");
}

static int mount(struct lxc_container *c, const char *source, const char *target, const char *type, unsigned long flags,
	const void *data, struct lxc_mount *mount_info)
{
	(void)source;
	(void)target;
	(void)type;
	(void)flags;
	(void)data;
	return !mount_info || mount_info->version != LXC_MOUNT_API_V1 ? -EINVAL : refuse(c, "mounting into a container");
}

static int umount(struct lxc_container *c, const char *target, unsigned long flags, struct lxc_mount *mount_info)
{
	(void)target;
	(void)flags;
	return !mount_info || mount_info->version != LXC_MOUNT_API_V1 ? -EINVAL : refuse(c, "unmounting in a container");
}

void wire_later(struct lxc_container *c)
{
	c->checkpoint = checkpoint;
	c->restore = restore;
	c->migrate = migrate;
	c->mount = mount;
	c->umount = umount;
}
