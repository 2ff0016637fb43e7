/* Which AppArmor label a container runs under, and the profile that is made for it alone; by the helper wabe-apparmor. */
#include "security/apparmor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/talk.h"
#include "base/text.h"
#include "kernel/landlock.h"
#include "kernel/lsm.h"
#include "security/security.h"

#define FEATURES "/sys/kernel/security/apparmor/features"

/* ---- the helper ---- */

/* Exit status or -errno. */
static int run_helper(const struct talk *talk, char *const *arguments)
{
	char *argv[6] = { (char *)WABE_APPARMOR }, *envp[] = { NULL };

	for (size_t i = 0; i < 4 && arguments[i]; i++)
		argv[i + 1] = arguments[i];
	return talk_run(talk, argv, envp);
}

/* As run_helper, with the error filled. */
static int call_helper(const struct spec *spec, const struct talk *talk, char *const *arguments, const char *what,
	struct error *err)
{
	const struct origin *origin = &spec->security.apparmor_origin;
	char message[300];

	int r = run_helper(talk, arguments);
	if (r < 0)
		return spec_error(err, r, spec, origin, "%s: execute %s", what, WABE_APPARMOR);
	if (r == 0)
		return 0;
	talk_line(talk, 2, message, sizeof(message));
	(void)spec_error(err, 0, spec, origin, "%s: %s", what, message);
	error_hint(err, "mend that, or set lxc.apparmor.profile to unconfined");
	return -EPERM;
}

/* ---- labels ---- */

bool security_generates_profile(const struct spec *spec)
{
	return text_equal(spec->security.apparmor_profile, "generated") && lsm_has_apparmor();
}

void security_apparmor_label(const struct spec *spec, char *buffer, size_t size)
{
	apparmor_label(getuid(), spec->identity.name, spec->identity.base_path, buffer, size);
}

static int write_raw(const struct spec *spec, int fd, struct error *err)
{
	const struct string_list *raw = &spec->security.apparmor_raw;
	int r = 0;

	if (raw->count && getuid() != 0) {
		(void)spec_error(err, 0, spec, &spec->security.apparmor_origin,
			"lxc.apparmor.raw is root's alone: rules act on the whole machine");
		error_hint(err, "remove the key, or have root load a profile and name it");
		return -EPERM;
	}
	for (size_t i = 0; i < raw->count && r == 0; i++) {
		r = write_full(fd, raw->items[i], strlen(raw->items[i]));
		r = r ?: write_full(fd, "\n", 1);
	}
	return r < 0 ? error_set(err, r, "hand lxc.apparmor.raw over") : 0;
}

static int generate(const struct spec *spec, struct security_labels *labels, struct error *err)
{
	char label[APPARMOR_LABEL_MAX + 1], act[] = "load", nesting[] = "nesting", userns[] = "userns";
	char answer[2 * APPARMOR_LABEL_MAX + 64];
	char *arguments[5] = { act };
	size_t count = 1;
	struct talk talk;

	security_apparmor_label(spec, label, sizeof(label));
	if (spec->security.apparmor_allow_nesting)
		arguments[count++] = nesting;
	if (spec->idmaps.count)
		arguments[count++] = userns;
	arguments[count] = label;
	int r = talk_open(&talk);
	if (r < 0)
		(void)error_set(err, r, "generate an AppArmor profile");
	r = r ?: write_raw(spec, talk.fds[0], err);
	r = r ?: call_helper(spec, &talk, arguments, "generate an AppArmor profile", err);
	if (r == 0) {
		talk_line(&talk, 1, answer, sizeof(answer));
		r = text_replace(&labels->apparmor, answer);
		if (r < 0)
			(void)error_set(err, r, "generate an AppArmor profile");
	}
	talk_close(&talk);
	return r;
}

/* The profile of LXC, by that name; one that the system has loaded stays as it is. */
static int use_default(const struct spec *spec, struct security_labels *labels, struct error *err)
{
	char act[] = "default", *arguments[] = { act, NULL };
	struct talk talk;
	int r = 0;

	if (access(APPARMOR_DEFAULT_MARK, F_OK) < 0) {
		r = talk_open(&talk);
		if (r < 0)
			(void)error_set(err, r, "load AppArmor profile " APPARMOR_DEFAULT);
		r = r ?: call_helper(spec, &talk, arguments, "load AppArmor profile " APPARMOR_DEFAULT, err);
		talk_close(&talk);
	}
	if (r == 0 && text_replace(&labels->apparmor, APPARMOR_DEFAULT) < 0)
		r = error_set(err, ENOMEM, "use AppArmor profile " APPARMOR_DEFAULT);
	return r;
}

