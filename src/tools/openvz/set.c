/* set: applies to the running container, and saves. */
#include "tools/openvz/live.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <string.h>
#include <sys/stat.h>

/* ---- --applyconfig ---- */

static int apply_sample(struct vz *vz, struct vz_request *request)
{
	static const char *const kept[] = { "HOSTNAME", "IP_ADDRESS", "OSTEMPLATE", "VE_ROOT", "VE_PRIVATE", "NAME", "LOCAL_UID", "LOCAL_GID" };
	struct vz_conf sample = { 0 };
	auto_free char *path = NULL;
	int status = VZ_OK;
	if (!request->config)
		return VZ_OK;
	if (text_format(&path, "%s/ve-%s.conf-sample", vz->ct.conf_dir, request->config) < 0)
		return VZ_SYSTEM;
	struct error err = { 0 };
	if (vz_conf_load(&sample, path, &err) < 0) {
		vz_conf_clear(&sample);
		return vz_fail_error(vz, VZ_APPLYCONFIG, &err);
	}
	for (size_t i = 0; status == VZ_OK && i < sample.count; i++) {
		bool is_kept = !sample.items[i].key;
		for (size_t k = 0; !is_kept && k < sizeof(kept) / sizeof(*kept); k++)
			is_kept = strcmp(kept[k], sample.items[i].key) == 0;
		if (!is_kept && !string_list_has(&request->keys, sample.items[i].key))
			status = vz_request_put(vz, request, sample.items[i].key, sample.items[i].value);
	}
	if (status == VZ_OK)
		status = vz_request_put(vz, request, "ORIGIN_SAMPLE", request->config);
	vz_conf_clear(&sample);
	return status;
}

/* ---- saving ---- */

static int save(struct vz *vz, const struct vz_request *request)
{
	struct error err = { 0 };
	bool is_changed = request->name != NULL || !vz->ct.has_conf;
	for (size_t i = 0; i < request->keys.count; i++) {
		const char *key = request->keys.items[i], *value = vz_conf_get(&vz->ct.given, key);
		if (text_equal(vz_conf_get(&vz->ct.own, key), value))
			continue;
		is_changed = true;
		if (vz_conf_set(&vz->ct.own, key, value) < 0)
			return vz_fail(vz, VZ_NOT_SAVED, "Unable to save %s", key);
	}
	if (!is_changed) {
		vz_say(vz, "No changes in CT configuration, not saving");
		return VZ_OK;
	}
	if (mkdir_parents(vz->ct.conf_dir, 0755) < 0 || vz_conf_write(&vz->ct.own, vz->ct.conf_path, &err) < 0)
		return vz_fail_error(vz, VZ_NOT_SAVED, &err);
	vz_say(vz, "CT configuration saved to %s", vz->ct.conf_path);
	return VZ_OK;
}

/* Keys that are kept and do nothing here: one line for all of them. */
static void tell_no_effect(const struct vz *vz, const struct vz_request *request)
{
	char text[512] = "";
	for (size_t i = 0; i < request->keys.count; i++) {
		const struct vz_param *param = vz_param_find(request->keys.items[i]);
		if (param && param->flags & VZ_COUNTED)
			(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? ", " : "", param->key);
	}
	if (*text)
		vz_say(vz, "No effect on this kernel, kept: %s", text);
}

static void warn_unsaved(const struct vz *vz, const struct vz_request *request, bool runs)
{
	if (request->keys.count == 0 || request->save)
		return;
	(void)vz_fail(vz, 0, runs ? "WARNING: Settings were not saved to config and will be lost after CT restart (use --save flag)" :
				    "WARNING: Settings were not saved to config (use --save flag)");
}

/* What means nothing without --save is refused without it. */
static int check_saved(const struct vz *vz, const struct vz_request *request)
{
	if (request->save)
		return VZ_OK;
	if (request->name)
		return vz_fail(vz, VZ_SYNTAX, "Error: option --name can not be used without --save");
	if (string_list_has(&request->keys, "DISKSPACE") && vz_ct_is_ploop(&vz->ct, NULL))
		return vz_fail(vz, VZ_SYNTAX, "Error: can't use --diskspace without --save for a ploop-based container");
	return VZ_OK;
}

