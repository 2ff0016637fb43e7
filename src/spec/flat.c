/* The flat form, see spec.h. A list is one line per item, "NAME[] VALUE"; a vector of structs starts with its
 * length, "NAME# 5", then the items' fields, "NAME[0].FIELD VALUE". */
#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "spec/fields.h"

#include <stdint.h>
#include <string.h>

#define MAX_ITEMS 1000000 /* more is no spec of ours */

/* ---- writing ---- */

/* Grows; a start writes ten kilobytes, where stdio would cost more than the fields. */
struct out {
	char *text;
	size_t length, size;
	bool without_origins;
	bool has_failed; /* no memory: the rest is dropped */
};

static char *reserve(struct out *out, size_t length)
{
	if (out->length + length > out->size) {
		size_t size = out->size ? out->size : 4000;
		while (size < out->length + length)
			size *= 2;
		char *text = realloc(out->text, size);
		if (!text) {
			out->has_failed = true;
			return NULL;
		}
		out->text = text;
		out->size = size;
	}
	return out->text + out->length;
}

static void put(struct out *out, const char *text, size_t length)
{
	char *at = reserve(out, length);

	if (!at)
		return;
	memcpy(at, text, length);
	out->length += length;
}

static void put_text(struct out *out, const char *text)
{
	put(out, text, strlen(text));
}

static void put_name(struct out *out, const char *prefix, const char *name, const char *suffix)
{
	put_text(out, prefix);
	put_text(out, name);
	put_text(out, suffix);
}

static void put_number(struct out *out, uint64_t number, char end)
{
	char digits[24];
	size_t at = sizeof(digits);

	digits[--at] = end;
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	put(out, digits + at, sizeof(digits) - at);
}

static void put_signed(struct out *out, int64_t number)
{
	if (number < 0)
		put(out, "-", 1);
	put_number(out, number < 0 ? -(uint64_t)number : (uint64_t)number, '\n');
}

static void put_value(struct out *out, const char *value)
{
	if (strchr(value, '\n') || strchr(value, '\\')) /* hardly ever; to look is a tenth of strcspn's price */
		for (size_t plain; value[plain = strcspn(value, "\n\\")]; value += plain + 1) {
			put(out, value, plain);
			put(out, value[plain] == '\n' ? "\\n" : "\\\\", 2);
		}
	put_text(out, value);
	put(out, "\n", 1);
}

static void put_fields(struct out *out, const char *prefix, const struct field *fields, const void *object);

static void put_structs(struct out *out, const char *prefix, const struct field *field, const struct vector *vector)
{
	struct out name = { 0 };

	put_name(out, prefix, field->name, "# ");
	put_number(out, vector->count, '\n');
	put_name(&name, prefix, field->name, "[");
	size_t length = name.length;
	for (size_t i = 0; i < vector->count; i++) {
		name.length = length;
		put_number(&name, i, ']');
		put(&name, ".", sizeof(".")); /* and its end */
		out->has_failed |= name.has_failed;
		if (!out->has_failed)
			put_fields(out, name.text, field->items, (char *)vector->items + i * field->item_size);
	}
	free(name.text);
}

static void put_scalar(struct out *out, const struct field *field, const void *at)
{
	const struct origin *origin = at;
	switch (field->kind) {
	case FIELD_BOOL:
		put_number(out, *(const bool *)at, '\n');
		break;
	case FIELD_U32:
		put_number(out, *(const uint32_t *)at, '\n');
		break;
	case FIELD_I32:
		put_signed(out, *(const int32_t *)at);
		break;
	case FIELD_U64:
		put_number(out, *(const uint64_t *)at, '\n');
		break;
	case FIELD_I64:
		put_signed(out, *(const int64_t *)at);
		break;
	default:
		put_number(out, origin->source, ' ');
		put_number(out, origin->line, ' ');
		put_number(out, origin->key, '\n');
		break;
	}
}

