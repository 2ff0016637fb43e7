/* AppArmor profile and SELinux context of the program. */
#include "kernel/lsm.h"

#include <errno.h>

#include "base/cleanup.h"
#include "kernel/mount.h"
#include "security/security.h"

static int set_apparmor(const struct spec *spec, const char *label, int proc_fd, bool now, struct error *err)
{
	int r = now ? lsm_set_apparmor_now(proc_fd, label) : lsm_set_apparmor_on_exec(proc_fd, label);

	if (r < 0) {
		r = spec_error(err, r, spec, &spec->security.apparmor_origin, "set AppArmor profile %s", label);
		error_hint(err, "load the profile with apparmor_parser, or set unconfined");
	}
	return r;
}

static int set_selinux(const struct spec *spec, int proc_fd, struct error *err)
{
	const struct spec_security *security = &spec->security;
	const char *keyring = security->selinux_keyring_context ?: security->selinux_context;

	int r = security->selinux_context ? lsm_set_selinux_on_exec(proc_fd, security->selinux_context) : 0;
	if (r < 0 && r != -EOPNOTSUPP)
		return spec_error(err, r, spec, &security->selinux_origin, "set SELinux context %s",
			security->selinux_context);
	r = keyring && !spec->process.keep_session_keyring ? lsm_set_selinux_keyring(proc_fd, keyring) : 0;
	if (r < 0 && r != -EOPNOTSUPP)
		return spec_error(err, r, spec, &security->selinux_origin, "set SELinux keyring context %s",
			keyring);
	return 0;
}

/* CVE-2015-1334, CVE-2019-16884: never through a /proc that the container can have faked. */
static int open_proc(struct error *err)
{
	int fd = mount_open_procfs();

	return fd < 0 ? error_set(err, fd, "open procfs to set the security label") : fd;
}

int security_set_lsm(const struct spec *spec, const char *apparmor_label, struct error *err)
{
	const struct spec_security *security = &spec->security;

	if (!apparmor_label && !security->selinux_context && !security->selinux_keyring_context)
		return 0;
	auto_close int proc_fd = open_proc(err);
	if (proc_fd < 0)
		return proc_fd;
	int r = apparmor_label ? set_apparmor(spec, apparmor_label, proc_fd, false, err) : 0;
	return r < 0 ? r : set_selinux(spec, proc_fd, err);
}

int security_set_apparmor_now(const struct spec *spec, const char *apparmor_label, struct error *err)
{
	if (!apparmor_label)
		return 0;
	auto_close int proc_fd = open_proc(err);
	return proc_fd < 0 ? proc_fd : set_apparmor(spec, apparmor_label, proc_fd, true, err);
}
