#pragma once
#include "tools/openvz/vz.h"

/* What the options of set and create ask for. The values themselves are in ct.given. */
struct vz_request {
	bool save, force, reset_ub;
	const char *mode;		/* --setmode: restart, ignore; NULL: none */
	const char *name;		/* --name; NULL: not given */
	const char *config;		/* --config, --applyconfig */
	const char *layout;		/* --layout */
	struct string_list keys;	/* of ct.given, in the order given */
	struct string_list add, remove; /* addresses in their usual form */
	bool removes_all;
	struct string_list passwords;
	struct string_list nameservers, search;
	struct string_list netif_add, netif_remove;
	struct string_list interface; /* --ifname and what belongs to it: KEY=VALUE */
};

/* Parses vz->argv. An exit status; its fault was told. */
int vz_request_parse(struct vz *vz, bool is_create, struct vz_request *ret);
void vz_request_clear(struct vz_request *request);
/* Puts key into ct.given and notes it. */
int vz_request_put(struct vz *vz, struct vz_request *request, const char *key, const char *value);
/* The options as --help has them. */
void vz_request_help(FILE *out, bool is_create);

/* ---- request_lists.c: options that change a part of a value ---- */
/* NAME:on|off of CAPABILITY and FEATURES, NAME:RIGHTS of DEVNODES and DEVICES: what option adds to key. */
int vz_merge_switches(struct vz *vz, struct vz_request *request, const char *key, const char *option, const char *text);
int vz_merge_network(struct vz *vz, struct vz_request *request);
