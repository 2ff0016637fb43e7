/*
 * wabe-compile-seccomp [--cache | --oci]: a seccomp policy in LXC's language on standard input becomes BPF on standard output,
 * with --cache the file that is kept beside a policy. --oci: it is the seccomp object of
 * an OCI bundle. A fault is one line "LINE: TEXT" on standard error and exit
 * status 1, what was skipped the same and exit status 0. A program of its own, so that nothing on the start path links
 * or loads libseccomp.
 */
#include <errno.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "programs/seccomp_policy.h"
#include "programs/seccomp_shrink.h"
#include "security/seccomp_cache.h"
#include "security/security.h"

/* The program of the compiled policy. */
static int take_program(scmp_filter_ctx compiled, struct seccomp_filter *ret)
{
	auto_close int fd = memfd_create("bpf", MFD_CLOEXEC);
	char *data;
	size_t size;

	if (fd < 0)
		return -errno;
	int r = seccomp_export_bpf(compiled, fd);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	r = r ?: file_read_fd(fd, BPF_MAXINSNS * sizeof(struct sock_filter), &data, &size);
	if (r < 0)
		return r;
	ret->instructions = (struct sock_filter *)(void *)data;
	ret->count = seccomp_shrink(ret->instructions, size / sizeof(struct sock_filter));
	return 0;
}

static int write_program(scmp_filter_ctx compiled, bool is_cache, const char *text, size_t length)
{
	struct seccomp_filter filter = { 0 };
	int r = take_program(compiled, &filter);

	if (r == 0)
		r = is_cache ? seccomp_cache_write(STDOUT_FILENO, text, length, &filter) :
			       write_full(STDOUT_FILENO, filter.instructions, filter.count * sizeof(*filter.instructions));
	free(filter.instructions);
	return r;
}

int main(int argc, char **argv)
{
	struct policy_messages messages;
	scmp_filter_ctx filter;
	auto_free char *text = NULL;
	size_t length;

	int r = file_read_fd(STDIN_FILENO, SECCOMP_POLICY_LENGTH, &text, &length);
	if (r < 0) {
		fprintf(stderr, "1: cannot read the policy: %s\n", strerror(-r));
		return EXIT_FAILURE;
	}
	bool is_oci = argc > 1 && strcmp(argv[1], "--oci") == 0;
	r = is_oci ? seccomp_oci_compile(text, length, &filter, &messages) : seccomp_policy_compile(text, length, &filter, &messages);
	if (*messages.fault || *messages.warning)
		fprintf(stderr, "%s\n", *messages.fault ? messages.fault : messages.warning);
	if (r < 0)
		return EXIT_FAILURE;
	r = write_program(filter, argc > 1 && strcmp(argv[1], "--cache") == 0, text, length);
	seccomp_release(filter);
	if (r < 0)
		fprintf(stderr, "1: cannot write the filter: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
