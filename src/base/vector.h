#pragma once
#include <stdbool.h>
#include <stddef.h>

/* A growable array of any type. Zeroed means empty; all vectors have this layout. */
#define VECTOR(type)                                                                                         \
	struct {                                                                                             \
		type *items;                                                                                 \
		size_t count;                                                                                \
		size_t capacity;                                                                             \
	}

/* The layout with the type taken off, for code that handles any of them. */
struct vector {
	void *items;
	size_t count;
	size_t capacity;
};

/* Owns its strings. */
struct string_list {
	char **items;
	size_t count;
	size_t capacity;
};

#define vector_for_each(item, vector)                                                                        \
	for (__typeof__(*(vector)->items) *item = (vector)->items; item < (vector)->items + (vector)->count; item++)

/* Appends one zeroed item of item_size bytes. Returns it (valid until the next call), or NULL: no memory. */
void *vector_add_raw(void *vector, size_t item_size);
#define vector_add(vector) ((__typeof__((vector)->items))vector_add_raw((vector), sizeof(*(vector)->items)))

/* Removes item number index; what the item owns must have been released by the caller. */
void vector_remove_raw(void *vector, size_t item_size, size_t index);
#define vector_remove(vector, index) vector_remove_raw((vector), sizeof(*(vector)->items), (index))

/* Copies text to the end. 0 or -ENOMEM. */
int string_list_add(struct string_list *list, const char *text);
bool string_list_has(const struct string_list *list, const char *text);
void string_list_sort(struct string_list *list); /* by strcmp */
void string_list_clear(struct string_list *list);
