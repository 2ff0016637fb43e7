#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json_tree.h"
#include "spec/spec.h"

/* One reading of a JSON file: where its faults go to. */
struct reading {
	struct spec *spec;
	const char *file; /* for error lines */
	struct error *err;
};

/* A value and the way to it, on the C stack: so that a fault can name its JSON path. */
struct json_at {
	const struct json_at *up;
	const char *name; /* key; NULL: item number index */
	size_t index;
	struct json_value *value;
	struct reading *in;
};

/* 1: *ret is the member; 0: there is none, or null; -EINVAL: it is of another type, *err says so. */
int json_member(const struct json_at *up, const char *name, enum json_type type, struct json_at *ret);
/* Item number index of an array. 0 or -EINVAL. */
int json_item(const struct json_at *up, size_t index, enum json_type type, struct json_at *ret);
size_t json_count(const struct json_at *array);

/* "linux.resources.memory.limit: TEXT". -EINVAL. */
int json_fault(const struct json_at *at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The fault of a member that has to be there. */
int json_missing(const struct json_at *up, const char *name);
/* For errors that are found later. */
struct origin json_origin(const struct json_at *at);

/* A whole number, the nearest of this type. */
static inline int64_t json_i64_of(const struct json_at *at)
{
	return json_value_i64(at->value);
}

/* Members by type. 1: taken; 0: not there; -EINVAL, -ENOMEM with the error filled. */
int json_take_text(const struct json_at *up, const char *name, char **ret);
int json_take_texts(const struct json_at *up, const char *name, struct string_list *ret);
int json_take_bool(const struct json_at *up, const char *name, bool *ret);
int json_take_u32(const struct json_at *up, const char *name, uint32_t *ret);
int json_take_i64(const struct json_at *up, const char *name, int64_t *ret);
int json_take_u64(const struct json_at *up, const char *name, uint64_t *ret);
/* An object whose members are all of one type; each returns < 0 to end it. */
typedef int (*json_each)(const struct json_at *at, void *data);
int json_take_members(const struct json_at *up, const char *name, enum json_type type, json_each each, void *data);
/* An object of strings. */
typedef int (*json_each_text)(const struct json_at *at, const char *value, void *data);
int json_take_map(const struct json_at *up, const char *name, json_each_text each, void *data);

/* The text of a string value without a NUL in it, borrowed; NULL: the error is filled. */
const char *json_text_of(const struct json_at *at);

int json_no_memory(const struct json_at *at);

/* Parses a whole text, which must be one object and outlive ret. The caller clears ret. 0 or -errno with the error filled. */
int json_parse(struct reading *in, const char *text, size_t length, struct json_tree *ret);
