#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * JSON (RFC 8259) as a tree. Our own, because the OCI runtime's start is a matter of a millisecond and the musl programs have no
 * library; what is not on that path reads JSON with json-c.
 */
enum json_type { JSON_NULL, JSON_BOOLEAN, JSON_NUMBER, JSON_INTEGER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_value {
	enum json_type type;	/* JSON_NUMBER: with a fraction, an exponent or out of range */
	bool is_true;		/* boolean */
	bool is_negative;	/* integer */
	uint64_t magnitude;	/* integer, without its sign */
	const char *text;	/* string, decoded, a NUL behind it; may hold others */
	size_t length;		/* of text */
	const char *source;	/* where it begins in what was parsed */
	size_t source_length;
	const char *name;	/* of a member: its key, which holds no NUL */
	struct json_value *first, *last, *next; /* children in their order; a key that came twice has its last value */
	size_t count;		/* children */
	struct json_value *found; /* the child that was asked for last, and its number */
	size_t found_index;
};

struct json_tree {
	struct json_value *root;
	struct json_chunk *chunks;
	char *texts, *texts_end;
};

/*
 * Parses length bytes, which stay the caller's and must outlive the tree. 0; -EINVAL: *ret_offset is where it is no JSON,
 * *ret_why says how; -ENOMEM. Clear a zeroed tree or one that was parsed.
 */
int json_tree_parse(struct json_tree *ret, const char *text, size_t length, size_t *ret_offset, const char **ret_why);
void json_tree_clear(struct json_tree *tree);

/* NULL: no such member, or no object. */
struct json_value *json_value_member(const struct json_value *object, const char *name);
/* NULL: too few. Quick for one after the other. */
struct json_value *json_value_item(struct json_value *array, size_t index);
/* The nearest number of this type. */
int64_t json_value_i64(const struct json_value *value);
