/* Groups of NAME = VALUE: lxc.cgroup.*, lxc.cgroup2.*, lxc.sysctl.*, lxc.proc.*. */
#include "base/text.h"
#include "dialect/lxc/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- cgroup ---- */

static void cgroup_clear(struct spec *spec, bool is_v2, const char *file)
{
	for (size_t i = spec->cgroup.settings.count; i-- > 0;) {
		struct spec_cgroup_setting *setting = &spec->cgroup.settings.items[i];
		if (setting->is_v2 != is_v2 || (*file && strcmp(setting->file, file) != 0))
			continue;
		free(setting->file);
		free(setting->value);
		vector_remove(&spec->cgroup.settings, i);
	}
}

int cgroup_set(struct key_call *call)
{
	if (!*call->suffix)
		return key_fault(call, "no cgroup file is named", "write lxc.cgroup2.memory.max or the like");
	if (strchr(call->suffix, '/') || text_starts(call->suffix, "."))
		return key_fault(call, "is not the name of a cgroup file", NULL);
	struct spec_cgroup_setting *setting = vector_add(&call->spec->cgroup.settings);
	if (!setting)
		return -ENOMEM;
	setting->is_v2 = strcmp(call->key->name, "lxc.cgroup2") == 0;
	setting->file = strdup(call->suffix);
	setting->value = strdup(call->value);
	setting->origin = call->origin;
	return setting->file && setting->value ? 0 : -ENOMEM;
}

/* A group stays below the place that the hierarchy or the caller's own group gives it. */
int cgroup_dir_set(struct key_call *call)
{
	struct string_list parts = { 0 };
	bool is_name = text_ends(call->key->name, ".inner");
	if (*call->value == '/')
		return key_fault(call, "the path of a cgroup is relative", "leave the first / out");
	int r = text_split(call->value, "/", &parts);
	bool has_up = string_list_has(&parts, "..");
	size_t count = parts.count;
	string_list_clear(&parts);
	if (r < 0)
		return r;
	if (has_up)
		return key_fault(call, "the path of a cgroup can not hold ..", NULL);
	if (is_name && count != 1)
		return key_fault(call, "this is one name, not a path", NULL);
	return text_replace((char **)((char *)call->spec + call->key->offset), call->value);
}

static int cgroup_print(const struct spec *spec, bool is_v2, const char *file, FILE *out)
{
	vector_for_each (setting, &spec->cgroup.settings) {
		if (setting->is_v2 != is_v2)
			continue;
		if (!*file)
			fprintf(out, "lxc.%s.%s = %s\n", is_v2 ? "cgroup2" : "cgroup", setting->file, setting->value);
		else if (strcmp(setting->file, file) == 0)
			fprintf(out, "%s\n", setting->value);
	}
	return 0;
}

int cgroup_get_v1(const struct spec *spec, const char *suffix, FILE *out)
{
	return cgroup_print(spec, false, suffix, out);
}

int cgroup_get_v2(const struct spec *spec, const char *suffix, FILE *out)
{
	return cgroup_print(spec, true, suffix, out);
}

void cgroup_clear_v1(struct spec *spec, const char *suffix)
{
	cgroup_clear(spec, false, suffix);
}

void cgroup_clear_v2(struct spec *spec, const char *suffix)
{
	cgroup_clear(spec, true, suffix);
}

/* ---- lists of struct spec_setting ---- */

typedef VECTOR(struct spec_setting) setting_list;

static void settings_clear(void *list, const char *name)
{
	setting_list *settings = list;
	for (size_t i = settings->count; i-- > 0;) {
		struct spec_setting *setting = &settings->items[i];
		if (*name && strcmp(setting->name, name) != 0)
			continue;
		free(setting->name);
		free(setting->value);
		vector_remove(settings, i);
	}
}

static int settings_add(struct key_call *call, void *list)
{
	setting_list *settings = list;
	if (!*call->suffix)
		return key_fault(call, "no file is named behind the key", NULL);
	struct spec_setting *setting = vector_add(settings);
	if (!setting)
		return -ENOMEM;
	setting->name = strdup(call->suffix);
	setting->value = strdup(call->value);
	setting->origin = call->origin;
	return setting->name && setting->value ? 0 : -ENOMEM;
}

static int settings_print(const void *list, const char *group, const char *name, FILE *out)
{
	const setting_list *settings = list;
	size_t printed = 0;
	vector_for_each (setting, settings) {
		if (!*name)
			fprintf(out, "%s.%s = %s\n", group, setting->name, setting->value);
		else if (strcmp(setting->name, name) == 0)
			fprintf(out, "%s%s", printed++ ? "\n" : "", setting->value);
	}
	return 0;
}

int sysctl_set(struct key_call *call)
{
	settings_clear(&call->spec->security.sysctls, *call->suffix ? call->suffix : " ");
	return settings_add(call, &call->spec->security.sysctls);
}

int sysctl_get(const struct spec *spec, const char *suffix, FILE *out)
{
	return settings_print(&spec->security.sysctls, "lxc.sysctl", suffix, out);
}

void sysctl_clear(struct spec *spec, const char *suffix)
{
	settings_clear(&spec->security.sysctls, suffix);
}

int proc_set(struct key_call *call)
{
	if (strstr(call->suffix, "..") || strchr(call->suffix, '/'))
		return key_fault(call, "the file below /proc/PID is not named plainly", NULL);
	return settings_add(call, &call->spec->process.proc_files);
}

int proc_get(const struct spec *spec, const char *suffix, FILE *out)
{
	return settings_print(&spec->process.proc_files, "lxc.proc", suffix, out);
}

void proc_clear(struct spec *spec, const char *suffix)
{
	settings_clear(&spec->process.proc_files, suffix);
}
