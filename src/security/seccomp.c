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
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/paths.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/process.h"
#include "security/seccomp_cache.h"
#include "security/security.h"

#define MAX_PROGRAM (BPF_MAXINSNS * sizeof(struct sock_filter))

/* The policy's text. */
struct content {
	char *data;
	size_t length;
};

/* ---- compiler ---- */

/* The compiler's one line on standard error, without its newline. */
static void take_message(int message_fd, char *buffer, size_t size)
{
	ssize_t n = pread(message_fd, buffer, size - 1, 0);

	buffer[n > 0 ? n : 0] = '\0';
	buffer[strcspn(buffer, "\n")] = '\0';
}

/* Runs the compiler with the three fds as its standard input, output and error. Its exit status or -errno. */
static int run_compiler(const char *compiler_path, const int fds[3])
{
	char *argv[] = { (char *)compiler_path, NULL }, *envp[] = { NULL };
	pid_t pid;
	int status;

	int r = process_spawn(argv, envp, fds, &pid);
	r = r < 0 ? r : process_wait(pid, &status);
	if (r < 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

static int take_program(int fd, struct seccomp_filter *ret)
{
	auto_free char *data = NULL;
	size_t length;

	int r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : file_read_fd(fd, MAX_PROGRAM, &data, &length);
	if (r < 0)
		return r;
	if (length == 0 || length % sizeof(struct sock_filter) != 0)
		return -EBADMSG;
	ret->instructions = (struct sock_filter *)take_ptr(data);
	ret->count = length / sizeof(struct sock_filter);
	return 0;
}

static int compile(const struct spec *spec, const char *compiler_path, const struct content *policy,
	struct seccomp_filter *ret, struct error *err)
{
	const char *profile = spec->security.seccomp_profile;
	const struct origin *origin = &spec->security.seccomp_origin;
	auto_close int in_fd = memfd_create("policy", MFD_CLOEXEC);
	auto_close int out_fd = memfd_create("bpf", MFD_CLOEXEC);
	auto_close int message_fd = memfd_create("message", MFD_CLOEXEC);

	if (in_fd < 0 || out_fd < 0 || message_fd < 0)
		return error_set(err, errno, "compile seccomp profile %s", profile);
	int r = write_full(in_fd, policy->data, policy->length);
	if (r == 0 && lseek(in_fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = run_compiler(compiler_path, (int[3]){ in_fd, out_fd, message_fd });
	if (r < 0)
		return spec_error(err, r, spec, origin, "compile seccomp profile %s with %s", profile, compiler_path);
	if (r > 0) {
		char message[256];
		take_message(message_fd, message, sizeof(message));
		(void)spec_error(err, 0, spec, origin, "seccomp profile %s:%s", profile, message);
		if (err)
			err->kind = ERROR_CONFIG;
		return -EINVAL;
	}
	take_message(message_fd, ret->warning, sizeof(ret->warning));
	r = take_program(out_fd, ret);
	return r < 0 ? spec_error(err, r, spec, origin, "compile seccomp profile %s", profile) : 0;
}

/*
 * The program out of the cache: beside the policy, where the shipped ones have theirs from the installation, else in
 * cache_dir. path gets where to keep it in cache_dir, "" for nowhere.
 */
static bool find_cached(const char *profile, const char *cache_dir, const struct content *policy, char path[PATH_MAX],
	struct seccomp_filter *ret)
{
	uint64_t hash = hash_fnv1a64(policy->data, policy->length);

	int length = snprintf(path, PATH_MAX, "%s" SECCOMP_CACHE_SUFFIX, profile);
	if (length < PATH_MAX && seccomp_cache_load(path, policy->data, policy->length, ret) == 0)
		return true;
	length = cache_dir ? snprintf(path, PATH_MAX, "%s/%016" PRIx64, cache_dir, hash) : PATH_MAX;
	if (length >= PATH_MAX) {
		*path = '\0';
		return false;
	}
	return seccomp_cache_load(path, policy->data, policy->length, ret) == 0;
}

/* ---- public ---- */

int security_seccomp_prepare_in(const struct spec *spec, const char *cache_dir, const char *compiler_path,
	struct seccomp_filter *ret, struct error *err)
{
	const char *profile = spec->security.seccomp_profile;
	struct content policy = { 0 };
	char path[PATH_MAX];

	*ret = (struct seccomp_filter){ .allow_nesting = spec->security.seccomp_allow_nesting };
	if (!profile || strcmp(profile, "none") == 0)
		return 0;
	int r = file_read(AT_FDCWD, profile, SECCOMP_POLICY_LENGTH, &policy.data, &policy.length);
	auto_free char *text = policy.data;
	if (r < 0)
		return spec_error(err, r, spec, &spec->security.seccomp_origin, "read seccomp profile %s", profile);
	if (!find_cached(profile, cache_dir, &policy, path, ret)) {
		r = compile(spec, compiler_path, &policy, ret, err);
		if (r < 0)
			return r;
		if (*path)
			seccomp_cache_save(path, policy.data, policy.length, ret);
	}
	ret->notifies = seccomp_filter_notifies(ret->instructions, ret->count);
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
		filter->instructions, filter->count, filter->notifies ? ret_listener_fd : NULL);
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
