/* Starting. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/path_in_root.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* NULL: it has none. */
static const char *find_init(const char *root)
{
	static const char *const places[] = { "/sbin/init", "/etc/init", "/bin/init" };
	auto_close int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; root_fd >= 0 && i < sizeof(places) / sizeof(*places); i++) {
		auto_close int fd = path_open_in_root(root_fd, places[i], O_PATH, 0);
		if (fd >= 0)
			return places[i];
	}
	return NULL;
}

static void tell_settings(const struct vz *vz)
{
	static const struct {
		const char *key, *text;
	} lines[] = {
		{ "IP_ADDRESS", "Adding IP address(es): %s" }, { "CPUUNITS", "Setting CPU units: %s" },
		{ "CPULIMIT", "Setting CPU limit: %s" }, { "CPUS", "Setting CPUs: %s" }, { "CPUMASK", "Setting CPU mask: %s" },
		{ "IOLIMIT", "Setting iolimit: %s bytes/sec" }, { "IOPSLIMIT", "Setting iopslimit: %s iops" },
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char text[512];
		const char *value = vz_ct_get(&vz->ct, lines[i].key), *at = strstr(lines[i].text, "%s");
		if (!value || !*value || strcmp(value, "0") == 0)
			continue;
		(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - lines[i].text), lines[i].text, value, at + 2);
		vz_say(vz, "%s", text);
	}
	if (vz_ct_get(&vz->ct, "DEVICES") || vz_ct_get(&vz->ct, "DEVNODES"))
		vz_say(vz, "Setting devices");
	for (const struct vz_param *param = vz_params; param->key; param++)
		if (param->flags & VZ_COUNTED && vz_ct_get(&vz->ct, param->key))
			vz_detail(vz, "%s has no effect on this kernel", param->key);
}

/* What the system inside reads from its files. */
static void write_settings(const struct vz *vz, const char *root)
{
	struct error err = { 0 };
	auto_free char *servers = vz_inherit(vz_ct_get(&vz->ct, "NAMESERVER"), "nameserver");
	auto_free char *search = vz_inherit(vz_ct_get(&vz->ct, "SEARCHDOMAIN"), "search");
	struct vz_inside inside = { vz_ct_get(&vz->ct, "HOSTNAME"), servers, search };
	if ((inside.hostname || servers || search) && vz_write_inside(vz, &inside, root, &err) < 0)
		(void)vz_fail_error(vz, 0, &err); /* it starts all the same */
}

static int fault_status(const struct error *err)
{
	return err->errnum == EADDRINUSE ? VZ_IP_IN_USE : err->errnum == ENOSPC ? VZ_NO_SPACE : VZ_ENVIRONMENT;
}

static int start_engine(struct vz *vz, const char *init)
{
	struct error err = { 0 };
	struct start_options options = { 0 };
	struct start_result result = { 0 };
	auto_spec struct spec *spec = NULL;
	int status = vz_make_spec(vz, &spec);
	if (status == VZ_OK && text_replace(&spec->process.argv.items[0], init) < 0)
		status = VZ_SYSTEM;
	if (status != VZ_OK)
		return status;
	tell_settings(vz);
	if (engine_start(spec, &options, &result, &err) < 0) {
		status = fault_status(&err);
		(void)vz_fail_error(vz, status, &err);
		return vz_fail(vz, status, "Container start failed (try to check kernel messages, e.g. \"dmesg | tail\")");
	}
	if (*result.warning.what)
		(void)vz_fail_error(vz, 0, &result.warning);
	return VZ_OK;
}

