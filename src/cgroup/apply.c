/* The settings of the configuration. */
#include "base/cleanup.h"
#include "base/text.h"
#include "cgroup/internal.h"
#include "kernel/cgroupfs.h"
#include "spec/spec.h"

#include <fcntl.h>
#include <string.h>

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
	if (r == -ENOENT && text_starts(file, "blkio.weight")) { /* only BFQ has weights since 5.0 */
		char name[64];
		(void)snprintf(name, sizeof(name), "blkio.bfq.%s", file + strlen("blkio."));
		r = write_to_group(group, name, value);
	}
	return r;
}

/* io.weight is of iocost; a kernel with BFQ alone has io.bfq.weight, in the units of v1. */
static int write_v2_step(const struct cgroup_group *group, const struct setting_step *step, const char *value_v1)
{
	int r = write_to_group(group, step->file, step->value);
	if (r == -ENOENT && strcmp(step->file, "io.weight") == 0)
		r = write_to_group(group, "io.bfq.weight", value_v1);
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
	struct translate_source now = { .read = group_read, .data = (void *)group };
	int r = is_v2 ? translate_to_v1(file, value, &now, &translation) : translate_to_v2(file, value, &now, &translation);
	for (size_t i = 0; r == 0 && i < translation.count; i++)
		r = is_v2 ? write_v1(group, translation.steps[i].file, translation.steps[i].value) :
			    write_v2_step(group, &translation.steps[i], value);
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

static int setting_fault(const struct cgroup_set *set, const struct spec *spec, const struct spec_cgroup_setting *setting,
	int r, struct error *err)
{
	r = spec_error(err, r, spec, &setting->origin, "set cgroup file %s to %.100s", setting->file, setting->value);
	if (geteuid() != 0 && (r == -EOPNOTSUPP || r == -ENOENT || r == -EACCES || r == -EPERM)) {
		if (err)
			err->kind = ERROR_UNSUPPORTED;
		error_hint(err, set->groups.count == 0 ? "this user may make no cgroup here: lxc-unpriv-start asks systemd for one" :
				"the cgroup that this user was given has not this controller: see Delegate= of user@.service");
	} else if (r == -EOPNOTSUPP || r == -ENOENT) {
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
		if (r == -EOPNOTSUPP && setting->is_v2 && !set_v2(set) && !set->is_left_out)
			continue; /* written for hosts with cgroup2 */
		if (r < 0 && setting->optional)
			continue;
		if (r < 0)
			return setting_fault(set, spec, setting, r, err);
	}
	return 0;
}

/* v1 takes one rule per write; each file is opened once, a common list has twenty rules. */
static int write_device_rules(const struct cgroup_set *set, const struct cgroup_group *group, const struct spec *spec,
	struct error *err)
{
	static const char *const files[] = { "devices.deny", "devices.allow" };
	auto_close int deny_fd = -1;
	auto_close int allow_fd = -1;
	int *const fds[] = { &deny_fd, &allow_fd };
	bool is_v1_given = false;
	vector_for_each (setting, &spec->cgroup.settings)
		is_v1_given |= !setting->is_v2 && device_file_kind(setting->file) >= 0;
	vector_for_each (setting, &spec->cgroup.settings) {
		char path[PATH_MAX], name[PATH_MAX + 16];
		int kind = device_file_kind(setting->file);
		if (kind < 0 || (setting->is_v2 && is_v1_given))
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", group_path(group, group->limit_path, path), files[kind]);
		if (*fds[kind] < 0)
			*fds[kind] = open(name, O_WRONLY | O_CLOEXEC);
		if (*fds[kind] < 0 || write(*fds[kind], setting->value, strlen(setting->value)) < 0)
			return setting_fault(set, spec, setting, -errno, err);
	}
	return 0;
}

static const struct cgroup_group *find_v1_devices(const struct cgroup_set *set)
{
	const struct cgroup_group *group = set->groups.count ? set_find(set, "devices") : NULL;

	return group && !group->is_v2 ? group : NULL;
}

bool cgroup_set_has_device_filter(const struct cgroup_set *set)
{
	return !find_v1_devices(set) && set->devices.is_set;
}

int cgroup_set_apply_devices(struct cgroup_set *set, const struct spec *spec, int made_fd, struct error *err)
{
	const struct cgroup_group *v1 = find_v1_devices(set);
	if (v1)
		return geteuid() == 0 ? write_device_rules(set, v1, spec, err) : 0; /* a user namespace makes no device anyway */
	if (!set->devices.is_set)
		return 0;
	int r = made_fd >= 0 && !set->may_exist ? device_filter_attach_first(made_fd, &set->devices) :
						  devices_attach(set, &set->devices);
	/* in a container without the right to load programs the outer container's rules hold anyway */
	if (r == -EPERM && spec->idmaps.count > 0)
		return 0;
	return r < 0 ? error_set(err, r, "restrict the devices of the container") : 0;
}
