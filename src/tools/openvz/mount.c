/* The files of a container at VE_ROOT: its private area bound there, or its image mounted. */
#include "tools/openvz/ploop.h"
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "kernel/mount.h"
#include "storage/storage.h"
#include "storage/store.h"

#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* Is there a directory above path that others can not pass? */
static bool is_out_of_reach(const char *path)
{
	auto_free char *above = strdup(path);
	struct stat info;
	while (above && above[1]) {
		char *slash = strrchr(above, '/');
		slash[slash == above] = '\0'; /* the root's own slash stays */
		if (stat(above, &info) == 0 && !(info.st_mode & S_IXOTH))
			return true;
	}
	return false;
}

void vz_close(const struct vz *vz, const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash || is_out_of_reach(path))
		return;
	auto_free char *parent = strndup(path, (size_t)(slash - path));
	const char *top = vz_conf_get(&vz->ct.global, "VZDIR") ?: "/vz";
	if (!parent)
		return;
	if (text_starts(parent, top) && parent[strlen(top)] == '/' && chmod(parent, 0700) == 0)
		vz_say(vz, "%s is open to root alone now", parent);
	else
		(void)vz_fail(vz, 0, "Warning: others on this host reach set-uid files of the container through %s (close it: chmod 700 %s)",
			parent, parent);
}

/* The area says that it has one, but it has not. */
static bool lacks_image(const char *area)
{
	auto_free char *description = NULL, *image = NULL;
	return text_format(&description, "%s/root.hdd/DiskDescriptor.xml", area) == 0 && access(description, F_OK) == 0 &&
	       text_format(&image, "%s/root.hdd/root.hds", area) == 0 && access(image, F_OK) < 0;
}

/* Of the file system in the image: keeping an account of users. */
static void set_feature(const char *image, const char *feature)
{
	const int nowhere[3] = { -1, -1, -1 };
	const char *const argv[] = { "tune2fs", "-O", feature, image, NULL };
	pid_t pid;
	if (process_spawn((char *const *)argv, NULL, nowhere, &pid) == 0)
		(void)process_wait(pid, NULL); /* the mount shows whether it could */
}

/* With quotas of users and groups (QUOTAUGIDLIMIT). A kernel without them can not even mount it: then without, and told. */
static int mount_with_quotas(const struct vz *vz, const char *image)
{
	const char *others = vz_ct_get(&vz->ct, "MOUNT_OPTS");
	auto_free char *options = NULL;
	struct error err = { 0 };
	if (text_format(&options, "%s%susrquota,grpquota", others ?: "", others && *others ? "," : "") < 0)
		return -ENOMEM;
	set_feature(image, "quota");
	int tree_fd = store_find("loop")->mount(image, options, &err);
	if (tree_fd >= 0)
		return tree_fd;
	set_feature(image, "^quota");
	return vz_fail(vz, -ENOTSUP, "Warning: this kernel has no quotas of users in an image: QUOTAUGIDLIMIT has no effect");
}

static int attach(const struct vz *vz, const char *area, const char *root, struct error *err)
{
	auto_free char *image = NULL;
	if (!vz_ct_is_ploop(&vz->ct, &image)) {
		int r = mount_at_path(area, root, NULL, MS_BIND, NULL);
		return r < 0 ? error_set(err, r, "mount %s on %s", area, root) : 0;
	}
	if (ploop_is_image(image)) {
		(void)error_set(err, 0, "%s is in ploop's own format", image);
		return error_hint(err, "run vzctl convert %s once", vz->ct.name);
	}
	bool has_users = !text_equal(vz_ct_get(&vz->ct, "QUOTAUGIDLIMIT") ?: "0", "0");
	auto_close int tree_fd = has_users ? mount_with_quotas(vz, image) : -1;
	if (tree_fd < 0)
		tree_fd = store_find("loop")->mount(image, vz_ct_get(&vz->ct, "MOUNT_OPTS"), err);
	if (tree_fd < 0)
		return tree_fd;
	int r = storage_attach(tree_fd, root);
	return r < 0 ? error_set(err, r, "mount %s on %s", image, root) : 0;
}

int vz_make_closed(const char *path)
{
	auto_free char *parent = strndup(path, (size_t)(strrchr(path, '/') - path));
	if (!parent)
		return -ENOMEM;
	bool is_new = access(parent, F_OK) < 0;
	int r = mkdir_parents(parent, 0755);
	if (r == 0 && is_new && chmod(parent, 0700) < 0)
		r = -errno;
	return r ?: mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int vz_check_places(const struct vz *vz)
{
	auto_free char *area = vz_ct_path(&vz->ct, "VE_PRIVATE"), *root = vz_ct_path(&vz->ct, "VE_ROOT");
	if (!root || *root != '/')
		return vz_fail(vz, VZ_NO_ROOT_SET, "VE_ROOT is not set");
	return area && *area == '/' ? VZ_OK : vz_fail(vz, VZ_NO_PRIVATE_SET, "VE_PRIVATE is not set");
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
	if (lacks_image(area))
		return vz_fail(vz, VZ_NO_IMAGE, "Image %s/root.hdd/root.hds does not exist", area);
	if (vz_make_closed(root) < 0)
		return vz_fail(vz, VZ_MOUNT_POINT, "Unable to create mount point %s", root);
	vz_close(vz, area);
	vz_close(vz, root);
	int status = vz_run_scripts(vz, "premount", false);
	if (status != VZ_OK)
		return status;
	bool is_ploop = vz_ct_is_ploop(&vz->ct, NULL);
	if (attach(vz, area, root, &err) < 0)
		return vz_fail_error(vz, is_ploop ? VZ_IMAGE_MOUNT : VZ_MOUNT_FAILED, &err);
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
		return vz_fail(vz, vz_ct_is_ploop(&vz->ct, NULL) ? VZ_IMAGE_UMOUNT : VZ_UMOUNT_FAILED, "Can't umount %s: %s", root,
			strerror(errno));
	vz_say(vz, "Container is unmounted");
	return vz_run_scripts(vz, "postumount", false);
}

int vz_command_mount(struct vz *vz)
{
	int status = vz_check_places(vz);
	if (status == VZ_OK && vz_is_mounted(vz))
		return vz_fail(vz, VZ_MOUNTED, "Container is already mounted");
	return status ?: vz_mount(vz);
}

int vz_command_umount(struct vz *vz)
{
	if (vz_is_running(vz))
		return vz_fail(vz, VZ_UMOUNT_FAILED, "Container is running -- stop it first");
	if (!vz_is_mounted(vz))
		return vz_fail(vz, VZ_NOT_MOUNTED, "CT is not mounted");
	return vz_umount(vz);
}
