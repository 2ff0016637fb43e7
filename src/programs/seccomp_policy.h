#pragma once
#include <seccomp.h>
#include <stddef.h>

/* What there is to say of a policy: one line, "N: TEXT" with N the line of the policy, or "". */
struct policy_messages {
	char fault[256];
	char warning[256]; /* the first thing that was skipped */
};

/*
 * Compiles a seccomp policy in LXC's language, version 1 or 2.
 * text: length bytes; may hold NULs (a fault) and need not end in one.
 * *ret: for the caller to release with seccomp_release(); of this machine's architecture and of those whose programs
 *   its kernel runs too, as a binary tree.
 * 0, or -errno with messages->fault filled.
 */
int seccomp_policy_compile(const char *text, size_t length, scmp_filter_ctx *ret, struct policy_messages *messages);

/* The same for linux.seccomp of an OCI bundle, as JSON. */
int seccomp_oci_compile(const char *text, size_t length, scmp_filter_ctx *ret, struct policy_messages *messages);
