#pragma once
#include "base/error.h"
#include "spec/spec.h"

/*
 * Trees that belong to a container's ids, as storage.h has them; an ordinary user's work is done as root of the
 * container's user namespace. All return 0 or -errno with *err filled.
 */
int owned_remove_tree(const struct spec *spec, const char *path, struct error *err);

/* A container's directory, but for its snapshots: the file "partial" last (liblxc/partial.h). */
int owned_remove_container(const struct spec *spec, const char *directory, struct error *err);

int owned_copy_tree(const struct spec *spec, const char *from, const char *to, struct error *err);

/* What one container's root file system has into the empty one of another. */
int owned_copy_root(const struct spec *from, const struct spec *to, struct error *err);

/* Gives a directory that the caller has made to the container's root; nothing when the caller is root or has no map. */
int owned_give_directory(const struct spec *spec, const char *path, struct error *err);

/* The upper layer of an overlay and its work directories, which the container's root must be able to write. */
int owned_make_overlay(const struct spec *spec, const char *upper, const char *work, struct error *err);

/* Can the caller's container be filled at all? An ordinary user's needs an id map: says which would do. */
int owned_check(const struct spec *spec, struct error *err);
