#pragma once
#include "base/vector.h"
#include "tools/tool.h"

#include <regex.h>

/* What lxc-ls knows of one container: one text per column. */
enum ls_column {
	COLUMN_NAME,
	COLUMN_STATE,
	COLUMN_PID,
	COLUMN_RAM,
	COLUMN_SWAP,
	COLUMN_AUTOSTART,
	COLUMN_GROUPS,
	COLUMN_INTERFACE,
	COLUMN_IPV4,
	COLUMN_IPV6,
	COLUMN_UNPRIVILEGED,
	COLUMN_TX,
	COLUMN_RX,
	COLUMN_COUNT,
};

extern const char *const ls_column_names[COLUMN_COUNT];

struct ls_row {
	char *cells[COLUMN_COUNT]; /* NULL: nothing, or not asked for; TX and RX: plain bytes */
	int depth;		   /* of nesting */
};

struct ls_rows {
	struct ls_row *items;
	size_t count;
	size_t capacity;
};

struct ls_state {
	bool one_per_line, fancy, json;
	bool active, running, frozen, stopped, defined;
	int nesting;		/* levels to go down */
	bool oci;
	const char *oci_root;	/* NULL: the default one */
	const char *filter;	/* regular expression or NULL */
	struct string_list groups;
	enum ls_column columns[32];
	size_t column_count;
	bool bad_column;
	unsigned int needed;	/* 1 << column of all that is shown or filtered by */
	regex_t regex;
	bool has_regex;
};

/* Rows of all containers below lxcpath that pass the filters. */
void ls_collect(const struct call *call, const char *lxcpath, int depth, struct ls_rows *rows);
/* Those of the OCI runtime. */
void ls_collect_oci(const struct call *call, struct ls_rows *rows);
void ls_row_clear(struct ls_row *row);
void ls_rows_clear(struct ls_rows *rows);

/* Below the running container c: those of its own lxcpath. */
void ls_collect_nested(const struct call *call, struct lxc_container *c, int depth, struct ls_rows *rows);

/* Interfaces and addresses in the network namespace of pid, joined by ", ". Each NULL if there is none. */
struct ls_addresses {
	char *interfaces, *ipv4, *ipv6;
};
/* -errno where the namespace can not be entered; the caller is back in its own one. */
int ls_read_addresses(int pid, struct ls_addresses *ret);
/* list = list + ", " + text. */
void ls_append(char **list, const char *text);

void ls_print(const struct ls_state *state, const struct ls_rows *rows);
