#pragma once
#include "dialect/oci/json.h"
#include "dialect/oci/oci.h"

/* The parts of config.json; shared by the files of this folder. Each: 0 or -errno with the error filled. */
int oci_read_process(const struct json_at *root, struct spec *spec);
int oci_read_mounts(const struct json_at *root, struct spec *spec);
int oci_read_hooks(const struct json_at *root, struct spec *spec);
int oci_read_linux(const struct json_at *root, struct spec *spec);
int oci_read_idmaps(const struct json_at *linux_part, struct spec *spec);
int oci_read_resources(const struct json_at *resources, struct spec *spec);
int oci_read_net_devices(const struct json_at *linux_part, struct spec *spec);
int oci_read_memory_policy(const struct json_at *linux_part, struct spec *spec);
int oci_read_intel_rdt(const struct json_at *linux_part, struct spec *spec);
int oci_read_blkio(const struct json_at *resources, struct spec *spec);
int oci_read_rdma(const struct json_at *resources, struct spec *spec);

/* Number of text in a NULL-ended list, or -1. */
int oci_word(const char *const *words, const char *text);

/* The list "flags" of at: adds to *ret those of bits whose names it has. names ends with NULL. 0, or -errno with the fault told. */
int oci_read_flags(const struct json_at *at, const char *const *names, const uint32_t *bits, uint32_t *ret);
/* MS_SHARED | MS_REC ... of "rshared"; 0: no such word. */
uint64_t oci_propagation(const char *word);
