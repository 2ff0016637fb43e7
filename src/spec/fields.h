#pragma once
#include "spec/spec.h"

#include <stddef.h>

/* The table of all fields, see the comment at the top of spec.h. */

enum field_kind {
	FIELD_TEXT,    /* char *, owned */
	FIELD_BOOL,
	FIELD_U32,
	FIELD_I32,
	FIELD_U64,
	FIELD_I64,
	FIELD_LIST,    /* struct string_list */
	FIELD_ORIGIN,  /* struct origin */
	FIELD_STRUCTS, /* VECTOR of structs that `items` describes */
};

struct field {
	const char *name; /* "mounts.entries"; of an item: "target"; ended by NULL */
	enum field_kind kind;
	size_t offset;
	uint32_t default_u32; /* FIELD_U32 only */
	const struct field *items;
	size_t item_size;
};

extern const struct field spec_fields[];

/* The field inside object. */
static inline void *field_at(const struct field *field, const void *object)
{
	return (char *)object + field->offset;
}

/* Releases what one object of the table owns; the object itself stays, zeroed where it was owned. */
void fields_clear(const struct field *fields, void *object);
/* Into a zeroed object. 0 or -ENOMEM. */
int fields_copy(const struct field *fields, void *to, const void *from);
bool fields_equal(const struct field *fields, const void *a, const void *b);
/* Is one field at its default? */
bool field_is_default(const struct field *field, const void *object);
