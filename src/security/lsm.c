/* Which AppArmor profile or SELinux context the program runs under. */
#include "kernel/lsm.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/mount.h"
#include "security/security.h"

/* No profile of ours: the program runs as its caller does. */
static bool is_plain(const char *profile)
{
	return !profile || strcmp(profile, "unconfined") == 0 || strcmp(profile, "unchanged") == 0;
}

static int set_apparmor(const struct spec *spec, int proc_fd, struct error *err)
{
	const char *profile = spec->security.apparmor_profile;
	const struct origin *origin = &spec->security.apparmor_origin;

	if (is_plain(profile))
		return 0;
	bool is_generated = strcmp(profile, "generated") == 0;
	int r = lsm_set_apparmor_on_exec(proc_fd, is_generated ? "unconfined" : profile);
	if (r == -EOPNOTSUPP)
		return 0;
	if (r == 0 && is_generated)
		return spec_error(err, EOPNOTSUPP, spec, origin, "generate an AppArmor profile");
	if (r < 0) {
		r = spec_error(err, r, spec, origin, "set AppArmor profile %s", profile);
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

int security_set_lsm(const struct spec *spec, struct error *err)
{
	const struct spec_security *security = &spec->security;

	if (is_plain(security->apparmor_profile) && !security->selinux_context && !security->selinux_keyring_context)
		return 0;
	/* CVE-2015-1334, CVE-2019-16884: never through a /proc that the container can have faked */
	auto_close int proc_fd = mount_open_procfs();
	if (proc_fd < 0)
		return error_set(err, proc_fd, "open procfs to set the security label");
	int r = set_apparmor(spec, proc_fd, err);
	return r < 0 ? r : set_selinux(spec, proc_fd, err);
}
