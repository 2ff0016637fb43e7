#pragma once
#include "base/error.h"
#include "dialect/lxc/config.h"
#include "spec/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Shared by the files of this folder; not for others. */

/* The configuration; see config.h. */
struct lxc_config {
	struct spec *spec;
	char *text; /* lines as they would be saved; each ends with a newline */
	size_t text_length, text_capacity;
	unsigned include_count;
	uint32_t legacy_link; /* N that the last lxc.network.type opened, plus 1; 0: none */
};

/* One line (or one API call) at work. */
struct key_call {
	struct lxc_config *config;
	struct spec *spec;
	const struct key *key;
	const char *name;   /* the key in full, today's form */
	const char *suffix; /* what is behind a prefix key, "" without */
	const char *value;
	struct origin origin;
	bool is_line; /* of a file: quotes were stripped */
	struct error *err;
};

/* One key of the language. A row without functions is one scalar, handled by kind and offset. */
struct key {
	const char *name;
	enum key_kind {
		KEY_SPECIAL, /* functions below */
		KEY_TEXT,
		KEY_PATH,
		KEY_BOOL,
		KEY_BOOL_INVERSE,
		KEY_U32,
		KEY_I32,
		KEY_SIZE, /* bytes with unit, stored in 64 bits */
		KEY_SIGNAL,
		KEY_LIST, /* struct string_list, an item per line */
		KEY_WORDS, /* struct string_list, blank-separated */
	} kind;
	size_t offset;	      /* in struct spec, for scalars and lists */
	size_t origin_offset; /* of the struct origin to fill; 0: none */
	int (*set)(struct key_call *call);
	/* suffix: behind the prefix; of other keys their name. get: 0 or -ENOENT */
	int (*get)(const struct spec *spec, const char *suffix, FILE *out);
	void (*clear)(struct spec *spec, const char *suffix);
	bool is_prefix; /* matches name itself and name.SUFFIX */
};

extern const struct key lxc_keys[]; /* ended by a NULL name */

/* The key named; *ret_suffix is behind a prefix. NULL: unknown. */
const struct key *key_find(const char *name, const char **ret_suffix);

/*
 * Today's form of a key: a 2012 name is replaced by what it means, written into buffer. legacy_link: see struct
 * lxc_config; NULL: do not change it (a read). Returns name itself when it is not a legacy one. NULL: the key is
 * one that has no effect any more (lxc.kmsg, lxc.pivotdir).
 */
const char *key_modern(const char *name, uint32_t *legacy_link, char *buffer, size_t size);

/* Nearest known key for an error line, or NULL when none is near. */
const char *key_nearest(const char *name);

/* Fills *err with origin and reason ("VALUE: REASON"). -EINVAL. */
int key_fault(struct key_call *call, const char *reason, const char *hint);

/* Sets one key from call->value (not empty); clears when it is empty. */
int key_apply(struct key_call *call);
int key_get(const struct spec *spec, const struct key *key, const char *suffix, FILE *out);
void key_clear(struct spec *spec, const struct key *key, const char *suffix);

/* ---- lxc.net.* (keys_net.c) ---- */
int net_set(struct key_call *call);
int net_get(const struct spec *spec, const char *suffix, FILE *out);
void net_clear(struct spec *spec, const char *suffix);
/* Levenshtein distance of two short texts. */
unsigned key_distance(const char *a, const char *b);
/* Names below lxc.net.N for the type that N has. -EINVAL: no such link. */
int net_list_keys(const struct spec *spec, const char *suffix, FILE *out);

