#pragma once
#include <lxc/lxccontainer.h>

#include "base/error.h"
#include "spec/spec.h"
#include "storage/store.h"

/* What create and clone do for a root file system that is more than a directory of the container's. */

/* A new one named name for a container in directory, by the caller's wishes (NULL: none) and lxc.conf(5). */
struct store_request volume_request(const char *directory, const char *name, const struct bdev_specs *specs);

/*
 * Makes it or, when original is no NULL, a snapshot of that. Its source, malloc'ed in *ret_source, is noted before in the
 * file partial_fd (liblxc/partial.h). spec: whose ids it gets.
 * 0 or -errno with nothing left.
 */
int volume_create(const struct spec *spec, const struct store *store, const char *original,
	const struct store_request *request, int partial_fd, char **ret_source, struct error *err);

/* Sets lxc.rootfs.path of c. */
int volume_set_rootfs(struct lxc_container *c, const char *store, const char *source, struct error *err);
