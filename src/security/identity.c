/* Who the program is: user, groups, session keyring, execution domain. */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/capability.h"
#include "kernel/keyring.h"
#include "security/security.h"

int security_personality(const struct spec *spec, struct error *err)
{
	if (spec->process.personality == UINT32_MAX || personality(spec->process.personality) >= 0)
		return 0;
	return error_set(err, errno, "set the execution domain %#x", spec->process.personality);
}

int security_session_keyring(const struct spec *spec, struct error *err)
{
	(void)err;
	if (!spec->process.keep_session_keyring)
		/* no keyrings in this kernel, refused by an outer container's filter, or the quota is used up:
		 * then the program shares that of its caller, as it would without us */
		(void)keyring_new_session();
	return 0;
}

/*
 * The bare calls: the C library's would change every thread of the process, which takes a dozen calls more, and
 * init has one thread. On 32-bit architectures the calls with 32-bit ids have names of their own.
 */
#ifdef SYS_setresuid32
#define ID_CALL(name) SYS_##name##32
#else
#define ID_CALL(name) SYS_##name
#endif

static int set_kernel_uid(uid_t uid)
{
	return (int)syscall(ID_CALL(setresuid), uid, uid, uid);
}

static int set_kernel_gid(gid_t gid)
{
	return (int)syscall(ID_CALL(setresgid), gid, gid, gid);
}

static int set_kernel_groups(size_t count, const gid_t *ids)
{
	return (int)syscall(ID_CALL(setgroups), count, ids);
}

static int parse_groups(const struct string_list *groups, gid_t *ret)
{
	for (size_t i = 0; i < groups->count; i++) {
		char *end;
		errno = 0;
		unsigned long value = strtoul(groups->items[i], &end, 10);
		if (errno || end == groups->items[i] || *end || value >= UINT32_MAX)
			return -EINVAL;
		ret[i] = (gid_t)value;
	}
	return 0;
}

static int set_groups(const struct string_list *groups, struct error *err)
{
	if (!groups || groups->count == 0) {
		/* EPERM: a user namespace whose maker may not drop groups (user_namespaces(7), "setgroups") */
		if (set_kernel_groups(0, NULL) < 0 && errno != EPERM)
			return error_set(err, errno, "drop the supplementary groups");
		return 0;
	}
	auto_free gid_t *ids = calloc(groups->count, sizeof(*ids));
	int r = ids ? parse_groups(groups, ids) : -ENOMEM;
	if (r < 0 || set_kernel_groups(groups->count, ids) < 0)
		return error_set(err, r < 0 ? r : errno, "set the supplementary groups");
	return 0;
}

int security_set_identity(const struct spec *spec, uid_t uid, gid_t gid, const struct string_list *groups,
	struct error *err)
{
	int r = set_groups(groups, err);

	if (r < 0)
		return r;
	if (uid != 0 && spec->security.seccomp_profile && (r = capability_keep_on_setuid()) < 0)
		return error_set(err, r, "keep capabilities until the filter is loaded");
	if (set_kernel_gid(gid) < 0)
		return error_set(err, errno, "become group %u", gid);
	if (set_kernel_uid(uid) < 0)
		return error_set(err, errno, "become user %u", uid);
	return 0;
}

int security_no_new_privs(struct error *err)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? error_set(err, errno, "set no_new_privs") : 0;
}
