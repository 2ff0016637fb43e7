/* create: a private area from a template, and the configuration that belongs to it. */
#include "tools/openvz/request.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/process.h"
#include "base/text.h"
#include "kernel/btrfs.h"
#include "kernel/mount.h"
#include "storage/limit.h"
#include "storage/storage.h"
#include "storage/store.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int find_template(const struct vz *vz, const char *name, char **ret)
{
	static const char *const ends[] = { ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tar.lzma" };
	auto_free char *directory = vz_ct_path(&vz->ct, "TEMPLATE");
	if (!directory || !*directory)
		return vz_fail(vz, VZ_NO_TEMPLATE_SET, "TEMPLATE is not set");
	for (size_t i = 0; directory && i < sizeof(ends) / sizeof(*ends); i++) {
		auto_free char *path = NULL;
		if (text_format(&path, "%s/cache/%s%s", directory, name, ends[i]) == 0 && access(path, R_OK) == 0) {
			*ret = take_ptr(path);
			return VZ_OK;
		}
	}
	return vz_fail(vz, VZ_NO_TEMPLATE, "Cached OS template %s/cache/%s.tar[.gz] not found", directory ?: "", name);
}

/* ---- the configuration ---- */

/* Takes ve-NAME.conf-sample; one that is there already is kept, and then --config is refused. */
static int load_sample(struct vz *vz, const struct vz_request *request)
{
	const char *name = request->config ?: vz_conf_get(&vz->ct.global, "CONFIGFILE");
	auto_free char *path = NULL;
	struct error err = { 0 };
	if (vz->ct.has_conf)
		return request->config ? vz_fail(vz, VZ_CONFIG_COPY, "Warning: CT config file already exists, --config can not be used") : VZ_OK;
	if (!name)
		return VZ_OK;
	if (text_format(&path, "%s/ve-%s.conf-sample", vz->ct.conf_dir, name) < 0)
		return VZ_SYSTEM;
	if (access(path, R_OK) < 0)
		return request->config ? vz_fail(vz, VZ_CONFIG_COPY, "Sample config %s not found", path) : VZ_OK;
	if (vz_conf_load(&vz->ct.own, path, &err) < 0)
		return vz_fail_error(vz, VZ_CONFIG_COPY, &err);
	return vz_conf_set(&vz->ct.own, "ORIGIN_SAMPLE", name) < 0 ? VZ_SYSTEM : VZ_OK;
}

static int save(struct vz *vz, const struct vz_request *request)
{
	struct error err = { 0 };
	const char *directory = vz_conf_get(&vz->ct.global, "VZDIR") ?: "/vz";
	auto_free char *root = NULL, *area = NULL;
	int r = text_format(&root, "%s/root/$VEID", directory);
	r = r ?: text_format(&area, "%s/private/$VEID", directory);
	for (size_t i = 0; r == 0 && i < request->keys.count; i++)
		r = vz_conf_set(&vz->ct.own, request->keys.items[i], vz_conf_get(&vz->ct.given, request->keys.items[i]));
	if (r == 0 && !vz_conf_get(&vz->ct.own, "VE_ROOT"))
		r = vz_conf_set(&vz->ct.own, "VE_ROOT", vz_ct_get(&vz->ct, "VE_ROOT") ?: root);
	if (r == 0 && !vz_conf_get(&vz->ct.own, "VE_PRIVATE"))
		r = vz_conf_set(&vz->ct.own, "VE_PRIVATE", vz_ct_get(&vz->ct, "VE_PRIVATE") ?: area);
	r = r ?: vz_choose_ids(&vz->ct);
	r = r ?: mkdir_parents(vz->ct.conf_dir, 0755);
	if (r < 0)
		return vz_fail(vz, VZ_NOT_SAVED, "Unable to save %s: %s", vz->ct.conf_path, strerror(-r));
	if (vz_conf_write(&vz->ct.own, vz->ct.conf_path, &err) < 0)
		return vz_fail_error(vz, VZ_NOT_SAVED, &err);
	vz->ct.has_conf = true;
	return VZ_OK;
}

/* ---- the private area ---- */

static int unpack(const struct vz *vz, const char *archive, const char *directory)
{
	const char *const argv[] = { WABE_UNPACK, "--file", archive, directory, NULL };
	int status = 0;
	pid_t pid;
	int r = process_spawn((char *const *)argv, NULL, NULL, &pid);
	r = r ?: process_wait(pid, &status);
	if (r == 0 && status == 0)
		return VZ_OK;
	return vz_fail(vz, VZ_PRIVATE_FAILED, "Unpacking %s failed", archive);
}

/* An image with a file system, described as OpenVZ's layout does it. */
int vz_make_image(struct vz *vz, const char *area)
{
	static const char description[] = "<?xml version=\"1.0\"?>\n<Parallels_disk_image Version=\"1.0\">\n"
		"  <StorageData><Storage><Image><Type>Plain</Type><File>root.hds</File></Image></Storage></StorageData>\n"
		"</Parallels_disk_image>\n";
	const struct store *store = store_find("loop");
	const char *space = vz_ct_get(&vz->ct, "DISKSPACE");
	auto_free char *image = NULL, *file = NULL, *directory = NULL;
	struct error err = { 0 };
	struct vz_pair pair;
	if (!space || vz_parse_pair(space, VZ_DISK_SPACE, &pair) < 0 || pair.limit >= VZ_UNLIMITED / 1024)
		return vz_fail(vz, VZ_NO_DISKSPACE, "Error: diskspace not set (required for ploop)");
	if (text_format(&directory, "%s/root.hdd", area) < 0 || text_format(&image, "%s/root.hds", directory) < 0 ||
		text_format(&file, "%s/DiskDescriptor.xml", directory) < 0)
		return VZ_SYSTEM;
	struct store_request request = { .directory = directory, .name = vz->ct.name, .fstype = "ext4", .size = (uint64_t)pair.limit * 1024 };
	int r = mkdir_parents(directory, 0700);
	if (r < 0 || store->create(image, &request, &err) < 0)
		return r < 0 ? vz_fail(vz, VZ_IMAGE_CREATE, "Unable to create %s: %s", directory, strerror(-r)) :
			       vz_fail_error(vz, VZ_IMAGE_CREATE, &err);
	r = file_write_atomic(-1, file, 0644, description, strlen(description));
	return r < 0 ? vz_fail(vz, VZ_IMAGE_CREATE, "Unable to create %s: %s", file, strerror(-r)) : VZ_OK;
}

/* Into the image, mounted in a mount namespace of a child's own: nothing of it is left when that ends. */
static int unpack_image(struct vz *vz, const char *archive, const char *area)
{
	int wait_status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		struct error err = { 0 };
		auto_free char *image = NULL, *place = NULL;
		if (text_format(&image, "%s/root.hdd/root.hds", area) < 0 || text_format(&place, "%s/.mnt", area) < 0)
			_exit(VZ_SYSTEM);
		int tree_fd = store_find("loop")->mount(image, NULL, &err);
		if (tree_fd < 0)
			_exit(vz_fail_error(vz, VZ_MOUNT_FAILED, &err));
		(void)mkdir(place, 0700);
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 || storage_attach(tree_fd, place) < 0)
			_exit(vz_fail(vz, VZ_MOUNT_FAILED, "Unable to mount %s", image));
		int status = unpack(vz, archive, place);
		(void)umount2(place, MNT_DETACH);
		(void)rmdir(place);
		_exit(status);
	}
	if (pid < 0 || process_wait(pid, &wait_status) < 0)
		return VZ_SYSTEM;
	return vz_exit_status(wait_status);
}

