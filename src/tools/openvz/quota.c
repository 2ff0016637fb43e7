/* quotaon, quotaoff, quotainit; register, unregister. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "storage/limit.h"

#include <string.h>
#include <sys/stat.h>

static int is_obsolete(const struct vz *vz)
{
	if (!vz_ct_is_ploop(&vz->ct, NULL))
		return 0;
	vz_say(vz, "The size of the image is the limit of a ploop-based container: nothing to do");
	return 1;
}

int vz_command_quotaon(struct vz *vz)
{
	if (is_obsolete(vz))
		return VZ_OK;
	if (!vz_ct_get(&vz->ct, "DISKSPACE"))
		return vz_fail(vz, VZ_NO_DISKSPACE, "DISKSPACE is not set");
	if (!vz_ct_get(&vz->ct, "DISKINODES"))
		return vz_fail(vz, VZ_NO_DISKINODES, "DISKINODES is not set");
	return vz_apply_disk(vz) == VZ_OK ? VZ_OK : VZ_QUOTA_ON;
}

int vz_command_quotaoff(struct vz *vz)
{
	auto_free char *area = vz_ct_path(&vz->ct, "VE_PRIVATE");
	struct error err = { 0 };
	if (is_obsolete(vz))
		return VZ_OK;
	if (vz_is_running(vz))
		return vz_fail(vz, VZ_RUNNING, "Container is running -- stop it first");
	if (!area || storage_limit_set("dir", area, -1, 0, 0, &err) < 0)
		return vz_fail_error(vz, VZ_QUOTA_OFF, &err);
	return VZ_OK;
}

int vz_command_quotainit(struct vz *vz)
{
	int status = is_obsolete(vz) ? VZ_OK : vz_command_quotaon(vz);
	return status == VZ_QUOTA_ON ? VZ_QUOTA_INIT : status;
}

/* register PATH CTID: the private area that is there becomes known; its own configuration (PATH/ve.conf) is taken. */
int vz_command_register(struct vz *vz)
{
	auto_free char *inside = NULL;
	struct error err = { 0 };
	struct stat info;
	bool forces = vz->argc > 1 && strcmp(vz->argv[1], "--force") == 0;
	const char *path = vz->argc > 0 ? vz->argv[0] : NULL;
	if (!path || *path != '/' || (vz->argc > 1 && !forces))
		return vz_fail(vz, VZ_SYNTAX, "Usage: vzctl register PATH CTID [--force]");
	if (stat(path, &info) < 0 || !S_ISDIR(info.st_mode))
		return vz_fail(vz, VZ_NO_PRIVATE, "Container private area %s does not exist", path);
	if (vz->ct.has_conf && !forces)
		return vz_fail(vz, VZ_PRIVATE_EXISTS, "Container %s is already registered", vz->ct.name);
	if (text_format(&inside, "%s/ve.conf", path) < 0)
		return VZ_SYSTEM;
	vz_conf_clear(&vz->ct.own);
	if (access(inside, R_OK) == 0 && vz_conf_load(&vz->ct.own, inside, &err) < 0)
		return vz_fail_error(vz, VZ_BAD_CONFIG, &err);
	const char *name = vz_conf_get(&vz->ct.own, "NAME");
	int r = vz_conf_set(&vz->ct.own, "VE_PRIVATE", path);
	r = r ?: mkdir_parents(vz->ct.conf_dir, 0755);
	if (r < 0 || vz_conf_write(&vz->ct.own, vz->ct.conf_path, &err) < 0)
		return vz_fail(vz, VZ_NOT_SAVED, "Unable to save %s", vz->ct.conf_path);
	int status = name ? vz_set_name(vz, name) : VZ_OK;
	if (status == VZ_OK)
		vz_say(vz, "Container %s was successfully registered", vz->ct.name);
	return status;
}

/* Its configuration goes into its private area, from where register takes it. */
int vz_command_unregister(struct vz *vz)
{
	auto_free char *area = vz_ct_path(&vz->ct, "VE_PRIVATE"), *inside = NULL, *link = NULL;
	const char *name = vz_conf_get(&vz->ct.own, "NAME");
	struct error err = { 0 };
	if (vz_is_running(vz) || vz_is_mounted(vz))
		return vz_fail(vz, VZ_RUNNING, "Container is running or mounted. Stop it first.");
	if (!area || text_format(&inside, "%s/ve.conf", area) < 0)
		return VZ_SYSTEM;
	if (vz_conf_write(&vz->ct.own, inside, &err) < 0)
		return vz_fail_error(vz, VZ_NOT_SAVED, &err);
	if (name && vz_find(name) == vz->ct.id && text_format(&link, "%s/names/%s", vz_config_directory(), name) == 0)
		(void)unlink(link);
	if (unlink(vz->ct.conf_path) < 0)
		return vz_fail(vz, VZ_NOT_SAVED, "Unable to remove %s: %s", vz->ct.conf_path, strerror(errno));
	vz_say(vz, "Container %s was successfully unregistered", vz->ct.name);
	return VZ_OK;
}
