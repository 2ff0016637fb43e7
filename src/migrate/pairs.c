#include "migrate/pairs.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

static char *find(const struct pairs *pairs, const char *key)
{
	size_t length = strlen(key);
	vector_for_each(line, &pairs->lines)
		if (strncmp(*line, key, length) == 0 && (*line)[length] == '=')
			return *line;
	return NULL;
}

int pairs_add(struct pairs *pairs, const char *key, const char *value)
{
	auto_free char *line = NULL;
	int r = text_format(&line, "%s=%s", key, value);
	for (char *at = line; r == 0 && (at = strchr(at, '\n'));)
		*at = ' ';
	return r ?: string_list_add(&pairs->lines, line);
}

int pairs_set(struct pairs *pairs, const char *key, const char *value)
{
	if (!value)
		return 0;
	int r = pairs_add(pairs, key, value);
	char *old = find(pairs, key), **last = pairs->lines.items + pairs->lines.count - 1;
	if (r < 0 || old == *last)
		return r;
	for (char **line = pairs->lines.items; line < last; line++)
		if (*line == old) {
			*line = *last;
			break;
		}
	free(old);
	vector_remove(&pairs->lines, pairs->lines.count - 1);
	return 0;
}

int pairs_set_number(struct pairs *pairs, const char *key, uint64_t value)
{
	char text[24];
	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	return pairs_set(pairs, key, text);
}

const char *pairs_get(const struct pairs *pairs, const char *key, const char *otherwise)
{
	const char *line = find(pairs, key);
	return line ? line + strlen(key) + 1 : otherwise;
}

uint64_t pairs_get_number(const struct pairs *pairs, const char *key)
{
	uint64_t value = 0;
	return text_to_u64(pairs_get(pairs, key, ""), &value) == 0 ? value : 0;
}

bool pairs_is(const struct pairs *pairs, const char *key, const char *value)
{
	return strcmp(pairs_get(pairs, key, ""), value) == 0;
}

bool pairs_has_word(const struct pairs *pairs, const char *key, const char *word)
{
	size_t length = strlen(word);
	const char *value = pairs_get(pairs, key, "");
	for (const char *at = value; (at = strstr(at, word)); at += length)
		if ((at == value || at[-1] == ' ') && strchr(" ", at[length]))
			return true;
	return false;
}

int pairs_text(const struct pairs *pairs, char **ret)
{
	size_t size;
	*ret = NULL;
	FILE *out = open_memstream(ret, &size);
	if (!out)
		return -ENOMEM;
	vector_for_each(line, &pairs->lines)
		fprintf(out, "%s\n", *line);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

int pairs_parse(struct pairs *pairs, const char *text)
{
	struct string_list lines = { 0 };
	int r = text_split(text, "\n", &lines);
	vector_for_each(line, &lines)
		if (r == 0 && strchr(*line, '='))
			r = string_list_add(&pairs->lines, *line);
	string_list_clear(&lines);
	return r;
}

void pairs_clear(struct pairs *pairs)
{
	string_list_clear(&pairs->lines);
}