static int fill(struct vz *vz, const char *archive, const char *area, bool is_ploop)
{
	struct error err = { 0 };
	auto_spec struct spec *spec = NULL;
	if (is_ploop) {
		int status = vz_make_image(vz, area);
		return status ?: unpack_image(vz, archive, area);
	}
	if (vz_ct_spec(&vz->ct, area, false, &spec, &err) < 0)
		return vz_fail_error(vz, VZ_SYSTEM, &err);
	vz_check_disk(vz, spec);
	/* before it is filled: what is made then counts from its birth */
	if (spec_has_disk_limit(spec) && storage_limit_set("dir", area, -1, spec->rootfs.size_limit ?: UINT64_MAX,
		spec->rootfs.inode_limit ?: UINT64_MAX, &err) < 0) {
		return vz_fail_error(vz, VZ_QUOTA_LIMIT, &err);
	}
	return unpack(vz, archive, area);
}

/* On btrfs a subvolume, which can be limited. */
static int make_directory(const char *path)
{
	auto_free char *parent = strndup(path, (size_t)(strrchr(path, '/') - path));
	int r = parent ? vz_make_closed(path) : -ENOMEM; /* the one above it, too */
	auto_close int parent_fd = r < 0 ? -1 : open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent_fd < 0 || rmdir(path) < 0)
		return r;
	if (btrfs_subvolume_create(parent_fd, strrchr(path, '/') + 1) == 0)
		return 0;
	return mkdir(path, 0755) < 0 ? -errno : 0;
}

