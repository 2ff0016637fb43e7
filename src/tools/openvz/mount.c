/* The files of a container at VE_ROOT: its private area bound there, or its image mounted. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel/mount.h"
#include "storage/storage.h"
#include "storage/store.h"

#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static int attach(const struct vz *vz, const char *area, const char *root, struct error *err)
{
	auto_free char *image = NULL;
	if (!vz_ct_is_ploop(&vz->ct, &image)) {
		int r = mount_at_path(area, root, NULL, MS_BIND, NULL);
		return r < 0 ? error_set(err, r, "mount %s on %s", area, root) : 0;
	}
	const struct store *store = store_find("loop");
	auto_close int tree_fd = store->mount(image, vz_ct_get(&vz->ct, "MOUNT_OPTS"), err);
	if (tree_fd < 0)
		return tree_fd;
	int r = storage_attach(tree_fd, root);
	return r < 0 ? error_set(err, r, "mount %s on %s", image, root) : 0;
}

int vz_mount(struct vz *vz)
{
	auto_free char *area = vz_ct_path(&vz->ct, "VE_PRIVATE"), *root = vz_ct_path(&vz->ct, "VE_ROOT");
	struct error err = { 0 };
	struct stat info;
	if (!area || !root)
		return VZ_SYSTEM;
	if (stat(area, &info) < 0)
		return vz_fail(vz, VZ_NO_PRIVATE, "Container private area %s does not exist", area);
	if (mkdir_parents(root, 0755) < 0)
		return vz_fail(vz, VZ_MOUNT_POINT, "Unable to create mount point %s", root);
	int status = vz_run_scripts(vz, "premount", false);
	if (status != VZ_OK)
		return status;
	if (attach(vz, area, root, &err) < 0)
		return vz_fail_error(vz, VZ_MOUNT_FAILED, &err);
	status = vz_run_scripts(vz, "mount", false);
	if (status != VZ_OK) {
		(void)umount2(root, MNT_DETACH); /* as before the call */
		return status;
	}
	vz_say(vz, "Container is mounted");
	return VZ_OK;
}

int vz_umount(struct vz *vz)
{
	auto_free char *root = vz_ct_path(&vz->ct, "VE_ROOT");
	int status = vz_run_scripts(vz, "umount", false);
	if (!root || status != VZ_OK)
		return status ?: VZ_SYSTEM;
	/* what scripts have mounted below goes with it */
	if (umount2(root, 0) < 0 && umount2(root, MNT_DETACH) < 0)
		return vz_fail(vz, VZ_UMOUNT_FAILED, "Can't umount %s: %s", root, strerror(errno));
	vz_say(vz, "Container is unmounted");
	return vz_run_scripts(vz, "postumount", false);
}

int vz_command_mount(struct vz *vz)
{
	if (vz_is_mounted(vz))
		return vz_fail(vz, VZ_MOUNTED, "Container is already mounted");
	return vz_mount(vz);
}

int vz_command_umount(struct vz *vz)
{
	if (vz_is_running(vz))
		return vz_fail(vz, VZ_UMOUNT_FAILED, "Container is running -- stop it first");
	if (!vz_is_mounted(vz))
		return vz_fail(vz, VZ_NOT_MOUNTED, "CT is not mounted");
	return vz_umount(vz);
}