static bool is_of_origins(const struct field *field)
{
	return field->kind == FIELD_ORIGIN || strcmp(field->name, "sources") == 0;
}

static void put_fields(struct out *out, const char *prefix, const struct field *fields, const void *object)
{
	for (const struct field *field = fields; field->name; field++) {
		const void *at = field_at(field, object);
		const struct string_list *list = at;
		if (field_is_default(field, object) || (out->without_origins && is_of_origins(field)))
			continue;
		if (field->kind == FIELD_STRUCTS) {
			put_structs(out, prefix, field, at);
		} else if (field->kind == FIELD_LIST) {
			for (size_t i = 0; i < list->count; i++) {
				put_name(out, prefix, field->name, "[] ");
				put_value(out, list->items[i]);
			}
		} else {
			put_name(out, prefix, field->name, " ");
			if (field->kind == FIELD_TEXT)
				put_value(out, *(char *const *)at);
			else
				put_scalar(out, field, at);
		}
	}
}

static int write_flat(const struct spec *spec, bool without_origins, char **ret_text, size_t *ret_length)
{
	struct out out = { .without_origins = without_origins };

	*ret_text = NULL;
	put_fields(&out, "", spec_fields, spec);
	put(&out, "", 1); /* a text, for who takes it as one */
	if (out.has_failed) {
		free(out.text);
		return -ENOMEM;
	}
	*ret_text = out.text;
	*ret_length = out.length - 1;
	return 0;
}

int spec_to_flat(const struct spec *spec, char **ret_text, size_t *ret_length)
{
	return write_flat(spec, false, ret_text, ret_length);
}

int spec_to_flat_without_origins(const struct spec *spec, char **ret_text, size_t *ret_length)
{
	return write_flat(spec, true, ret_text, ret_length);
}

/* ---- reading ---- */

/* Undoes put_value in place. */
static void unescape(char *value)
{
	value = strchr(value, '\\');
	if (!value)
		return;
	char *out = value;
	for (; *value; value++) {
		if (*value == '\\' && value[1]) {
			value++;
			*out++ = *value == 'n' ? '\n' : *value;
		} else {
			*out++ = *value;
		}
	}
	*out = '\0';
}

/* "SOURCE LINE KEY"; a third of all fields are origins, and sscanf costs ten times as much. */
static int take_origin(struct origin *origin, const char *value)
{
	uint32_t numbers[3];

	for (size_t i = 0; i < 3; i++) {
		uint64_t number = 0;
		const char *digit = value;
		for (; *digit >= '0' && *digit <= '9' && number <= UINT32_MAX; digit++)
			number = number * 10 + (uint64_t)(*digit - '0');
		if (digit == value || number > UINT32_MAX || *digit != (i < 2 ? ' ' : '\0'))
			return -EINVAL;
		numbers[i] = (uint32_t)number;
		value = digit + 1;
	}
	*origin = (struct origin){ .source = numbers[0], .line = numbers[1], .key = numbers[2] };
	return 0;
}

static int take_scalar(const struct field *field, void *at, const char *value)
{
	int64_t number;
	uint64_t unsigned_number;
	char *end;
	if (field->kind == FIELD_ORIGIN)
		return take_origin(at, value);
	errno = 0;
	if (field->kind == FIELD_I32 || field->kind == FIELD_I64) {
		number = strtoll(value, &end, 10);
		if (errno || *end || end == value)
			return -EINVAL;
		if (field->kind == FIELD_I32 && (number < INT32_MIN || number > INT32_MAX))
			return -ERANGE;
		if (field->kind == FIELD_I32)
			*(int32_t *)at = (int32_t)number;
		else
			*(int64_t *)at = number;
		return 0;
	}
	if (text_to_u64(value, &unsigned_number) < 0)
		return -EINVAL;
	if ((field->kind == FIELD_U32 && unsigned_number > UINT32_MAX) ||
		(field->kind == FIELD_BOOL && unsigned_number > 1))
		return -ERANGE;
	if (field->kind == FIELD_BOOL)
		*(bool *)at = unsigned_number != 0;
	else if (field->kind == FIELD_U32)
		*(uint32_t *)at = (uint32_t)unsigned_number;
	else
		*(uint64_t *)at = unsigned_number;
	return 0;
}