/* ---- lists and groups (keys_lists.c, keys_mounts.c, keys_process.c) ---- */
int environment_set(struct key_call *call);
int absolute_paths_set(struct key_call *call); /* a path per line */
int hook_set(struct key_call *call);
int hook_get(const struct spec *spec, const char *suffix, FILE *out);
void hook_clear(struct spec *spec, const char *suffix);
int cgroup_set(struct key_call *call);
int cgroup_get_v1(const struct spec *spec, const char *suffix, FILE *out);
int cgroup_get_v2(const struct spec *spec, const char *suffix, FILE *out);
void cgroup_clear_v1(struct spec *spec, const char *suffix);
void cgroup_clear_v2(struct spec *spec, const char *suffix);
int prlimit_set(struct key_call *call);
int prlimit_get(const struct spec *spec, const char *suffix, FILE *out);
void prlimit_clear(struct spec *spec, const char *suffix);
int sysctl_set(struct key_call *call);
int sysctl_get(const struct spec *spec, const char *suffix, FILE *out);
void sysctl_clear(struct spec *spec, const char *suffix);
int proc_set(struct key_call *call);
int proc_get(const struct spec *spec, const char *suffix, FILE *out);
void proc_clear(struct spec *spec, const char *suffix);
int idmap_set(struct key_call *call);
int idmap_get(const struct spec *spec, const char *suffix, FILE *out);
void idmap_clear(struct spec *spec, const char *suffix);
int cap_set(struct key_call *call);
int namespace_set(struct key_call *call);
int namespace_get_clone(const struct spec *spec, const char *suffix, FILE *out);
int namespace_get_keep(const struct spec *spec, const char *suffix, FILE *out);
int namespace_get_share(const struct spec *spec, const char *suffix, FILE *out);
void namespace_clear_clone(struct spec *spec, const char *suffix);
void namespace_clear_keep(struct spec *spec, const char *suffix);
void namespace_clear_share(struct spec *spec, const char *suffix);
int time_set(struct key_call *call);
int time_get_boot(const struct spec *spec, const char *suffix, FILE *out);
int time_get_monotonic(const struct spec *spec, const char *suffix, FILE *out);
void time_clear_boot(struct spec *spec, const char *suffix);
void time_clear_monotonic(struct spec *spec, const char *suffix);
int mount_entry_set(struct key_call *call);
int mount_entry_get(const struct spec *spec, const char *suffix, FILE *out);
void mount_entry_clear_all(struct spec *spec, const char *suffix);
int mount_auto_set(struct key_call *call);
int mount_auto_get(const struct spec *spec, const char *suffix, FILE *out);
void mount_auto_clear(struct spec *spec, const char *suffix);
int rootfs_path_set(struct key_call *call);
int rootfs_path_get(const struct spec *spec, const char *suffix, FILE *out);
void rootfs_path_clear(struct spec *spec, const char *suffix);
int arch_set(struct key_call *call);
int arch_get(const struct spec *spec, const char *suffix, FILE *out);
void arch_clear(struct spec *spec, const char *suffix);
int include_set(struct key_call *call); /* load.c */
int log_level_set(struct key_call *call);
int console_size_set(struct key_call *call);
int console_size_get(const struct spec *spec, const char *suffix, FILE *out);
int console_buffer_get(const struct spec *spec, const char *suffix, FILE *out);
void console_size_clear(struct spec *spec, const char *suffix);
void console_buffer_clear(struct spec *spec, const char *suffix);
int death_signal_set(struct key_call *call);
int death_signal_get(const struct spec *spec, const char *suffix, FILE *out);
void death_signal_clear(struct spec *spec, const char *suffix);
int groups_set(struct key_call *call);
int groups_get(const struct spec *spec, const char *suffix, FILE *out);
void groups_clear(struct spec *spec, const char *suffix);
int hook_version_set(struct key_call *call);
int host_name_set(struct key_call *call);
int cgroup_dir_set(struct key_call *call);
int notify_proxy_set(struct key_call *call);
/* lxc.rootfs.backend, of 2.0 alone: the kind of storage that has become the prefix of lxc.rootfs.path. */
int rootfs_backend_set(struct spec *spec, const char *value);
int rootfs_mount_get(const struct spec *spec, const char *suffix, FILE *out);
int rootfs_options_set(struct key_call *call);
int rootfs_mount_set(struct key_call *call);
void rootfs_mount_clear(struct spec *spec, const char *suffix);
int empty_only_set(struct key_call *call);
int nothing_get(const struct spec *spec, const char *suffix, FILE *out);
void nothing_clear(struct spec *spec, const char *suffix);
void hooks_clear_all(struct spec *spec, const char *suffix);

/* Splits lxc.net's suffix "N.KEY"; -EINVAL: no number. *ret_key is NULL for "N" alone. */
int net_split(const char *suffix, uint32_t *ret_index, const char **ret_key);
