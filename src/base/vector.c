/* Growable arrays. */
#include "base/vector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *vector_add_raw(void *any, size_t item_size)
{
	struct vector *vector = any;

	if (vector->count == vector->capacity) {
		size_t capacity = vector->capacity ? vector->capacity * 2 : 4;
		void *items = reallocarray(vector->items, capacity, item_size);
		if (!items)
			return NULL;
		vector->items = items;
		vector->capacity = capacity;
	}
	void *item = (char *)vector->items + vector->count * item_size;
	memset(item, 0, item_size);
	vector->count++;
	return item;
}

void vector_remove_raw(void *any, size_t item_size, size_t index)
{
	struct vector *vector = any;
	char *item = (char *)vector->items + index * item_size;

	memmove(item, item + item_size, (vector->count - index - 1) * item_size);
	vector->count--;
}

int string_list_add(struct string_list *list, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	char **item = vector_add(list);
	if (!item) {
		free(copy);
		return -ENOMEM;
	}
	*item = copy;
	return 0;
}

bool string_list_has(const struct string_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] && strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void string_list_sort(struct string_list *list)
{
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), compare_texts);
}

void string_list_clear(struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct string_list){ 0 };
}
