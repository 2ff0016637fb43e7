/* A JSON parser: recursive descent over the text, strings decoded into one buffer, values out of chunks. */
#include "base/json_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH    64
#define CHUNK_VALUES 128

struct json_chunk {
	struct json_chunk *next;
	size_t used;
	struct json_value values[CHUNK_VALUES];
};

struct parser {
	struct json_tree *tree;
	const char *at, *end;
	int depth;
	const char *why;
};

static int fault(struct parser *parser, const char *why)
{
	parser->why = why;
	return -EINVAL;
}

static void skip_space(struct parser *parser)
{
	while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\t' || *parser->at == '\n' || *parser->at == '\r'))
		parser->at++;
}

/* The next byte, 0 at the end: no JSON has one outside of a string, nor in it. */
static char peek(const struct parser *parser)
{
	return parser->at < parser->end ? *parser->at : '\0';
}

static struct json_value *new_value(struct json_tree *tree)
{
	struct json_chunk *chunk = tree->chunks;

	if (!chunk || chunk->used == CHUNK_VALUES) {
		chunk = malloc(sizeof(*chunk));
		if (!chunk)
			return NULL;
		chunk->next = tree->chunks;
		chunk->used = 0;
		tree->chunks = chunk;
	}
	struct json_value *value = &chunk->values[chunk->used++];
	*value = (struct json_value){ 0 };
	return value;
}

/* ---- strings ---- */

static int take_hex(struct parser *parser, unsigned *ret)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++, parser->at++) {
		char c = peek(parser);
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) :
				 c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10) : 16;
		if (digit == 16)
			return fault(parser, "a \\u without four hexadecimal digits");
		value = value << 4 | digit;
	}
	*ret = value;
	return 0;
}

/* At most 4 bytes, for at least 6 of the source. */
static char *put_utf8(char *out, unsigned code)
{
	if (code < 0x80) {
		*out++ = (char)code;
		return out;
	}
	static const unsigned char marks[] = { 0, 0xc0, 0xe0, 0xf0 };
	int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	*out++ = (char)(marks[more] | code >> 6 * more);
	while (more-- > 0)
		*out++ = (char)(0x80 | ((code >> 6 * more) & 0x3f));
	return out;
}

/* Behind "\u". Half a pair stands for no character: it becomes the replacement one. */
static int take_code(struct parser *parser, char **out)
{
	unsigned code, low;
	int r = take_hex(parser, &code);

	if (r == 0 && code >= 0xd800 && code < 0xdc00 && parser->end - parser->at >= 6 && memcmp(parser->at, "\\u", 2) == 0) {
		const char *before = parser->at;
		parser->at += 2;
		r = take_hex(parser, &low);
		if (r == 0 && low >= 0xdc00 && low < 0xe000)
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		else
			parser->at = before;
	}
	if (r < 0)
		return r;
	*out = put_utf8(*out, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
	return 0;
}

static int take_escape(struct parser *parser, char **out)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	char c = peek(parser);
	const char *found = c ? strchr(letters, c) : NULL;

	parser->at++;
	if (c == 'u')
		return take_code(parser, out);
	if (!found) {
		parser->at--;
		return fault(parser, "an unknown escape in a string");
	}
	*(*out)++ = meanings[found - letters];
	return 0;
}

/* The text is never longer than what stands for it, so that the buffer of all suffices. */
static int take_string(struct parser *parser, const char **ret, size_t *ret_length)
{
	char *out = parser->tree->texts_end, *start = out;
	int r = 0;

	parser->at++;
	while (r == 0) {
		const char *at = parser->at;
		while (at < parser->end && (unsigned char)*at >= ' ' && *at != '"' && *at != '\\')
			*out++ = *at++;
		parser->at = at;
		if (peek(parser) == '"')
			break;
		if (peek(parser) != '\\')
			return fault(parser, at < parser->end ? "a control character in a string" : "it ends too early");
		parser->at++;
		r = take_escape(parser, &out);
	}
	if (r < 0)
		return r;
	parser->at++;
	*out = '\0';
	parser->tree->texts_end = out + 1;
	*ret = start;
	*ret_length = (size_t)(out - start);
	return 0;
}

/* ---- numbers, words ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int skip_digits(struct parser *parser)
{
	if (!is_digit(peek(parser)))
		return fault(parser, "a number without digits");
	while (is_digit(peek(parser)))
		parser->at++;
	return 0;
}

static int take_number(struct parser *parser, struct json_value *value)
{
	int r = 0;

	value->type = JSON_INTEGER;
	value->is_negative = peek(parser) == '-';
	parser->at += value->is_negative;
	if (peek(parser) == '0' && parser->end - parser->at > 1 && is_digit(parser->at[1]))
		return fault(parser, "a number that begins with 0");
	const char *digit = parser->at;
	r = skip_digits(parser);
	for (; r == 0 && digit < parser->at; digit++) {
		uint64_t next;
		if (__builtin_mul_overflow(value->magnitude, 10, &next) ||
			__builtin_add_overflow(next, (uint64_t)(*digit - '0'), &value->magnitude))
			value->type = JSON_NUMBER;
	}
	if (value->is_negative && value->magnitude > (uint64_t)INT64_MAX + 1)
		value->type = JSON_NUMBER;
	if (r == 0 && peek(parser) == '.') {
		value->type = JSON_NUMBER;
		parser->at++;
		r = skip_digits(parser);
	}
	if (r == 0 && (peek(parser) == 'e' || peek(parser) == 'E')) {
		value->type = JSON_NUMBER;
		parser->at++;
		parser->at += peek(parser) == '+' || peek(parser) == '-';
		r = skip_digits(parser);
	}
	return r;
}

static int take_word(struct parser *parser, struct json_value *value)
{
	static const struct {
		const char *word;
		enum json_type type;
		bool is_true;
	} words[] = { { "null", JSON_NULL, false }, { "true", JSON_BOOLEAN, true }, { "false", JSON_BOOLEAN, false } };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t length = strlen(words[i].word);
		if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, words[i].word, length) != 0)
			continue;
		value->type = words[i].type;
		value->is_true = words[i].is_true;
		parser->at += length;
		return 0;
	}
	return fault(parser, parser->at < parser->end ? "a value is missing" : "it ends too early");
}

/* ---- arrays, objects ---- */

