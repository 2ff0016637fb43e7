#pragma once
#include <stdbool.h>
#include <stddef.h>

struct sock_filter;

/*
 * Makes a shorter program with the same answers: numbers of system calls beside each other mostly have one answer, so a
 * tree over their ranges, one for each architecture, takes the place of a comparison for each call. What looks at
 * arguments stays as it is. The kernel translates, and looks through, every instruction at every start of a container.
 *
 * program: count instructions (at most BPF_MAXINSNS), replaced in place.
 * Returns the new count; the old one when the program is not of the kind that libseccomp makes, or gets no shorter.
 */
size_t seccomp_shrink(struct sock_filter *program, size_t count);
