#pragma once
#include "tools/tool.h"

struct lxc_container;

/* "LABEL  1.50 KiB", raw: "LABEL  1536"; nothing for UINT64_MAX. */
void info_print_bytes(bool raw, const char *label, uint64_t bytes);

/* ---- the interfaces of a running container ---- */

/* As LXC does: name and bytes. */
void info_print_links(bool raw, struct lxc_container *c);
/* All that is known of them. */
void info_print_interfaces(bool raw, struct lxc_container *c);
/* The same as the array "links". */
void info_write_interfaces(struct json *json, struct lxc_container *c);
