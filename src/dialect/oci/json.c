/* Values of a JSON text with the way to them. */
#include "dialect/oci/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static const char *type_name(enum json_type type)
{
	switch (type) {
	case JSON_BOOLEAN: return "true or false";
	case JSON_INTEGER: return "a whole number";
	case JSON_OBJECT: return "an object";
	case JSON_ARRAY: return "an array";
	case JSON_STRING: return "a string";
	case JSON_NUMBER:
	case JSON_NULL: break;
	}
	return "a value of another type";
}

static size_t write_path(const struct json_at *at, char *buffer, size_t size)
{
	size_t used = at->up ? write_path(at->up, buffer, size) : 0;

	if (!at->up)
		return 0;
	if (at->name) { /* not by snprintf: each mount and each device rule has an origin */
		if (used && used + 1 < size)
			buffer[used++] = '.';
		size_t length = strnlen(at->name, size - 1 - used);
		memcpy(buffer + used, at->name, length);
		buffer[used + length] = '\0';
		return used + length;
	}
	int n = snprintf(buffer + used, size - used, "[%zu]", at->index);
	used += n > 0 ? (size_t)n : 0;
	return used < size ? used : size - 1;
}

struct origin json_origin(const struct json_at *at)
{
	char path[96] = "";
	struct spec *spec = at->in->spec;

	(void)write_path(at, path, sizeof(path));
	return (struct origin){ .source = spec_source(spec, at->in->file), .key = spec_source(spec, path) };
}

static int fault(const struct json_at *at, const char *what)
{
	char path[96] = "";

	(void)write_path(at, path, sizeof(path));
	(void)error_set_kind(at->in->err, ERROR_CONFIG, 0, "%s", what);
	error_locate(at->in->err, at->in->file, 0, *path ? path : NULL);
	return -EINVAL;
}

int json_fault(const struct json_at *at, const char *fmt, ...)
{
	char what[400];
	va_list arguments;

	va_start(arguments, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, arguments);
	va_end(arguments);
	return fault(at, what);
}

int json_missing(const struct json_at *up, const char *name)
{
	struct json_at at = { .up = up, .name = name, .in = up->in };

	return fault(&at, "must be given");
}

int json_no_memory(const struct json_at *at)
{
	return error_set(at->in->err, ENOMEM, "read %s", at->in->file);
}

static int check_type(const struct json_at *at, enum json_type type)
{
	if (at->value->type == type)
		return 0;
	return json_fault(at, "must be %s", type_name(type));
}

int json_member(const struct json_at *up, const char *name, enum json_type type, struct json_at *ret)
{
	*ret = (struct json_at){ .up = up, .name = name, .in = up->in };
	ret->value = json_value_member(up->value, name);
	if (!ret->value || ret->value->type == JSON_NULL)
		return 0;
	int r = check_type(ret, type);
	return r < 0 ? r : 1;
}

int json_item(const struct json_at *up, size_t index, enum json_type type, struct json_at *ret)
{
	*ret = (struct json_at){ .up = up, .index = index, .in = up->in,
		.value = json_value_item(up->value, index) };
	return check_type(ret, type);
}

size_t json_count(const struct json_at *array)
{
	return array->value->count;
}

const char *json_text_of(const struct json_at *at)
{
	if (strlen(at->value->text) == at->value->length)
		return at->value->text;
	(void)json_fault(at, "must not hold a NUL character");
	return NULL;
}

int json_take_text(const struct json_at *up, const char *name, char **ret)
{
	struct json_at at;
	int r = json_member(up, name, JSON_STRING, &at);

	if (r <= 0)
		return r;
	const char *text = json_text_of(&at);
	if (!text)
		return -EINVAL;
	free(*ret);
	*ret = strdup(text);
	return *ret ? 1 : json_no_memory(&at);
}

int json_take_texts(const struct json_at *up, const char *name, struct string_list *ret)
{
	struct json_at at, item;
	int r = json_member(up, name, JSON_ARRAY, &at);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < json_count(&at); i++) {
		r = json_item(&at, i, JSON_STRING, &item);
		if (r < 0)
			return r;
		const char *text = json_text_of(&item);
		if (!text)
			return -EINVAL;
		if (string_list_add(ret, text) < 0)
			return json_no_memory(&item);
	}
	return 1;
}

int json_take_bool(const struct json_at *up, const char *name, bool *ret)
{
	struct json_at at;
	int r = json_member(up, name, JSON_BOOLEAN, &at);

	if (r > 0)
		*ret = at.value->is_true;
	return r;
}

int json_take_i64(const struct json_at *up, const char *name, int64_t *ret)
{
	struct json_at at;
	int r = json_member(up, name, JSON_INTEGER, &at);

	if (r > 0)
		*ret = json_i64_of(&at);
	return r;
}

int json_take_u64(const struct json_at *up, const char *name, uint64_t *ret)
{
	struct json_at at;
	int r = json_member(up, name, JSON_INTEGER, &at);

	if (r <= 0)
		return r;
	if (at.value->is_negative && at.value->magnitude)
		return json_fault(&at, "must not be negative");
	*ret = at.value->magnitude;
	return 1;
}

int json_take_u32(const struct json_at *up, const char *name, uint32_t *ret)
{
	struct json_at at;
	uint64_t value = 0;
	int r = json_take_u64(up, name, &value);

	if (r <= 0)
		return r;
	if (value > UINT32_MAX) {
		(void)json_member(up, name, JSON_INTEGER, &at);
		return json_fault(&at, "must be at most %u", UINT32_MAX);
	}
	*ret = (uint32_t)value;
	return 1;
}

int json_take_members(const struct json_at *up, const char *name, enum json_type type, json_each each, void *data)
{
	struct json_at at;
	int r = json_member(up, name, JSON_OBJECT, &at);

	if (r <= 0)
		return r;
	for (struct json_value *value = at.value->first; value; value = value->next) {
		struct json_at item = { .up = &at, .name = value->name, .in = at.in, .value = value };
		r = check_type(&item, type);
		r = r < 0 ? r : each(&item, data);
		if (r < 0)
			return r;
	}
	return 1;
}

struct texts {
	json_each_text each;
	void *data;
};

static int take_text_of_map(const struct json_at *at, void *data)
{
	const struct texts *texts = data;
	const char *text = json_text_of(at);

	return text ? texts->each(at, text, texts->data) : -EINVAL;
}

int json_take_map(const struct json_at *up, const char *name, json_each_text each, void *data)
{
	struct texts texts = { each, data };

	return json_take_members(up, name, JSON_STRING, take_text_of_map, &texts);
}

static void locate_line(struct reading *in, const char *text, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	error_locate(in->err, in->file, line, NULL);
}

int json_parse(struct reading *in, const char *text, size_t length, struct json_tree *ret)
{
	const char *why;
	size_t offset;
	int r = json_tree_parse(ret, text, length, &offset, &why);

	if (r == 0 && ret->root->type != JSON_OBJECT) {
		why = "it must be one object";
		r = -EINVAL;
	}
	if (r == 0)
		return 0;
	json_tree_clear(ret);
	if (r == -ENOMEM)
		return error_set(in->err, ENOMEM, "read %s", in->file);
	(void)error_set_kind(in->err, ERROR_CONFIG, 0, "no JSON: %s", why);
	locate_line(in, text, offset);
	return -EINVAL;
}
