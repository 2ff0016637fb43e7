#pragma once
#include "spec/spec.h"

/* Mount options of an fstab line or of lxc.rootfs.options that the kernel takes as flags. */
struct mount_flags {
	uint64_t set, clear; /* MS_* */
	uint64_t propagation; /* MS_PRIVATE, ... | MS_REC, or 0 */
};

/* Adds one option ("ro", "rslave"). False: it is no flag but data for the file system. */
bool mount_flags_add(struct mount_flags *flags, const char *option, size_t length);

/* What lxc.rootfs.options asks for; idmap= is left to who maps. */
struct root_options {
	struct mount_flags flags;
	char data[512]; /* for the file system */
};

/* 0, or -E2BIG: more than fits into data. text may be NULL. */
int root_options_parse(const char *text, struct root_options *ret);

/*
 * One line of fstab as a mount entry, as the configuration's parser makes it from lxc.mount.entry. The strings
 * are allocated: mount_line_clear. 1: filled; 0: empty line or comment; -EINVAL, -ENOMEM.
 */
int mount_line_parse(const char *line, struct spec_mount *ret);
void mount_line_clear(struct spec_mount *entry);

/*
 * Appends the entries of a whole fstab, its text being in memory, with file and line as their origin. 0, or
 * -EINVAL, -ENOMEM with *err filled; then the entries before the bad line stay appended.
 */
int fstab_parse(struct spec *spec, const char *file, const char *text, size_t length, struct error *err);
