#pragma once
#include "dialect/lxc/keys.h"

/*
 * The text of a configuration as it would be saved: the lines of the loaded file byte for byte, changed only
 * where a key was set or cleared. Lines of included files are not part of it. 0 or -ENOMEM.
 */
int document_append(struct lxc_config *config, const char *text, size_t length);
/* Adds a line; the last one gets its newline first. */
int document_add_line(struct lxc_config *config, const char *key, const char *value);
/* Takes out the lines of a key, and of what clearing it clears, in either form (today's or of 2012). */
void document_remove(struct lxc_config *config, const char *modern_key);
/* Puts the digits that were chosen for x in hardware addresses into the lines that have them. */
void document_fill_hwaddr(struct lxc_config *config);
