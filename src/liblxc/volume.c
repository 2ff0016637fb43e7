#include "liblxc/volume.h"

#include "engine/mapped.h"
#include "liblxc/internal.h"
#include "liblxc/partial.h"

#include <string.h>

struct store_request volume_request(const char *directory, const char *name, const struct bdev_specs *specs)
{
	static const struct bdev_specs none;
	const struct bdev_specs *wish = specs ?: &none;
	return (struct store_request){
		.directory = directory,
		.name = name,
		.fstype = wish->fstype,
		.size = wish->fssize,
		.volume_group = wish->lvm.vg ?: lxc_get_global_config_item("lxc.bdev.lvm.vg"),
		.volume = wish->lvm.lv,
		.thin_pool = wish->lvm.thinpool ?: lxc_get_global_config_item("lxc.bdev.lvm.thin_pool"),
		.is_pool_default = !wish->lvm.thinpool,
		.zfs_root = wish->zfs.zfsroot ?: lxc_get_global_config_item("lxc.bdev.zfs.root"),
		.rbd_pool = wish->rbd.rbdpool ?: lxc_get_global_config_item("lxc.bdev.rbd.rbdpool"),
		.rbd_name = wish->rbd.rbdname,
		.rbd_user = wish->rbd.rbduser ?: lxc_get_global_config_item("lxc.bdev.rbd.rbduser"),
	};
}

struct snapshot {
	const struct store *store;
	const char *original, *source;
	const struct store_request *request;
};

static int make_snapshot(void *data, struct error *err)
{
	const struct snapshot *work = data;
	return work->store->snapshot(work->original, work->source, work->request, err);
}

int volume_create(const struct spec *spec, const struct store *store, const char *original,
	const struct store_request *request, int partial_fd, char **ret_source, struct error *err)
{
	auto_free char *source = NULL;
	if (!store->name_source)
		return error_set_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP, "storage %s can only be used, not made", store->name);
	int r = store->name_source(request, &source);
	if (r < 0)
		return error_set(err, r, "name the %s of %s", store->name, request->name);
	if (store->exists(source))
		return error_set_kind(err, ERROR_BUSY, EEXIST, "%s:%s exists already", store->name, source);
	r = partial_note_volume(partial_fd, false, store->name, source);
	if (r < 0)
		return error_set(err, r, "note %s:%s", store->name, source);
	struct snapshot work = { store, original, source, request };
	r = !original		? store->create(source, request, err) :
	    store->is_directory ? engine_run_mapped(spec, make_snapshot, &work, err) :
				  make_snapshot(&work, err);
	if (r == 0)
		*ret_source = take_ptr(source);
	return r;
}

int volume_set_rootfs(struct lxc_container *c, const char *store, const char *source, struct error *err)
{
	auto_free char *value = NULL;
	struct lxc_config *config = self(c)->config;
	int r = text_format(&value, "%s:%s", store, source);
	if (r < 0)
		return error_set(err, r, "set the rootfs");
	r = lxc_config_clear(config, "lxc.rootfs.path", err);
	return r ?: lxc_config_set(config, "lxc.rootfs.path", value, "storage", err);
}
