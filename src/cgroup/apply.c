/* The settings of the configuration. */
#include "base/cleanup.h"
#include "base/text.h"
#include "cgroup/internal.h"
#include "kernel/cgroupfs.h"
#include "spec/spec.h"

#include <string.h>

/* Reads files of one group for the translation. */
static int read_of_group(void *data, const char *file, char **ret)
{
	const struct cgroup_group *group = data;
	char path[PATH_MAX];
	return cgroupfs_read(group_path(group, group->limit_path, path), file, ret);
}

static int write_to_group(const struct cgroup_group *group, const char *file, const char *value)
{
	char path[PATH_MAX];
	return cgroupfs_write(group_path(group, group->limit_path, path), file, value);
}

/* v1 raises memory and swap together from the top, lowers them from the bottom: one refused is tried again. */
static int write_v1(const struct cgroup_group *group, const char *file, const char *value)
{
	int r = write_to_group(group, file, value);
	if (r == -EINVAL && strcmp(file, "memory.limit_in_bytes") == 0 &&
		write_to_group(group, "memory.memsw.limit_in_bytes", value) == 0)
		r = write_to_group(group, file, value);
	return r;
}

int cgroup_write_setting(const struct cgroup_set *set, bool is_v2, const char *file, const char *value)
{
	char controller[32];
	controller_of(file, controller, sizeof(controller));
	const struct cgroup_group *own = NULL, *v2 = set_v2(set);
	if (is_v2 && v2) {
		int r = write_to_group(v2, file, value);
		if (r != -ENOENT && r != -EACCES)
			return r;
	} else if (!is_v2) {
		own = set_find(set, controller);
		if (own && !own->is_v2)
			return write_v1(own, file, value);
	}
	/* the host has the controller on the other version */
	struct translation translation;
	const struct cgroup_group *group = v2;
	if (is_v2) {
		const char *name = translate_controller(file);
		group = name && *name ? set_find(set, name) : NULL;
		if (group && group->is_v2 && strcmp(name, "cpu") == 0)
			group = set_find(set, "cpuacct");
		if (!group || group->is_v2)
			return v2 ? -ENOENT : -EOPNOTSUPP;
	}
	if (!group)
		return -EOPNOTSUPP;
	struct translate_source now = { .read = read_of_group, .data = (void *)group };
	int r = is_v2 ? translate_to_v1(file, value, &now, &translation) : translate_to_v2(file, value, &now, &translation);
	for (size_t i = 0; r == 0 && i < translation.count; i++)
		r = write_to_group(group, translation.steps[i].file, translation.steps[i].value);
	return r;
}

/* A v1 setting of the same controller is there too: this one is for other hosts. */
static bool is_given_for_v1(const struct cgroup_set *set, const struct spec *spec, const char *file)
{
	const char *name = translate_controller(file);
	if (!name)
		return false;
	vector_for_each (other, &spec->cgroup.settings) {
		char controller[32];
		controller_of(other->file, controller, sizeof(controller));
		const struct cgroup_group *group = other->is_v2 ? NULL : set_find(set, controller);
		if (group && !group->is_v2 && strcmp(controller, *name ? name : "freezer") == 0)
			return true;
	}
	return false;
}

/* And the other way round: on a host with cgroup2 alone, a cgroup2 setting of the same controller counts. */
static bool is_given_for_v2(const struct cgroup_set *set, const struct spec *spec, const char *file)
{
	char controller[32];
	controller_of(file, controller, sizeof(controller));
	const struct cgroup_group *group = set_find(set, controller);
	const char *name = translate_controller(file);
	if (!name || (group && !group->is_v2))
		return false;
	vector_for_each (other, &spec->cgroup.settings) {
		char other_controller[32];
		controller_of(other->file, other_controller, sizeof(other_controller));
		if (other->is_v2 && strcmp(other_controller, *name ? name : "cgroup") == 0)
			return true;
	}
	return false;
}

static int setting_fault(const struct spec *spec, const struct spec_cgroup_setting *setting, int r, struct error *err)
{
	r = spec_error(err, r, spec, &setting->origin, "set cgroup file %s to %.100s", setting->file, setting->value);
	if (r == -EOPNOTSUPP || r == -ENOENT) {
		if (err)
			err->kind = ERROR_UNSUPPORTED;
		error_hint(err, "this host's cgroups have no equal, remove the line");
	}
	return r;
}

int cgroup_set_apply(struct cgroup_set *set, const struct spec *spec, struct error *err)
{
	vector_for_each (setting, &spec->cgroup.settings) {
		if (device_file_kind(setting->file) >= 0)
			continue;
		if (setting->is_v2 ? is_given_for_v1(set, spec, setting->file) : is_given_for_v2(set, spec, setting->file))
			continue;
		if (strcmp(setting->file, "freezer.state") == 0 || strcmp(setting->file, "cgroup.freeze") == 0)
			continue; /* a container that is born frozen could never be made */
		int r = cgroup_write_setting(set, setting->is_v2, setting->file, setting->value);
		if (r < 0)
			return setting_fault(spec, setting, r, err);
	}
	return 0;
}

int cgroup_set_apply_devices(struct cgroup_set *set, const struct spec *spec, struct error *err)
{
	const struct cgroup_group *v1 = set->groups.count ? set_find(set, "devices") : NULL;
	if (v1 && !v1->is_v2) {
		bool is_v1_given = false;
		vector_for_each (setting, &spec->cgroup.settings)
			is_v1_given |= !setting->is_v2 && device_file_kind(setting->file) >= 0;
		vector_for_each (setting, &spec->cgroup.settings) {
			if (device_file_kind(setting->file) < 0 || (setting->is_v2 && is_v1_given))
				continue;
			int r = write_to_group(v1, setting->file, setting->value);
			if (r < 0)
				return setting_fault(spec, setting, r, err);
		}
		return 0;
	}
	if (!set->devices.is_set)
		return 0;
	int r = devices_attach(set, &set->devices);
	/* in a container without the right to load programs the outer container's rules hold anyway */
	if (r == -EPERM && spec->idmaps.count > 0)
		return 0;
	return r < 0 ? error_set(err, r, "restrict the devices of the container") : 0;
}
