/* destroy: the private area, the mount point, the name; the configuration stays as CTID.conf.destroyed. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/limit.h"
#include "storage/storage.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const scripts[] = { "mount", "umount", "start", "stop", "premount", "postumount" };

static void move_aside(const struct vz *vz, const char *word)
{
	auto_free char *from = NULL, *to = NULL;
	if (text_format(&from, "%s/%s.%s", vz->ct.conf_dir, vz->ct.name, word) == 0 && text_format(&to, "%s.destroyed", from) == 0)
		(void)rename(from, to); /* most have none */
}

int vz_command_destroy(struct vz *vz)
{
	auto_free char *area = vz_ct_path(&vz->ct, "VE_PRIVATE"), *root = vz_ct_path(&vz->ct, "VE_ROOT");
	auto_free char *dumps = vz_ct_path(&vz->ct, "DUMPDIR"), *dump = NULL, *gone = NULL, *link = NULL;
	const char *name = vz_conf_get(&vz->ct.own, "NAME");
	struct error err = { 0 };
	struct stat info;
	if (!area || !root)
		return VZ_SYSTEM;
	if (vz_is_running(vz))
		return vz_fail(vz, VZ_RUNNING, "Container is currently running. Stop it first.");
	if (vz_is_mounted(vz))
		return vz_fail(vz, VZ_MOUNTED, "Container is currently mounted (umount first)");
	if (stat(area, &info) == 0) {
		vz_say(vz, "Destroying container private area: %s", area);
		/* under another name first: what is left of a call that was killed is no container */
		if (text_format(&gone, "%s.destroyed", area) < 0 || storage_remove_tree(gone, NULL, &err) == -ENOMEM)
			return VZ_SYSTEM;
		(void)storage_limit_clear("dir", area, NULL); /* there may be none */
		if (rename(area, gone) < 0)
			return vz_fail(vz, VZ_DELETE_FAILED, "Unable to remove %s: %s", area, strerror(errno));
		if (storage_remove_tree(gone, NULL, &err) < 0)
			return vz_fail_error(vz, VZ_DELETE_FAILED, &err);
	}
	(void)rmdir(root); /* not ours when it is not empty */
	if (dumps && text_format(&dump, "%s/Dump.%s", dumps, vz->ct.name) == 0)
		(void)unlink(dump);
	if (name && vz_find(name) == vz->ct.id && text_format(&link, "%s/names/%s", vz_config_directory(), name) == 0)
		(void)unlink(link);
	move_aside(vz, "conf");
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++)
		move_aside(vz, scripts[i]);
	vz_say(vz, "Container private area was destroyed");
	return VZ_OK;
}
