#pragma once
#include "dialect/openvz/conf.h"
#include "spec/spec.h"

#include <stdbool.h>
#include <stdint.h>

/* A container of OpenVZ: what vz.conf, its own CTID.conf and the command line say of it, the last one first. */
struct vz_ct {
	uint32_t id;
	char name[12];	       /* the id as text: the container's name for the engine */
	char conf_dir[480];    /* the engine's base path for it */
	char conf_path[512];
	bool has_conf;	       /* CTID.conf is there */
	struct vz_conf global; /* vz.conf */
	struct vz_conf own;
	struct vz_conf given;  /* by options of the command */
};

#define VZ_DIALECT "openvz"
#define VZ_ID_MAX  2147483644U
#define VZ_CONFIG  "/etc/vz"

/* /etc/vz, or what the environment's WABE_VZ_CONFIG says (a trial, a test). ret: "DIR/conf". */
const char *vz_config_directory(void);
void vz_conf_directory(char *buffer, size_t size);

/* vz.conf need not exist here: it is looked at by the commands (exit 10). -errno: a file can not be read. */
int vz_ct_open(struct vz_ct *ct, uint32_t id, struct error *err);
/* The same with a global configuration that is taken over by copy of its pointers: do not clear it before ct. */
int vz_ct_open_with(struct vz_ct *ct, uint32_t id, const struct vz_conf *global, struct error *err);
void vz_ct_clear(struct vz_ct *ct);
/* Of vz_ct_open_with. */
void vz_ct_clear_own(struct vz_ct *ct);

/* The value that holds, or NULL. */
const char *vz_ct_get(const struct vz_ct *ct, const char *key);
bool vz_ct_is(const struct vz_ct *ct, const char *key, bool preset);

/* A path with $VEID and $VZDIR filled in, malloc'ed; where the key is not set: its preset below VZDIR. NULL: no memory, or no such key. */
char *vz_ct_path(const struct vz_ct *ct, const char *key);
char *vz_expand(const char *text, const char *name, const char *directory);

/* The container's ids for the host start here; 0: it has the host's ids. */
uint32_t vz_ct_uid_base(const struct vz_ct *ct);
uint32_t vz_ct_gid_base(const struct vz_ct *ct);
#define VZ_ID_RANGE 65536U

/* Is its area an image (layout ploop)? The image's path with ret, malloc'ed. */
bool vz_ct_is_ploop(const struct vz_ct *ct, char **ret_image);

/* What the engine starts. root: the directory of the root file system; is_mapped: its files have the ids of the inside. */
int vz_ct_spec(const struct vz_ct *ct, const char *root, bool is_mapped, struct spec **ret_spec, struct error *err);

/* All ids with a CTID.conf, sorted; count or -errno. */
struct vz_ids {
	uint32_t *items;
	size_t count, capacity;
};
int vz_list(struct vz_ids *ret);
