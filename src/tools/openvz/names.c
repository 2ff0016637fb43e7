/* Containers by name: links names/NAME -> ../conf/CTID.conf. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <string.h>
#include <sys/stat.h>

static int name_path(const char *name, char **ret)
{
	return text_format(ret, "%s/names/%s", vz_config_directory(), name);
}

/* The id that the link leads to, if the container says the same of itself. */
static uint32_t resolve(const char *name)
{
	auto_free char *path = NULL;
	char target[512];
	struct vz_ct ct;
	if (!vz_is_name(name) || name_path(name, &path) < 0)
		return 0;
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	if (length <= 0)
		return 0;
	target[length] = '\0';
	char *last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (!text_ends(last, ".conf"))
		return 0;
	last[strlen(last) - strlen(".conf")] = '\0';
	uint32_t id = vz_parse_id(last);
	if (id == 0 || vz_ct_open_with(&ct, id, NULL, NULL) < 0)
		return 0;
	bool is_same = text_equal(vz_conf_get(&ct.own, "NAME"), name);
	vz_ct_clear_own(&ct);
	return is_same ? id : 0;
}

uint32_t vz_find(const char *text)
{
	return vz_parse_id(text) ?: resolve(text);
}

int vz_set_name(struct vz *vz, const char *name)
{
	const char *old = vz_conf_get(&vz->ct.own, "NAME");
	auto_free char *path = NULL, *old_path = NULL, *target = NULL, *directory = NULL, *temporary = NULL;
	if (*name && !vz_is_name(name))
		return vz_fail(vz, VZ_BAD_VALUE, "Bad parameter for --name: %s", name);
	uint32_t other = *name ? resolve(name) : 0;
	if (other && other != vz->ct.id)
		return vz_fail(vz, VZ_NAME, "Conflict: name %s already used by container %u", name, other);
	if (text_format(&directory, "%s/names", vz_config_directory()) < 0 || name_path(name, &path) < 0 ||
		text_format(&target, "../conf/%s.conf", vz->ct.name) < 0 || text_format(&temporary, "%s/.new-%s", directory, vz->ct.name) < 0)
		return VZ_SYSTEM;
	if (old && strcmp(old, name) != 0 && resolve(old) == vz->ct.id && name_path(old, &old_path) == 0)
		(void)unlink(old_path); /* its link leads nowhere by then */
	if (*name) {
		(void)mkdir_parents(directory, 0755);
		(void)unlink(temporary);
		if (symlink(target, temporary) < 0 || rename(temporary, path) < 0)
			return vz_fail(vz, VZ_NAME, "Unable to assign name %s: %s", name, strerror(errno));
	}
	if (vz_conf_set(&vz->ct.own, "NAME", *name ? name : NULL) < 0)
		return VZ_SYSTEM;
	if (*name)
		vz_say(vz, "Name %s assigned", name);
	return VZ_OK;
}
