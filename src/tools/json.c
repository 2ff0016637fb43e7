/* JSON as it goes: two blanks per level, one member per line. */
#include "tools/json.h"

#include <inttypes.h>
#include <string.h>

void json_start(struct json *json, FILE *out)
{
	*json = (struct json){ .out = out };
}

/* Length of the UTF-8 sequence at text, 0 if it is none: overlong forms, surrogates and too big values are none. */
static size_t utf8_length(const unsigned char *text)
{
	size_t length = text[0] < 0x80 ? 1
			: text[0] >= 0xc2 && text[0] < 0xe0 ? 2
			: (text[0] & 0xf0) == 0xe0 ? 3
			: text[0] >= 0xf0 && text[0] < 0xf5 ? 4
							    : 0;

	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] >= 0xa0) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] >= 0x90))
		return 0;
	return length;
}

static void print_string(FILE *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	fputc('"', out);
	while (*at) {
		size_t plain = 0; /* most texts are nothing else: in one piece */

		while (at[plain] >= 0x20 && at[plain] < 0x7f && at[plain] != '"' && at[plain] != '\\')
			plain++;
		fwrite(at, 1, plain, out);
		at += plain;
		if (!*at)
			break;
		size_t length = utf8_length(at);

		if (*at == '"' || *at == '\\')
			fprintf(out, "\\%c", *at);
		else if (*at == '\n')
			fputs("\\n", out);
		else if (*at == '\t')
			fputs("\\t", out);
		else if (*at < 0x20 || *at == 0x7f)
			fprintf(out, "\\u%04x", *at);
		else if (!length)
			fputs("\\ufffd", out); /* a byte that is no text must not make the document invalid */
		else
			fwrite(at, 1, length, out);
		at += length ? length : 1;
	}
	fputc('"', out);
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
		print_string(json->out, key);
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
		print_string(json->out, value);
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
