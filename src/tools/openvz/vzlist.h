#pragma once
#include "tools/openvz/vz.h"

#include <stdio.h>

/* vzlist: rows, and the fields that each can show. */

enum vl_status { VL_RUNNING, VL_STOPPED, VL_MOUNTED, VL_SUSPENDED };

/* Counters of a running container; UINT64_MAX: not known. */
struct vl_use {
	bool is_read;
	uint64_t pids, pids_peak, pids_failed, memory, memory_peak, memory_failed, kernel, swap;
	uint64_t shared, anonymous, locked, reclaimable, sockets;
};

struct vl_row {
	bool is_lxc;
	char *lxc_name;	  /* with is_lxc */
	const char *lxc_path;
	struct vz_ct ct;  /* global is shared by all */
	enum vl_status status;
	pid_t init_pid;
	struct spec *spec; /* of a running LXC container, when it was needed */
	struct vl_use use;
};
struct vl_rows {
	struct vl_row *items;
	size_t count, capacity;
};

enum vl_type { VL_NUMBER, VL_TEXT, VL_LIST, VL_BOOL, VL_UBC, VL_DISK, VL_RAW };

struct vl_field {
	const char *name, *header;
	int width; /* negative: to the left */
	enum vl_type type;
	const char *key; /* of the configuration */
	/* What the row has, malloc'ed; NULL: nothing ("-", null). NULL: the key's value. */
	char *(*get)(struct vl_row *row, const struct vl_field *field);
};
extern const struct vl_field vl_fields[]; /* ended by name NULL */
const struct vl_field *vl_find(const char *name, size_t length);

/* A column: a field, and which part of it: 0 or m, b, l, f (UBC), s, h (disk). */
struct vl_column {
	const struct vl_field *field;
	char part;
};
struct vl_columns {
	struct vl_column *items;
	size_t count, capacity;
};

/* A container by its id or name, for the other programs that show counters; its fault is told. 0 or -1. vl_close after it. */
int vl_open(const char *program, const char *word, struct vl_row *ret);
void vl_close(struct vl_row *row);
/* The ids of the running containers, as text. 0 or -errno. */
int vl_running(struct string_list *ret);

/* The cell as text, malloc'ed; NULL: no memory. */
char *vl_cell(struct vl_row *row, const struct vl_column *column);
/* The parts of a UBC parameter: held, maxheld, barrier, limit, failcnt. False: the configuration has it not. */
bool vl_ubc(struct vl_row *row, const struct vl_field *field, uint64_t ret[5]);
/* usage, soft, hard. */
bool vl_disk(struct vl_row *row, const struct vl_field *field, uint64_t ret[3]);

void vl_print_table(struct vl_rows *rows, const struct vl_columns *columns, bool has_header, bool is_trimmed);
void vl_print_json(struct vl_rows *rows, const struct vl_columns *columns);