static int check_complete(const struct spec *spec, struct error *err)
{
	/* without securityfs nothing is known, and kernels since 4.14 have it */
	if (spec->security.apparmor_allow_incomplete || access(FEATURES "/mount/mask", F_OK) == 0 ||
		access(FEATURES, F_OK) < 0)
		return 0;
	(void)spec_error(err, 0, spec, &spec->security.apparmor_origin, "this kernel's AppArmor does not mediate mounts");
	error_hint(err, "set lxc.apparmor.allow_incomplete = 1 to start it nevertheless");
	return -EOPNOTSUPP;
}

/* The profile of Debian's package for lxc-start is made for changing out of it. */
static bool is_confined(void)
{
	char label[1024];

	return lsm_get_apparmor(AT_FDCWD, 0, label, sizeof(label)) == 0 && strcmp(label, "unconfined") != 0 &&
	       strcmp(label, "/usr/bin/lxc-start") != 0;
}

static void warn(struct security_labels *labels, const char *what, const char *why)
{
	if (!labels->warning[0])
		snprintf(labels->warning, sizeof(labels->warning), "%.220s: %.220s", what, why);
}

static int choose_apparmor(const struct spec *spec, struct security_labels *labels, struct error *err)
{
	const char *profile = spec->security.apparmor_profile;
	bool is_unconfined = text_equal(profile, "unconfined"), is_generated = text_equal(profile, "generated");
	char name[300];

	if (text_equal(profile, "unchanged"))
		return 0;
	if (!lsm_has_apparmor()) {
		snprintf(name, sizeof(name), "AppArmor profile %s is not applied", profile ?: "");
		if (profile && !is_unconfined && !is_generated)
			warn(labels, name, "this kernel runs no AppArmor");
		return 0;
	}
	bool confined = is_confined();
	if (is_unconfined)
		return confined && text_replace(&labels->apparmor, profile) < 0 ?
			error_set(err, ENOMEM, "use AppArmor profile %s", profile) : 0;
	int r = check_complete(spec, err);
	if (r < 0)
		return r;
	if (!profile)
		return confined ? 0 : use_default(spec, labels, err);
	if (!is_generated)
		return text_replace(&labels->apparmor, profile) < 0 ?
			error_set(err, ENOMEM, "use AppArmor profile %s", profile) : 0;
	r = generate(spec, labels, err);
	if (r < 0 && confined && getuid() == 0 && spec->security.apparmor_raw.count == 0) {
		/* in a container that may not load policy: the profile around it holds for this one, too */
		warn(labels, "the container keeps the AppArmor profile of its caller", err ? err->what : "");
		r = 0;
	}
	return r;
}

int security_choose_labels(const struct spec *spec, struct security_labels *ret, struct error *err)
{
	*ret = (struct security_labels){ 0 };
	if (spec->security.selinux_context && !lsm_has_selinux()) {
		char name[300];
		snprintf(name, sizeof(name), "SELinux context %s is not applied", spec->security.selinux_context);
		warn(ret, name, "this kernel runs no SELinux");
	}
	if (security_has_file_rules(spec) && landlock_version() == 0)
		warn(ret, "the rules of lxc.landlock are not applied", "this kernel runs no Landlock");
	return choose_apparmor(spec, ret, err);
}

void security_clear_labels(struct security_labels *labels)
{
	free(labels->apparmor);
	*labels = (struct security_labels){ 0 };
}

int security_read_label(pid_t pid, char **ret)
{
	char label[1024];

	*ret = NULL;
	if (!lsm_has_apparmor())
		return 0;
	int r = lsm_get_apparmor(AT_FDCWD, pid, label, sizeof(label));
	if (r == -EOPNOTSUPP)
		return 0;
	if (r == 0 && strcmp(label, "unconfined") != 0)
		r = text_replace(ret, label);
	return r;
}

void security_unload_profile(const char *label)
{
	char act[] = "unload", *arguments[] = { act, (char *)label, NULL };
	struct talk talk;

	if (talk_open(&talk) == 0)
		(void)run_helper(&talk, arguments); /* a profile that stays does no harm: the next start replaces it */
	talk_close(&talk);
}