static int check_paths(const struct vz *vz, const struct vz_request *request, bool runs)
{
	if (runs && (string_list_has(&request->keys, "VE_ROOT") || string_list_has(&request->keys, "VE_PRIVATE")))
		return vz_fail(vz, VZ_RUNNING, "Unable to change VE_ROOT or VE_PRIVATE of a running container");
	return VZ_OK;
}

/* ---- a stopped container ---- */

/* Only passwords and sizes are applied to it. */
static int apply_stopped(struct vz *vz, const struct vz_request *request)
{
	int status = VZ_OK;
	if ((string_list_has(&request->keys, "DISKSPACE") || string_list_has(&request->keys, "DISKINODES")) && vz->ct.has_conf)
		status = vz_apply_disk(vz);
	if (status != VZ_OK || request->passwords.count == 0)
		return status;
	status = vz_start_bare(vz);
	if (status != VZ_OK)
		return status;
	for (size_t i = 0; status == VZ_OK && i < request->passwords.count; i++)
		status = vz_set_password(vz, request->passwords.items[i]);
	vz_stop_bare(vz);
	return status;
}

static int apply(struct vz *vz, struct vz_request *request, bool runs)
{
	bool is_late = false;
	int status = runs ? vz_apply_live(vz, request, &is_late) : apply_stopped(vz, request);
	if (status != VZ_OK && request->save && !request->force)
		return vz_fail(vz, status, "Error: failed to apply some parameters, not saving configuration file!");
	if (status != VZ_OK && !request->save)
		return status;
	if (request->name) {
		int named = vz_set_name(vz, request->name);
		if (named != VZ_OK)
			return named;
	}
	int saved = request->save ? save(vz, request) : VZ_OK;
	if (saved != VZ_OK)
		return saved;
	warn_unsaved(vz, request, runs);
	if (!is_late || text_equal(request->mode, "ignore"))
		return status;
	if (text_equal(request->mode, "restart") && request->save) {
		vz_say(vz, "Restarting container");
		status = vz_stop(vz, false, false);
		return status ?: vz_start(vz, false, false);
	}
	(void)vz_fail(vz, 0, "WARNING: Some of the parameters could not be applied to a running container.\n"
			     "\tPlease consider using --setmode option");
	return status;
}

/* Container 0 is the host, which no group of ours limits: its units and counters are kept, as scripts set them at boot. */
static int set_host(struct vz *vz, const struct vz_request *request)
{
	for (size_t i = 0; i < request->keys.count; i++) {
		const struct vz_param *param = vz_param_find(request->keys.items[i]);
		bool is_counter = param && param->kind >= VZ_UBC_ITEMS && param->kind <= VZ_UBC_PAGES;
		if (strcmp(request->keys.items[i], "CPUUNITS") != 0 && !is_counter)
			return vz_fail(vz, VZ_SYNTAX, "Only --cpuunits and limits of resources can be set for CT0");
	}
	vz_say(vz, "Limits of the host itself have no effect on this kernel");
	if (request->save)
		return save(vz, request);
	warn_unsaved(vz, request, false);
	return VZ_OK;
}

int vz_command_set(struct vz *vz)
{
	struct vz_request request;
	int status = vz_request_parse(vz, false, &request);
	bool runs = vz->ct.id && vz_is_running(vz);
	if (status == VZ_OK && !request.keys.count && !request.name && !request.reset_ub && !request.config && !request.passwords.count)
		status = vz_fail(vz, VZ_SYNTAX, "No options to set given");
	if (status == VZ_OK && vz->ct.id == 0) {
		status = set_host(vz, &request);
		vz_request_clear(&request);
		return status;
	}
	if (status == VZ_OK && !vz->ct.has_conf && !request.save)
		status = vz_fail(vz, VZ_NO_CONFIG, "Container config file does not exist");
	status = status ?: apply_sample(vz, &request);
	status = status ?: check_saved(vz, &request);
	status = status ?: check_paths(vz, &request, runs);
	if (status == VZ_OK)
		tell_no_effect(vz, &request);
	status = status ?: apply(vz, &request, runs);
	vz_request_clear(&request);
	return status;
}