/* Until the system inside says that it has started: systemd does, of others their runlevel tells. */
static int wait_inside(struct vz *vz)
{
	static const char line[] =
		"if [ -d /run/systemd/system ]; then s=$(systemctl is-system-running --wait 2>/dev/null); "
		"[ \"$s\" = running ] || [ \"$s\" = degraded ]; "
		"elif command -v runlevel >/dev/null; then i=0; until [ \"$(runlevel 2>/dev/null)\" != unknown ] || [ $i -ge 60 ]; "
		"do sleep 1; i=$((i + 1)); done; [ $i -lt 60 ]; fi";
	struct vz_program program = { .shell_line = line, .stdin_fd = -1, .home = "/root" };
	struct error err = { 0 };
	int status = 0;
	if (vz_run(vz, &program, &status, &err) == 0 && status == 0) {
		vz_say(vz, "Container started successfully");
		return VZ_OK;
	}
	return vz_fail(vz, VZ_WAIT_FAILED, "Container wait failed%s", status ? " - timeout expired" : "");
}

static int start_mounted(struct vz *vz, const char *root, bool waits)
{
	const char *init = find_init(root);
	if (!init)
		return vz_fail(vz, VZ_BAD_TEMPLATE, "Unable to start init, probably incorrect template");
	write_settings(vz, root);
	int status = start_engine(vz, init);
	if (status != VZ_OK)
		return status;
	status = vz_run_inside_script(vz, "start");
	if (status != VZ_OK) {
		struct container_id id = vz_id(vz);
		(void)engine_kill(&id, 10000, NULL); /* its error has been told */
		return status;
	}
	vz_say(vz, waits ? "Container start in progress, waiting ..." : "Container start in progress...");
	return waits ? wait_inside(vz) : VZ_OK;
}

/* Containers that were made elsewhere have no ids of their own yet. */
static int give_ids(struct vz *vz)
{
	if (vz_conf_get(&vz->ct.own, "LOCAL_UID") || vz_ct_uid_base(&vz->ct) == 0)
		return VZ_OK;
	struct error err = { 0 };
	if (vz_choose_ids(&vz->ct) < 0 || vz_conf_write(&vz->ct.own, vz->ct.conf_path, &err) < 0)
		return vz_fail_error(vz, VZ_NOT_SAVED, &err);
	return VZ_OK;
}

int vz_start(struct vz *vz, bool waits, bool forces)
{
	auto_free char *root = vz_ct_path(&vz->ct, "VE_ROOT"), *area = vz_ct_path(&vz->ct, "VE_PRIVATE");
	struct stat info;
	if (vz_is_running(vz))
		return vz_fail(vz, VZ_RUNNING, "Container is already running");
	if (vz_ct_is(&vz->ct, "DISABLED", false) && !forces)
		return vz_fail(vz, VZ_DISABLED, "Container start disabled");
	int checked = vz_check_places(vz);
	if (checked != VZ_OK)
		return checked;
	if (!root || !area || stat(area, &info) < 0)
		return vz_fail(vz, VZ_NO_PRIVATE, "Container private area %s does not exist", area ?: "");
	vz_say(vz, "Starting container...");
	if (vz_is_mounted(vz)) {
		int status = vz_umount(vz);
		if (status != VZ_OK)
			return status;
	}
	int status = give_ids(vz);
	status = status ?: vz_mount(vz);
	if (status != VZ_OK)
		return status;
	status = start_mounted(vz, root, waits);
	if (status != VZ_OK && status != VZ_WAIT_FAILED)
		(void)vz_umount(vz); /* its own error has been told */
	return status;
}

bool vz_is_start_option(const char *word)
{
	static const char *const words[] = { "--wait", "--force", "--skip-fsck", "--skip-remount", "--skip_ve_setup" };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

int vz_command_start(struct vz *vz)
{
	bool waits = false, forces = false;
	for (int i = 0; i < vz->argc; i++) {
		const char *word = vz->argv[i];
		waits |= strcmp(word, "--wait") == 0;
		forces |= strcmp(word, "--force") == 0;
		if (!vz_is_start_option(word))
			return vz_fail(vz, VZ_SYNTAX, "Invalid extra arguments: %s", word);
	}
	return vz_start(vz, waits, forces);
}
