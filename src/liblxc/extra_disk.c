/* Disk limits of a container. */
#include "liblxc/extra.h"

#include "base/text.h"
#include "liblxc/internal.h"
#include "storage/limit.h"

#include <errno.h>
#include <unistd.h>

static int check(struct lxc_container *c, struct error *err)
{
	if (lxc_config_spec(self(c)->config)->rootfs.path)
		return 0;
	return error_set_kind(err, ERROR_CONFIG, 0, "%s has no root file system of its own", c->name);
}

int extra_disk(struct lxc_container *c, struct extra_disk *ret)
{
	struct error err = { 0 };
	struct storage_usage usage = { 0 };
	struct container_id id = id_of(c);
	auto_lock(c);
	int r = check(c, &err);
	r = r ?: engine_disk_get(&id, lxc_config_spec(self(c)->config), &usage, &err);
	if (r < 0)
		return container_fault(c, &err, r);
	bool counts_inodes = usage.kind == LIMIT_PROJECT || usage.inodes_limit;
	*ret = (struct extra_disk){ .mechanism = storage_limit_name(usage.kind),
		.bytes = usage.bytes, .bytes_limit = usage.bytes_limit,
		.inodes = counts_inodes ? usage.inodes : UINT64_MAX,
		.inodes_limit = counts_inodes ? usage.inodes_limit : UINT64_MAX };
	return 0;
}

/* What the key says in the end; the file is written when the limit holds. */
static int set_key(struct lxc_container *c, const char *key, const char *text, uint64_t *ret, struct error *err)
{
	*ret = UINT64_MAX;
	if (!text)
		return 0;
	if (text_to_bytes(text, ret) < 0) {
		(void)error_set_kind(err, ERROR_USAGE, 0, "%s is no size", text);
		return error_hint(err, "write a number with its unit, as 10G");
	}
	int r = lxc_config_clear(self(c)->config, key, err);
	return r < 0 || *ret == 0 ? r : lxc_config_set(self(c)->config, key, text, "command line", err);
}

int extra_set_disk(struct lxc_container *c, const char *size, const char *inodes)
{
	struct error err = { 0 };
	struct container_id id = id_of(c);
	uint64_t bytes, count;
	auto_lock(c);
	int r = geteuid() == 0 ? check(c, &err) :
				 error_set_kind(&err, ERROR_PERMISSION, EPERM, "only root can limit disk space");
	r = r ?: set_key(c, "lxc.rootfs.size", size, &bytes, &err);
	r = r ?: set_key(c, "lxc.rootfs.inodes", inodes, &count, &err);
	r = r ?: engine_disk_set(&id, lxc_config_spec(self(c)->config), bytes, count, &err);
	if (r < 0)
		return container_fault(c, &err, r);
	if (lxc_config_write(self(c)->config, c->configfile, &err) < 0)
		return container_fault(c, &err, -EIO);
	if (r == 0)
		return 0;
	(void)error_set_kind(&err, ERROR_BUSY, 0, "the container was started without a limit: its root could lift this one");
	(void)error_hint(&err, "restart it");
	return container_fault(c, &err, 1);
}
