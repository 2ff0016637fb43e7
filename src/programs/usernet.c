/* Parsing and counting for lxc-user-nic. No file, no privilege, no memory of its own. */
#include "programs/usernet.h"

#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* One word of line; longer than a word can be, or with a NUL: false. */
static bool take_word(const char **place, const char *end, char ret[USERNET_WORD])
{
	const char *start = *place;

	while (start < end && is_blank(*start))
		start++;
	const char *stop = start;
	while (stop < end && !is_blank(*stop))
		stop++;
	size_t length = (size_t)(stop - start);
	*place = stop;
	if (length == 0 || length >= USERNET_WORD || memchr(start, '\0', length))
		return false;
	memcpy(ret, start, length);
	ret[length] = '\0';
	return true;
}

/* Behind the fourth word only a remark may stand. */
static bool parse_line(const char *line, const char *end, struct usernet_line *ret)
{
	if (!take_word(&line, end, ret->name) || !take_word(&line, end, ret->type) ||
		!take_word(&line, end, ret->bridge) || !take_word(&line, end, ret->last))
		return false;
	while (line < end && is_blank(*line))
		line++;
	return ret->name[0] != '#' && (line == end || *line == '#');
}

bool usernet_next(struct usernet_text *text, struct usernet_line *ret)
{
	while (text->length > 0) {
		const char *line = text->data;
		const char *newline = memchr(line, '\n', text->length);
		const char *end = newline ? newline : line + text->length;
		size_t used = (size_t)(end - line) + (newline ? 1 : 0);
		text->data += used;
		text->length -= used;
		if (parse_line(line, end, ret))
			return true;
	}
	return false;
}

bool usernet_is_name_of(const char *name, const struct usernet_request *request)
{
	if (name[0] != '@')
		return strcmp(name, request->user) == 0;
	for (size_t i = 0; i < request->group_count; i++)
		if (strcmp(name + 1, request->groups[i]) == 0)
			return true;
	return false;
}

static bool parse_count(const char *text, uint32_t *ret)
{
	uint32_t count = 0;

	for (; *text; text++) {
		if (*text < '0' || *text > '9' || count > (UINT32_MAX - 9) / 10)
			return false;
		count = count * 10 + (uint32_t)(*text - '0');
	}
	*ret = count;
	return true;
}

/* Whether two lines are about the same NAME, TYPE and BRIDGE. */
static bool is_same(const struct usernet_line *a, const struct usernet_line *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->type, b->type) == 0 && strcmp(a->bridge, b->bridge) == 0;
}

static uint32_t count_lines(struct usernet_text database, const struct usernet_line *rule)
{
	struct usernet_line line;
	uint32_t count = 0;

	while (usernet_next(&database, &line))
		count += is_same(&line, rule);
	return count;
}

int usernet_choose(struct usernet_text rules, struct usernet_text database, const struct usernet_request *request,
	struct usernet_line *ret)
{
	int r = -EPERM;
	uint32_t allowed;

	while (usernet_next(&rules, ret)) {
		if (!usernet_is_name_of(ret->name, request) || strcmp(ret->type, request->type) != 0 ||
			strcmp(ret->bridge, request->bridge) != 0 || !parse_count(ret->last, &allowed))
			continue;
		if (count_lines(database, ret) < allowed)
			return 0;
		r = -EDQUOT;
	}
	return r;
}

bool usernet_is_link_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("/:%", *c))
			return false;
	return true;
}
