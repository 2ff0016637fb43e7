/*
 * The seccomp filter: from lxc.seccomp.profile to BPF. Compiling takes milliseconds and libseccomp, so a helper
 * program does it once per policy text and the result is cached (seccomp_cache.c).
 */
#include "kernel/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/paths.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/talk.h"
#include "security/seccomp_cache.h"
#include "security/seccomp_guard.h"
#include "security/security.h"

#define MAX_PROGRAM (BPF_MAXINSNS * sizeof(struct sock_filter))

/* The policy's text. */
struct content {
	char *data;
	size_t length;
};

/* ---- compiler ---- */

static int take_program(const struct talk *talk, struct seccomp_filter *ret)
{
	auto_free char *data = NULL;
	size_t length;

	int r = talk_output(talk, MAX_PROGRAM, &data, &length);
	if (r < 0)
		return r;
	if (length == 0 || length % sizeof(struct sock_filter) != 0)
		return -EBADMSG;
	ret->instructions = (struct sock_filter *)take_ptr(data);
	ret->count = length / sizeof(struct sock_filter);
	return 0;
}

/* For error lines. */
static const char *name_of(const struct spec *spec)
{
	return spec->oci.seccomp ? "linux.seccomp" : spec->security.seccomp_profile;
}

static int compile_by(const struct spec *spec, const char *compiler_path, const struct content *policy,
	const struct talk *talk, struct seccomp_filter *ret, struct error *err)
{
	const char *profile = name_of(spec);
	const struct origin *origin = &spec->security.seccomp_origin;
	char oci[] = "--oci", *argv[] = { (char *)compiler_path, spec->oci.seccomp ? oci : NULL, NULL }, *envp[] = { NULL };

	int r = write_full(talk->fds[0], policy->data, policy->length);
	r = r ?: talk_run(talk, argv, envp);
	if (r < 0)
		return spec_error(err, r, spec, origin, "compile seccomp profile %s with %s", profile, compiler_path);
	if (r > 0) {
		char message[256];
		talk_line(talk, 2, message, sizeof(message));
		(void)spec_error(err, 0, spec, origin, "seccomp profile %s:%s", profile, message);
		if (err)
			err->kind = ERROR_CONFIG;
		return -EINVAL;
	}
	talk_line(talk, 2, ret->warning, sizeof(ret->warning));
	r = take_program(talk, ret);
	return r < 0 ? spec_error(err, r, spec, origin, "compile seccomp profile %s", profile) : 0;
}

static int compile(const struct spec *spec, const char *compiler_path, const struct content *policy,
	struct seccomp_filter *ret, struct error *err)
{
	struct talk talk;
	int r = talk_open(&talk);

	r = r < 0 ? error_set(err, r, "compile seccomp profile %s", name_of(spec)) :
		    compile_by(spec, compiler_path, policy, &talk, ret, err);
	talk_close(&talk);
	return r;
}

/*
 * The program out of the cache: beside the policy, where the shipped ones have theirs from the installation, else in
 * cache_dir. path gets where to keep it in cache_dir, "" for nowhere.
 */
static bool find_cached(const char *profile, const char *cache_dir, const struct content *policy, char path[PATH_MAX],
	struct seccomp_filter *ret)
{
	uint64_t hash = hash_bulk64(policy->data, policy->length);

	int length = profile ? snprintf(path, PATH_MAX, "%s" SECCOMP_CACHE_SUFFIX, profile) : PATH_MAX;
	if (length < PATH_MAX && seccomp_cache_load(path, policy->data, policy->length, ret) == 0)
		return true;
	length = cache_dir ? snprintf(path, PATH_MAX, "%s/%016" PRIx64, cache_dir, hash) : PATH_MAX;
	if (length >= PATH_MAX) {
		*path = '\0';
		return false;
	}
	return seccomp_cache_load(path, policy->data, policy->length, ret) == 0;
}

static int prepare_policy(const struct spec *spec, const char *cache_dir, const char *compiler_path,
	struct seccomp_filter *ret, struct error *err)
{
	const char *profile = spec->security.seccomp_profile;
	struct content policy = { 0 };
	char path[PATH_MAX];

	int r = 0;
	if (spec->oci.seccomp) {
		policy.data = strdup(spec->oci.seccomp);
		policy.length = strlen(spec->oci.seccomp);
		profile = NULL;
		r = policy.data ? 0 : -ENOMEM;
	} else {
		r = file_read(AT_FDCWD, profile, SECCOMP_POLICY_LENGTH, &policy.data, &policy.length);
	}
	auto_free char *text = policy.data;
	if (r < 0)
		return spec_error(err, r, spec, &spec->security.seccomp_origin, "read seccomp profile %s", name_of(spec));
	if (find_cached(profile, cache_dir, &policy, path, ret))
		return 0;
	r = compile(spec, compiler_path, &policy, ret, err);
	if (r == 0 && *path)
		seccomp_cache_save(path, policy.data, policy.length, ret);
	return r;
}

/* ---- public ---- */

int security_seccomp_prepare_in(const struct spec *spec, const char *cache_dir, const char *compiler_path,
	struct seccomp_filter *ret, struct error *err)
{
	const char *profile = spec->security.seccomp_profile;
	int r = 0;

	*ret = (struct seccomp_filter){ .allow_nesting = spec->security.seccomp_allow_nesting || spec->oci.seccomp,
		.flags = spec->oci.seccomp_flags };
	if (spec->oci.seccomp || (profile && strcmp(profile, "none") != 0))
		r = prepare_policy(spec, cache_dir, compiler_path, ret, err);
	if (r == 0 && (r = seccomp_guard_add(spec, ret)) < 0)
		r = error_set(err, r, "make the seccomp rules of the disk limit");
	if (r < 0)
		return r;
	ret->notifies = seccomp_filter_notifies(ret->instructions, ret->count);
	if (!ret->notifies)
		ret->flags &= ~(unsigned)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; /* of a listener; without one the kernel refuses it */
	return 0;
}

int security_seccomp_prepare(const struct spec *spec, struct seccomp_filter *ret, struct error *err)
{
	char cache_dir[PATH_MAX];
	bool has_cache = seccomp_cache_directory(cache_dir, sizeof(cache_dir)) == 0;

	return security_seccomp_prepare_in(spec, has_cache ? cache_dir : NULL, WABE_COMPILE_SECCOMP, ret, err);
}

int security_seccomp_load(const struct seccomp_filter *filter, int *ret_listener_fd, struct error *err)
{
	*ret_listener_fd = -1;
	if (filter->count == 0 || (!filter->allow_nesting && seccomp_is_active()))
		return 0;
	int r = seccomp_load_filter(
		filter->instructions, filter->count, filter->flags, filter->notifies ? ret_listener_fd : NULL);
	if (r == 0)
		return 0;
	r = error_set(err, r, "load the seccomp filter");
	if (r == -EBUSY && filter->notifies)
		error_hint(err,
			"a filter around it has a listener, and the kernel allows one: leave \"notify\" out");
	return r;
}

void security_seccomp_clear(struct seccomp_filter *filter)
{
	free(filter->instructions);
	*filter = (struct seccomp_filter){ 0 };
}
