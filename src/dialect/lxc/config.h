#pragma once
#include "base/error.h"
#include "base/vector.h"
#include "spec/spec.h"

#include <stdbool.h>

/*
 * A configuration in LXC's language: the spec that it means, and its text, so that saving keeps comments, order
 * and what is not understood byte for byte where nothing changed.
 */
struct lxc_config;

/* An empty configuration. base_path: lxcpath, absolute. name may be set later (NULL). NULL: no memory. */
struct lxc_config *lxc_config_new(const char *name, const char *base_path);
void lxc_config_free(struct lxc_config *config);

/* The spec, owned by config, valid until it is freed or cleared. */
struct spec *lxc_config_spec(struct lxc_config *config);

/*
 * Adds a file (includes followed, depth and cycles bounded) to what is there. 0, or -errno with *err naming
 * FILE:LINE, key and reason. An unknown key is an error that names the nearest known key.
 */
int lxc_config_load(struct lxc_config *config, const char *file, struct error *err);

/*
 * One key as lxc_container's calls take it. set: adds or replaces as a line of a file would, remembered for
 * saving; an empty value clears. origin_name: where it was written ("command line", "API").
 * get: value as LXC's get_config_item prints it (lists: a line each, newline ended), malloc'ed; -ENOENT: no such
 * key. clear: back to unset. keys: names below key ("lxc.net.0" -> "type\nlink\n..."; NULL: all that exist).
 */
int lxc_config_set(struct lxc_config *config, const char *key, const char *value, const char *origin_name,
	struct error *err);
int lxc_config_get(struct lxc_config *config, const char *key, char **ret_value);
int lxc_config_clear(struct lxc_config *config, const char *key, struct error *err);
int lxc_config_keys(struct lxc_config *config, const char *key, char **ret_names);
/* The value of key in a spec alone (of a running container). */
int lxc_config_get_from_spec(const struct spec *spec, const char *key, char **ret_value);

/* Names as LXC's table has them, no more: neither "lxc.net.0.type" nor names of 2012. */
bool lxc_config_is_supported(const char *key);
/* Known key by number from 0; NULL: behind the last. */
const char *lxc_config_known_key(size_t number);

/* Drops everything: spec and text. */
void lxc_config_reset(struct lxc_config *config);

/* The text as it would be saved, malloc'ed. write: atomically. */
int lxc_config_text(struct lxc_config *config, char **ret_text);
int lxc_config_write(struct lxc_config *config, const char *file, struct error *err);
/* The text with every 2012 key rewritten to today's (lxc-update-config); comments stay. */
int lxc_config_update_text(const char *text, const char *file, char **ret_text, struct error *err);

/*
 * Makes the spec ready for engine_start: the command line from argv (NULL: lxc.init.cmd, for applications
 * lxc.execute.cmd). is_application: started by lxc-execute.
 */
int lxc_config_prepare(struct lxc_config *config, char *const *argv, bool is_application, struct error *err);
