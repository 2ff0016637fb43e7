#pragma once

struct spec;
struct seccomp_filter;

/*
 * Puts rules of our own before the policy's program: what would free the container of its disk limit (spec->rootfs.
 * limit_guard) fails with EPERM, quotactl and statfs are asked of the host where it serves them. Nothing for other specs. 0 or
 * -ENOMEM.
 */
int seccomp_guard_add(const struct spec *spec, struct seccomp_filter *filter);
