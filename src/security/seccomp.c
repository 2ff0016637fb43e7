/*
 * The seccomp filter: from lxc.seccomp.profile to BPF. Compiling takes milliseconds and libseccomp, so a helper
 * program does it once per policy text and the result is cached.
 */
#include "kernel/seccomp.h"

#include <errno.h>
#include <fcntl.h>
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
#include "security/security.h"

#define CACHE_DIR   "/run/wabe/seccomp"
#define MAX_POLICY  (1024 * 1024)
#define MAX_PROGRAM (BPF_MAXINSNS * sizeof(struct sock_filter))
#define CACHE_MAGIC 0x31637357U /* "Wsc1": also changes when the compiler's output for one text changes */

/* A file of the cache: this, the policy text, the instructions. */
struct cache_header {
	uint32_t magic;
	uint32_t text_length;
	uint32_t count;
	uint32_t padding;
};

/* The policy's text. */
struct content {
	char *data;
	size_t length;
};

/* ---- cache ---- */

static void cache_path(const char *dir, const struct content *policy, char *buffer, size_t size)
{
	(void)snprintf(buffer, size, "%s/%016llx", dir, (unsigned long long)hash_fnv1a64(policy->data, policy->length));
}

/* 0 when ret was filled; anything else: compile. */
static int load_cached(const char *path, const struct content *policy, struct seccomp_filter *ret)
{
	struct cache_header header;
	auto_free char *data = NULL;
	size_t length;

	int r = file_read(AT_FDCWD, path, MAX_POLICY + sizeof(header) + MAX_PROGRAM, &data, &length);
	if (r < 0 || length < sizeof(header))
		return -EBADMSG;
	memcpy(&header, data, sizeof(header));
	size_t size = header.count * sizeof(struct sock_filter);
	if (header.magic != CACHE_MAGIC || header.count == 0 || header.count > BPF_MAXINSNS ||
		header.text_length != policy->length || length != sizeof(header) + policy->length + size ||
		memcmp(data + sizeof(header), policy->data, policy->length) != 0)
		return -EBADMSG;
	struct sock_filter *instructions = malloc(size);
	if (!instructions)
		return -ENOMEM;
	memcpy(instructions, data + sizeof(header) + policy->length, size);
	ret->instructions = instructions;
	ret->count = header.count;
	return 0;
}

/* Best effort: without the cache the next start compiles again. */
static void save_cached(const char *dir, const char *path, const struct content *policy,
	const struct seccomp_filter *filter)
{
	struct cache_header header = { CACHE_MAGIC, (uint32_t)policy->length, (uint32_t)filter->count, 0 };
	char temporary[512];

	if (snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid()) >= (int)sizeof(temporary))
		return;
	(void)mkdir("/run/wabe", 0755);
	(void)mkdir(dir, 0700);
	auto_close int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	int r = write_full(fd, &header, sizeof(header));
	r = r ?: write_full(fd, policy->data, policy->length);
	r = r ?: write_full(fd, filter->instructions, filter->count * sizeof(struct sock_filter));
	if (r < 0 || rename(temporary, path) < 0)
		(void)unlink(temporary); /* nothing more can be done about it */
}

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
		(void)spec_error(err, 0, spec, origin, "seccomp profile %s: %s", profile, message);
		if (err)
			err->kind = ERROR_CONFIG;
		return -EINVAL;
	}
	r = take_program(out_fd, ret);
	return r < 0 ? spec_error(err, r, spec, origin, "compile seccomp profile %s", profile) : 0;
}

/* ---- public ---- */

int security_seccomp_prepare_in(const struct spec *spec, const char *cache_dir, const char *compiler_path,
	struct seccomp_filter *ret, struct error *err)
{
	const char *profile = spec->security.seccomp_profile;
	struct content policy = { 0 };
	char path[512];

	*ret = (struct seccomp_filter){ .allow_nesting = spec->security.seccomp_allow_nesting };
	if (!profile || strcmp(profile, "none") == 0)
		return 0;
	int r = file_read(AT_FDCWD, profile, MAX_POLICY, &policy.data, &policy.length);
	auto_free char *text = policy.data;
	if (r < 0)
		return spec_error(err, r, spec, &spec->security.seccomp_origin, "read seccomp profile %s", profile);
	cache_path(cache_dir, &policy, path, sizeof(path));
	if (load_cached(path, &policy, ret) < 0) {
		r = compile(spec, compiler_path, &policy, ret, err);
		if (r < 0)
			return r;
		save_cached(cache_dir, path, &policy, ret);
	}
	ret->notifies = seccomp_filter_notifies(ret->instructions, ret->count);
	return 0;
}

int security_seccomp_prepare(const struct spec *spec, struct seccomp_filter *ret, struct error *err)
{
	return security_seccomp_prepare_in(spec, CACHE_DIR, WABE_COMPILE_SECCOMP, ret, err);
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
