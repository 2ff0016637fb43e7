#include "base/text.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

int text_vformat(char **ret, const char *fmt, va_list arguments)
{
	char text[256]; /* most fit: vasprintf of musl goes through them twice */
	va_list again;

	va_copy(again, arguments);
	int length = vsnprintf(text, sizeof(text), fmt, arguments);
	*ret = length < 0 ? NULL : malloc((size_t)length + 1);
	if (*ret && (size_t)length < sizeof(text))
		memcpy(*ret, text, (size_t)length + 1);
	else if (*ret)
		(void)vsnprintf(*ret, (size_t)length + 1, fmt, again);
	va_end(again);
	return *ret ? 0 : -ENOMEM;
}

int text_format(char **ret, const char *fmt, ...)
{
	va_list arguments;

	va_start(arguments, fmt);
	int r = text_vformat(ret, fmt, arguments);
	va_end(arguments);
	return r;
}

char *text_trim(char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	char *end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return text;
}

bool text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
	size_t length = strlen(text), tail = strlen(suffix);
	return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

bool text_has_control(const char *text)
{
	while (*text && (unsigned char)*text >= ' ' && *text != 0x7f)
		text++;
	return *text;
}

bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool text_list_has(const char *list, const char *word, size_t length)
{
	while (*list) {
		size_t own = strcspn(list, ",");
		if (own == length && memcmp(list, word, own) == 0)
			return true;
		list += own + (list[own] == ',');
	}
	return false;
}

int text_replace(char **slot, const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	if (text && !copy)
		return -ENOMEM;
	free(*slot);
	*slot = copy;
	return 0;
}

/* Digits at the start of text; *ret_end is behind them. */
static int parse_digits(const char *text, uint64_t *ret, const char **ret_end)
{
	uint64_t value = 0;
	const char *at = text;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *at - '0', &value))
			return -ERANGE;
	}
	if (at == text)
		return -EINVAL;
	*ret = value;
	*ret_end = at;
	return 0;
}

int text_to_u64(const char *text, uint64_t *ret)
{
	const char *end;
	int r = parse_digits(text, ret, &end);
	if (r < 0)
		return r;
	return *end ? -EINVAL : 0;
}

int text_to_u32(const char *text, uint32_t *ret)
{
	uint64_t value;
	int r = text_to_u64(text, &value);
	if (r < 0)
		return r;
	if (value > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)value;
	return 0;
}

int text_to_i32(const char *text, int32_t *ret)
{
	bool is_negative = *text == '-';
	uint64_t value;
	int r = text_to_u64(text + (is_negative || *text == '+'), &value);
	if (r < 0)
		return r;
	if (value > (uint64_t)INT32_MAX + is_negative)
		return -ERANGE;
	*ret = is_negative ? (int32_t)-(int64_t)value : (int32_t)value;
	return 0;
}

int text_to_bytes(const char *text, uint64_t *ret)
{
	static const char units[] = "kmgt";
	const char *end;
	uint64_t value;
	int r = parse_digits(text, &value, &end);
	if (r < 0)
		return r;
	while (*end == ' ')
		end++;
	const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
	if (unit) {
		unsigned shift = 10 * (unsigned)(unit - units + 1);
		if (value > UINT64_MAX >> shift)
			return -ERANGE;
		value <<= shift;
		end++;
	}
	if (*end == 'B' || *end == 'b')
		end++;
	if (*end)
		return -EINVAL;
	*ret = value;
	return 0;
}

int text_to_rate(const char *text, uint64_t *ret)
{
	static const char units[] = "kmgt";
	const char *end;
	uint64_t value;
	if (strcmp(text, "none") == 0)
		text = "0";
	int r = parse_digits(text, &value, &end);
	if (r < 0)
		return r;
	const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
	if (value > 1000000000000)
		return -ERANGE;
	for (const char *at = units; unit && at <= unit && value <= 1000000000000; at++)
		value *= 1000;
	end += unit != NULL;
	if (*end && strcmp(end, "bit") != 0)
		return -EINVAL;
	if (value && (value < 8000 || value > 1000000000000))
		return -ERANGE;
	*ret = value;
	return 0;
}

int text_add_variable(struct string_list *list, const char *name, const char *value)
{
	auto_free char *text = NULL;
	if (!value)
		return 0;
	return text_format(&text, "%s=%s", name, value) ?: string_list_add(list, text);
}

int text_split(const char *text, const char *separators, struct string_list *ret)
{
	for (;;) {
		text += strspn(text, separators);
		size_t length = strcspn(text, separators);
		if (length == 0)
			return 0;
		auto_free char *part = strndup(text, length);
		if (!part || string_list_add(ret, part) < 0)
			return -ENOMEM;
		text += length;
	}
}

/* One word from *at into word (as long as the line at least). 1: a word, 0: the line has ended. */
static int next_word(const char **at, char *word)
{
	const char *in = *at + strspn(*at, " \t\n");
	char quote = 0;
	bool is_word = false;
	for (; *in && (quote || !strchr(" \t\n", *in)); in++) {
		is_word = true;
		if (*in == '\\' && quote != '\'' && in[1])
			*word++ = *++in;
		else if (quote ? *in == quote : (*in == '"' || *in == '\''))
			quote = quote ? 0 : *in;
		else
			*word++ = *in;
	}
	*word = '\0';
	*at = in;
	return quote ? -EINVAL : is_word;
}

int text_split_command(const char *line, struct string_list *ret)
{
	auto_free char *word = malloc(strlen(line) + 1);
	if (!word)
		return -ENOMEM;
	int r;
	while ((r = next_word(&line, word)) > 0)
		if (string_list_add(ret, word) < 0)
			return -ENOMEM;
	return r;
}

static int take_number(const char **at, unsigned long *ret)
{
	char *end;

	if (**at < '0' || **at > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoul(*at, &end, 10);
	*at = end;
	return errno ? -ERANGE : 0;
}

int text_to_bits(const char *text, uint64_t *bits, size_t words)
{
	memset(bits, 0, words * sizeof(*bits));
	for (const char *at = text; *(at += strspn(at, ", \t\n"));) {
		unsigned long first, last;
		int r = take_number(&at, &first);
		last = first;
		if (r == 0 && *at == '-') {
			at++;
			r = take_number(&at, &last);
		}
		if (r < 0 || last < first || (*at && !strchr(", \t\n", *at)))
			return r < 0 ? r : -EINVAL;
		if (last >= words * 64)
			return -ERANGE;
		for (unsigned long n = first; n <= last; n++)
			bits[n / 64] |= 1ULL << n % 64;
	}
	return 0;
}
