#include "storage/store.h"

#include "base/text.h"
#include "spec/spec.h"
#include "storage/stores.h"

#include <errno.h>
#include <string.h>

/* In the order in which a source is looked at; the directory last. */
static const struct store *const stores[] = { &store_btrfs, &store_zfs, &store_lvm, &store_rbd, &store_loop, &store_nbd,
	&store_dir };

const struct store *store_find(const char *name)
{
	for (size_t i = 0; name && i < sizeof(stores) / sizeof(stores[0]); i++)
		if (strcmp(stores[i]->name, name) == 0)
			return stores[i];
	return NULL;
}

const struct store *store_of(const struct spec_rootfs *rootfs)
{
	if (!rootfs->path)
		return NULL;
	if (rootfs->store)
		return store_find(rootfs->store);
	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++)
		if (stores[i]->detect && stores[i]->detect(rootfs->path))
			return stores[i];
	return &store_dir;
}

bool store_is_volume(const struct spec_rootfs *rootfs)
{
	if (!rootfs->path || (!rootfs->store && text_ends(rootfs->path, "/rootfs")))
		return false; /* what create makes is called rootfs: it is not worth a system call */
	const struct store *store = store_of(rootfs);
	return store && !store->is_directory;
}

int store_open(const struct spec_rootfs *rootfs, struct error *err)
{
	const struct store *store = store_of(rootfs);
	if (!store || !store->mount)
		return error_set(err, EINVAL, "rootfs %s:%s can not be mounted", rootfs->store ?: "", rootfs->path);
	return store->mount(rootfs->path, rootfs->options, err);
}
