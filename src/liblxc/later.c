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

void wire_later(struct lxc_container *c)
{
	c->checkpoint = checkpoint;
	c->restore = restore;
	c->migrate = migrate;
}