/* In a directory beside it, which takes its place when it is whole: one that is cut off is never taken for a container. */
int vz_make_area(struct vz *vz, const char *archive, const char *area, bool is_ploop)
{
	auto_free char *making = NULL;
	if (text_format(&making, "%s.tmp", area) < 0)
		return VZ_SYSTEM;
	(void)storage_remove_tree(making, NULL, NULL); /* of a call that was killed: the lock is ours */
	int r = make_directory(making);
	if (r < 0 || chmod(making, 0755) < 0)
		return vz_fail(vz, VZ_DIRECTORY, "Unable to create directory %s: %s", making, strerror(r < 0 ? -r : errno));
	vz_close(vz, making);
	int status = fill(vz, archive, making, is_ploop);
	if (status == VZ_OK && rename(making, area) < 0)
		status = vz_fail(vz, VZ_PRIVATE_FAILED, "Unable to rename %s to %s: %s", making, area, strerror(errno));
	if (status != VZ_OK)
		(void)storage_remove_tree(making, NULL, NULL); /* its error has been told */
	return status;
}

static int create(struct vz *vz, struct vz_request *request)
{
	const char *template = vz_ct_get(&vz->ct, "OSTEMPLATE") ?: vz_conf_get(&vz->ct.global, "DEF_OSTEMPLATE");
	const char *layout = request->layout ?: vz_ct_get(&vz->ct, "VE_LAYOUT") ?: "simfs";
	auto_free char *area = vz_ct_path(&vz->ct, "VE_PRIVATE"), *root = vz_ct_path(&vz->ct, "VE_ROOT"), *archive = NULL;
	bool is_ploop = text_starts(layout, "ploop"), has_conf = vz->ct.has_conf;
	struct stat info;
	int checked = vz_check_places(vz);
	if (checked != VZ_OK)
		return checked;
	if (!template || !*template)
		return vz_fail(vz, VZ_NO_TEMPLATE_NAME, "OS template is not specified");
	if (stat(area, &info) == 0)
		return vz_fail(vz, VZ_PRIVATE_EXISTS, "Private area already exists in %s", area);
	if (strchr(template, '/'))
		return vz_fail(vz, VZ_NO_TEMPLATE, "Bad parameter for --ostemplate: %s", template);
	int status = find_template(vz, template, &archive);
	if (status != VZ_OK)
		return status;
	vz_say(vz, "Creating container private area (%s)", template);
	status = vz_conf_set(&vz->ct.own, "OSTEMPLATE", template) < 0 ? VZ_SYSTEM : vz_make_area(vz, archive, area, is_ploop);
	if (status != VZ_OK)
		return vz_fail(vz, status, "Creation of container private area failed");
	vz_say(vz, "Performing postcreate actions");
	(void)vz_make_closed(root); /* a mount makes it, too */
	if (is_ploop)
		status = vz_conf_set(&vz->ct.own, "VE_LAYOUT", "ploop") < 0 ? VZ_SYSTEM : VZ_OK;
	status = status ?: request->name ? vz_set_name(vz, request->name) : status;
	status = status ?: save(vz, request);
	if (status != VZ_OK) {
		(void)storage_remove_tree(area, NULL, NULL);
		if (!has_conf)
			(void)unlink(vz->ct.conf_path);
		return status;
	}
	vz_say(vz, "CT configuration saved to %s", vz->ct.conf_path);
	vz_say(vz, "Container private area was created");
	return VZ_OK;
}

int vz_command_create(struct vz *vz)
{
	struct vz_request request;
	int status = vz_request_parse(vz, true, &request);
	status = status ?: load_sample(vz, &request);
	status = status ?: create(vz, &request);
	vz_request_clear(&request);
	return status;
}