static int take_value(struct parser *parser, struct json_value *value);

static void append(struct json_value *parent, struct json_value *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->count++;
}

/* 1: there is more; 0: it was the last. */
static int take_comma(struct parser *parser, char closing)
{
	skip_space(parser);
	char c = peek(parser);
	if (c != ',' && c != closing)
		return fault(parser, parser->at < parser->end ? "a comma is missing" : "it ends too early");
	parser->at++;
	if (c == ',')
		skip_space(parser);
	return c == ',';
}

static int take_array(struct parser *parser, struct json_value *array)
{
	int r = 1;

	for (parser->at++, skip_space(parser); r > 0;) {
		if (array->count == 0 && peek(parser) == ']')
			return parser->at++, 0;
		struct json_value *item = new_value(parser->tree);
		if (!item)
			return -ENOMEM;
		r = take_value(parser, item);
		append(array, item);
		r = r < 0 ? r : take_comma(parser, ']');
	}
	return r;
}

static int take_member(struct parser *parser, struct json_value *object)
{
	const char *name;
	size_t length;

	if (peek(parser) != '"')
		return fault(parser, parser->at < parser->end ? "a key is missing" : "it ends too early");
	int r = take_string(parser, &name, &length);
	if (r == 0 && strlen(name) != length)
		return fault(parser, "a NUL character in a key");
	skip_space(parser);
	if (r == 0 && peek(parser) != ':')
		return fault(parser, parser->at < parser->end ? "a colon is missing" : "it ends too early");
	if (r < 0)
		return r;
	parser->at++;
	skip_space(parser);
	struct json_value *member = json_value_member(object, name);
	if (member)
		*member = (struct json_value){ .next = member->next };
	else if ((member = new_value(parser->tree)))
		append(object, member);
	else
		return -ENOMEM;
	member->name = name;
	return take_value(parser, member);
}

static int take_object(struct parser *parser, struct json_value *object)
{
	int r = 1;

	for (parser->at++, skip_space(parser); r > 0;) {
		if (object->count == 0 && peek(parser) == '}')
			return parser->at++, 0;
		r = take_member(parser, object);
		r = r < 0 ? r : take_comma(parser, '}');
	}
	return r;
}

static int take_value(struct parser *parser, struct json_value *value)
{
	char c = peek(parser);
	int r;

	if (++parser->depth > MAX_DEPTH)
		return fault(parser, "it is nested too deeply");
	value->source = parser->at;
	value->type = c == '{' ? JSON_OBJECT : c == '[' ? JSON_ARRAY : JSON_STRING;
	if (c == '{')
		r = take_object(parser, value);
	else if (c == '[')
		r = take_array(parser, value);
	else if (c == '"')
		r = take_string(parser, &value->text, &value->length);
	else
		r = is_digit(c) || c == '-' ? take_number(parser, value) : take_word(parser, value);
	parser->depth--;
	value->source_length = (size_t)(parser->at - value->source);
	return r;
}

/* ---- public ---- */

int json_tree_parse(struct json_tree *ret, const char *text, size_t length, size_t *ret_offset, const char **ret_why)
{
	struct parser parser = { .tree = ret, .at = text, .end = text + length };

	*ret = (struct json_tree){ .texts = malloc(length + 1) };
	ret->texts_end = ret->texts;
	ret->root = ret->texts ? new_value(ret) : NULL;
	if (!ret->root)
		return -ENOMEM;
	skip_space(&parser);
	int r = take_value(&parser, ret->root);
	if (r == 0)
		skip_space(&parser);
	if (r == 0 && parser.at < parser.end)
		r = fault(&parser, "there is something behind its end");
	*ret_offset = (size_t)(parser.at - text);
	*ret_why = parser.why;
	return r;
}

void json_tree_clear(struct json_tree *tree)
{
	for (struct json_chunk *chunk = tree->chunks, *next; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(tree->texts);
	*tree = (struct json_tree){ 0 };
}

struct json_value *json_value_member(const struct json_value *object, const char *name)
{
	struct json_value *child = object->type == JSON_OBJECT ? object->first : NULL;

	while (child && strcmp(child->name, name) != 0)
		child = child->next;
	return child;
}

struct json_value *json_value_item(struct json_value *array, size_t index)
{
	if (!array->found || array->found_index > index) {
		array->found = array->first;
		array->found_index = 0;
	}
	for (; array->found && array->found_index < index; array->found_index++)
		array->found = array->found->next;
	return array->found;
}

int64_t json_value_i64(const struct json_value *value)
{
	if (value->is_negative)
		return value->magnitude > INT64_MAX ? INT64_MIN : -(int64_t)value->magnitude;
	return value->magnitude > INT64_MAX ? INT64_MAX : (int64_t)value->magnitude;
}
