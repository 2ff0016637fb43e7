#pragma once
#include <stdbool.h>

struct lxc_container;

/* Helpers about a container's directory; see the comments in lxc-abi for the files' forms. */

bool directory_has_entries(const char *path);

/* Does the file lxc_snapshots name clones that live on this container's storage? */
bool container_has_clones(const struct lxc_container *c);
/* Notes in both directories that clone depends on origin. 0 or -errno. */
int container_note_clone(const struct lxc_container *origin, const struct lxc_container *clone);
/* Takes the clone's lines out of its origin's file. */
void container_forget_origin(const struct lxc_container *clone);

/* text with each path old (whole, or followed by a slash) replaced by new. 0 or -ENOMEM. */
int replace_path(const char *text, const char *old, const char *new, char **ret);
