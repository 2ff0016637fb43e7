#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every parameter of CTID.conf and how the commands take it. */

enum vz_kind {
	VZ_TEXT,
	VZ_YESNO,
	VZ_NUMBER,
	VZ_PERCENT,	 /* number, "%" allowed */
	VZ_FLOAT,
	VZ_BYTES_RATE,	 /* IOLIMIT: bytes with a suffix, MB without; bytes in the file */
	VZ_UNITS,	 /* CPUUNITS: 8..500000 */
	VZ_UBC_ITEMS,	 /* barrier:limit */
	VZ_UBC_BYTES,
	VZ_UBC_PAGES,
	VZ_DISK_SPACE,	 /* soft:hard in KB */
	VZ_DISK_INODES,
	VZ_CPU_LIST,
	VZ_NETFILTER,
	VZ_PRIORITY,	 /* 0..7 */
	VZ_MEMINFO,
	VZ_RATE,	 /* DEVICE:CLASS:KBIT */
};

enum vz_flag {
	VZ_RESTART = 1,	     /* takes effect at the next start */
	VZ_SAVE_ONLY = 2,    /* means nothing without --save */
	VZ_COUNTED = 4,	     /* accepted and kept; the kernel has no limit of that sort */
	VZ_CREATE = 8,	     /* an option of create, too */
	VZ_NO_OPTION = 16,   /* set by other means than an option of its own name */
};

struct vz_param {
	const char *key;
	const char *option; /* without "--"; NULL: none */
	enum vz_kind kind;
	unsigned flags;
	const char *value_name, *help;
};

extern const struct vz_param vz_params[]; /* ended by key NULL */
const struct vz_param *vz_param_find(const char *key);
const struct vz_param *vz_param_option(const char *option);

#define VZ_UNLIMITED INT64_C(9223372036854775807)

struct vz_pair {
	int64_t barrier, limit;
};

/* "N", "B:L", "unlimited" with units as kind says. 0 or -EINVAL. */
int vz_parse_pair(const char *text, enum vz_kind kind, struct vz_pair *ret);

/*
 * What CTID.conf will have for what an option was given, malloc'ed in *ret: plain numbers in base units. 0, -EINVAL, -ENOMEM.
 */
int vz_param_parse(const struct vz_param *param, const char *text, char **ret);

/* A name of a container: letters, digits, "-_. +" (and space). */
bool vz_is_name(const char *text);
/* The id that text is, or 0. */
uint32_t vz_parse_id(const char *text);
