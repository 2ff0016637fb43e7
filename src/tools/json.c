/* JSON as it goes: two blanks per level, one member per line. */
#include "tools/json.h"

#include "base/json_text.h"

#include <inttypes.h>
#include <string.h>

void json_start(struct json *json, FILE *out)
{
	*json = (struct json){ .out = out };
}

static void new_line(const struct json *json)
{
	static const char blanks[] = "\n                                ";

	fwrite(blanks, 1, 1 + 2 * (size_t)json->depth, json->out); /* depth is at most 16 */
}

/* The same for a member of an object whose key is short and plain: in one piece. */
static bool begin_plain(struct json *json, const char *key)
{
	char line[128], *at = line;

	if (!key || !json->depth || json->is_array[json->depth - 1])
		return false;
	if (json->has_item[json->depth - 1])
		*at++ = ',';
	*at++ = '\n';
	for (int i = 0; i < 2 * json->depth; i++)
		*at++ = ' ';
	*at++ = '"';
	for (; *key; key++) {
		if (at == line + sizeof(line) - 4 || *key < 0x20 || *key == 0x7f || *key == '"' || *key == '\\')
			return false;
		*at++ = *key;
	}
	*at++ = '"';
	*at++ = ':';
	*at++ = ' ';
	json->has_item[json->depth - 1] = true;
	fwrite(line, 1, (size_t)(at - line), json->out);
	return true;
}

/* Everything in front of a value: comma, indentation, key. */
static void begin_item(struct json *json, const char *key)
{
	if (begin_plain(json, key))
		return;
	if (json->depth) {
		if (json->has_item[json->depth - 1])
			fputc(',', json->out);
		json->has_item[json->depth - 1] = true;
		new_line(json);
	}
	if (key && json->depth && !json->is_array[json->depth - 1]) {
		json_put_string(json->out, key);
		fputs(": ", json->out);
	}
}

static void open_level(struct json *json, const char *key, bool is_array)
{
	begin_item(json, key);
	fputc(is_array ? '[' : '{', json->out);
	if (json->depth < (int)(sizeof(json->has_item) / sizeof(json->has_item[0]))) {
		json->has_item[json->depth] = false;
		json->is_array[json->depth] = is_array;
		json->depth++;
	}
}

void json_object(struct json *json, const char *key)
{
	open_level(json, key, false);
}

void json_array(struct json *json, const char *key)
{
	open_level(json, key, true);
}

void json_end(struct json *json)
{
	if (!json->depth)
		return;
	json->depth--;
	if (json->has_item[json->depth])
		new_line(json);
	fputc(json->is_array[json->depth] ? ']' : '}', json->out);
	if (!json->depth)
		fputc('\n', json->out);
}

void json_text(struct json *json, const char *key, const char *value)
{
	begin_item(json, key);
	if (value)
		json_put_string(json->out, value);
	else
		fputs("null", json->out);
}

void json_number(struct json *json, const char *key, int64_t value)
{
	begin_item(json, key);
	fprintf(json->out, "%" PRId64, value);
}

void json_unsigned(struct json *json, const char *key, uint64_t value)
{
	begin_item(json, key);
	if (value == UINT64_MAX)
		fputs("null", json->out);
	else
		fprintf(json->out, "%" PRIu64, value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin_item(json, key);
	fputs(value ? "true" : "false", json->out);
}

void json_raw(struct json *json, const char *key, const char *text)
{
	begin_item(json, key);
	fputs(text ? text : "null", json->out);
}
