/* What a container is right now. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/mountinfo.h"

#include <string.h>
#include <sys/stat.h>

struct container_id vz_id(const struct vz *vz)
{
	return (struct container_id){ .dialect = VZ_DIALECT, .base_path = vz->ct.conf_dir, .name = vz->ct.name };
}

bool vz_is_running(const struct vz *vz)
{
	struct container_id id = vz_id(vz);
	struct status status = { .state = STATE_STOPPED };
	return engine_status(&id, &status, NULL) == 0 && status.state != STATE_STOPPED;
}

bool vz_is_mounted_at(const char *root)
{
	auto_free char *text = NULL;
	struct mountinfo mount;
	size_t length;
	if (file_read(-1, "/proc/self/mountinfo", 64 << 20, &text, &length) < 0)
		return false;
	char *at = text;
	for (int r; (r = mountinfo_next(&at, &mount)) != 0;)
		if (r > 0 && strcmp(mount.target, root) == 0)
			return true;
	return false;
}

bool vz_is_mounted(const struct vz *vz)
{
	auto_free char *root = vz_ct_path(&vz->ct, "VE_ROOT");
	return root && vz_is_mounted_at(root);
}

int vz_command_status(struct vz *vz)
{
	struct stat info;
	auto_free char *area = vz_ct_path(&vz->ct, "VE_PRIVATE"), *dumps = vz_ct_path(&vz->ct, "DUMPDIR");
	char dump[600];
	bool exists = vz->ct.has_conf && area && stat(area, &info) == 0, runs = vz_is_running(vz);
	(void)snprintf(dump, sizeof(dump), "%s/Dump.%s", dumps ?: "", vz->ct.name);
	printf("CTID %s %s %s %s%s\n", vz->ct.name, exists ? "exist" : "deleted",
		runs || vz_is_mounted(vz) ? "mounted" : "unmounted", runs ? "running" : "down",
		!runs && stat(dump, &info) == 0 ? " suspended" : "");
	return VZ_OK;
}