static int take_count(const struct field *field, struct vector *vector, const char *value)
{
	uint64_t count;
	if (text_to_u64(value, &count) < 0 || count > MAX_ITEMS)
		return -EINVAL;
	while (vector->count < count) {
		void *item = vector_add_raw(vector, field->item_size);
		if (!item)
			return -ENOMEM;
		for (const struct field *inner = field->items; inner->name; inner++)
			if (inner->kind == FIELD_U32 && inner->default_u32)
				*(uint32_t *)field_at(inner, item) = inner->default_u32;
	}
	return 0;
}

static int take_field(const struct field *field, void *at, char *value)
{
	switch (field->kind) {
	case FIELD_TEXT:
		unescape(value);
		return text_replace(at, value);
	case FIELD_LIST:
		unescape(value);
		return string_list_add(at, value);
	case FIELD_STRUCTS:
		return take_count(field, at, value);
	default:
		return take_scalar(field, at, value);
	}
}

/* Sets what name ("mounts.entries[3].target") says; an unknown name is passed over. *hint: where to look first. */
static int take_line(const struct field *fields, const struct field **hint, void *object, const char *name,
	char *value)
{
	const struct field *start = hint && *hint ? *hint : fields;
	const struct field *field = start;
	do {
		size_t length = strlen(field->name);
		if (strncmp(field->name, name, length) == 0) {
			const char *rest = name + length;
			bool is_item = *rest == '[' && rest[1] >= '0' && rest[1] <= '9';
			if (is_item && field->kind == FIELD_STRUCTS) {
				struct vector *vector = field_at(field, object);
				char *end;
				unsigned long index = strtoul(rest + 1, &end, 10);
				if (index >= vector->count || end[0] != ']' || end[1] != '.')
					return -EINVAL;
				if (hint)
					*hint = field;
				return take_line(field->items, NULL,
					(char *)vector->items + index * field->item_size, end + 2, value);
			}
			if (strcmp(rest, field->kind == FIELD_LIST ? "[]" : field->kind == FIELD_STRUCTS ? "#" : "") == 0) {
				if (hint)
					*hint = field;
				return take_field(field, field_at(field, object), value);
			}
		}
		field++;
		if (!field->name)
			field = fields;
	} while (field != start);
	return 0;
}

int spec_parse_flat(const char *text, size_t length, struct spec **ret_spec, struct error *err)
{
	*ret_spec = NULL;
	if (memchr(text, '\0', length))
		return error_set_kind(err, ERROR_INTERNAL, EINVAL, "a NUL in a stored spec");
	auto_free char *copy = strndup(text, length);
	auto_spec struct spec *spec = spec_new();
	if (!copy || !spec)
		return error_set(err, ENOMEM, "read a spec");
	string_list_clear(&spec->sources);
	const struct field *hint = NULL;
	unsigned number = 0;
	for (char *next = copy, *line; (line = strsep(&next, "\n"));) {
		number++;
		char *value = strchr(line, ' ');
		if (!value) {
			if (*line)
				return error_set_kind(err, ERROR_INTERNAL, EINVAL, "line %u of a stored spec", number);
			continue;
		}
		*value++ = '\0';
		int r = take_line(spec_fields, &hint, spec, line, value);
		if (r < 0)
			return error_set_kind(err, ERROR_INTERNAL, r, "line %u of a stored spec, %s", number, line);
	}
	if (spec->sources.count == 0 && string_list_add(&spec->sources, "") < 0)
		return error_set(err, ENOMEM, "read a spec");
	*ret_spec = take_ptr(spec);
	return 0;
}
