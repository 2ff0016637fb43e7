#pragma once
#include <stdbool.h>
#include <stddef.h>

/* What the kernel can do, for lxc-checkconfig. */

enum probe_result { PROBE_MISSING, PROBE_ENABLED, PROBE_UNKNOWN };

/* ---- kernel_probe.c: the running kernel is asked; nothing stays behind ---- */
enum probe_result probe_namespace(const char *name); /* as below /proc/self/ns */
enum probe_result probe_filesystem(const char *type);
/* One of the names in the table of kernel_probe.c: "clone3", "pidfd", ... */
enum probe_result probe_call(const char *name);
/* A kind of network interface: tried in a network namespace that goes away at once. */
enum probe_result probe_link_kind(const char *kind);
enum probe_result probe_path(const char *path);

/* ---- kernel_config.c: how it was built ---- */
struct kernel_config {
	char *text;  /* NULL: not found */
	char *file;  /* where it was read */
	bool is_own; /* CONFIG of the environment: not about the running kernel */
};
/* Of $CONFIG, else of the running kernel. -errno only if $CONFIG can not be read. */
int kernel_config_load(struct kernel_config *config);
void kernel_config_clear(struct kernel_config *config);
/* symbol: "CONFIG_VETH"; several with '|': any of them. */
enum probe_result kernel_config_find(const struct kernel_config *config, const char *symbols);
/* Loaded, built in, or a file below /lib/modules. */
enum probe_result kernel_module_find(const char *name);
