/* Action scripts: vps.WORD and CTID.WORD beside the configurations. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

static int run_one(const struct vz *vz, const char *path)
{
	char *argv[] = { (char *)path, NULL };
	struct string_list environment = { 0 };
	int status = 0, r;
	pid_t pid;
	r = text_add_variable(&environment, "VEID", vz->ct.name);
	r = r ?: text_add_variable(&environment, "VE_CONFFILE", vz->ct.conf_path);
	r = r ?: text_add_variable(&environment, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (r == 0 && !vector_add(&environment))
		r = -ENOMEM;
	vz_detail(vz, "Running: %s", path);
	r = r ?: process_spawn(argv, environment.items, NULL, &pid);
	r = r ?: process_wait(pid, &status);
	string_list_clear(&environment);
	if (r == 0 && status == 0)
		return VZ_OK;
	return vz_fail(vz, VZ_SCRIPT_FAILED, "Error executing action script %s", path);
}

int vz_run_scripts(const struct vz *vz, const char *word, bool own_first)
{
	for (int i = 0; i < 2; i++) {
		auto_free char *path = NULL;
		bool is_own = (i == 0) == own_first;
		if (text_format(&path, "%s/%s.%s", vz->ct.conf_dir, is_own ? vz->ct.name : "vps", word) < 0)
			return VZ_SYSTEM;
		if (access(path, X_OK) < 0)
			continue;
		int status = run_one(vz, path);
		if (status != VZ_OK)
			return status;
	}
	return VZ_OK;
}

int vz_run_inside_script(const struct vz *vz, const char *word)
{
	auto_free char *path = NULL;
	struct error err = { 0 };
	int status = 0;
	if (text_format(&path, "%s/%s.%s", vz->ct.conf_dir, vz->ct.name, word) < 0)
		return VZ_SYSTEM;
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return VZ_OK;
	struct vz_program program = { .stdin_fd = fd, .home = "/root" };
	vz_detail(vz, "Running: %s in the container", path);
	if (vz_run(vz, &program, &status, &err) < 0)
		return vz_fail_error(vz, VZ_SCRIPT_FAILED, &err);
	return status == 0 ? VZ_OK : vz_fail(vz, VZ_SCRIPT_FAILED, "Error executing action script %s", path);
}
