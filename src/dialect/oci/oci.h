#pragma once
#include <stddef.h>

#include "base/error.h"
#include "spec/spec.h"

/*
 * OCI's runtime specification as a language for containers. Unknown properties are ignored, unknown values of known
 * enumerations are faults, and each fault names its JSON path. Nothing here looks at the host.
 */

/*
 * config.json, its text being in memory, into an empty spec. file: its path, for error lines. bundle: absolute; a
 * relative rootfs and bind source lies below it. 0 or -errno with *err filled.
 */
int oci_parse_config(struct spec *spec, const char *file, const char *bundle, const char *text, size_t length,
	struct error *err);

/* A process object (exec --process) into spec, in place of what its process was. */
int oci_parse_process(struct spec *spec, const char *file, const char *text, size_t length, struct error *err);

/* A resources object (update --resources): its limits as the only settings of spec. */
int oci_parse_resources(struct spec *spec, const char *file, const char *text, size_t length, struct error *err);

/* Adds one cgroup setting, for v1 or v2. 0 or -ENOMEM. */
int oci_add_setting(struct spec *spec, bool is_v2, const char *file, const struct origin *origin, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Bit of a capability's name "CAP_CHOWN"; 0: unknown. */
uint64_t oci_capability_bit(const char *name);

/* Is name a container ID: letters, digits and "_+.-", not "." nor ".."? */
bool oci_is_id(const char *name);

/* The path without "." and "..", which never leads above "/"; no slash at the ends. In place. */
void oci_clean_path(char *path);

/* Words that features tells: NULL-ended. */
extern const char *const oci_namespaces[], *const oci_hooks[];
extern const char *const oci_own_mount_options[]; /* beside those of spec/mount_options.h */
