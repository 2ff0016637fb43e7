#include "dialect/openvz/conf.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <ctype.h>
#include <string.h>

#define MAX_FILE (1U << 20)

/* ---- reading ---- */

static size_t key_length(const char *text)
{
	size_t length = 0;
	while (isalnum((unsigned char)text[length]) || text[length] == '_')
		length++;
	return length > 0 && !isdigit((unsigned char)*text) && text[length] == '=' ? length : 0;
}

/* Where a word is written to; NULL: nowhere, it is only measured. */
static void put(char **out, char letter)
{
	if (*out)
		*(*out)++ = letter;
}

/* One character behind a backslash: within double quotes only these are taken by it. */
static const char *take_escape(const char *at, bool is_quoted, char **out)
{
	if (at[1] == '\n')
		return at + 2;
	if (at[1] == '\0')
		return at + 1;
	if (is_quoted && !strchr("\"$`\\", at[1]))
		put(out, '\\');
	put(out, at[1]);
	return at + 2;
}

/* A shell word at at into *out. Returns what is behind it; NULL: a quote is not closed. */
static const char *take_word(const char *at, char **out)
{
	char quote = '\0';
	for (; *at; at++) {
		if (quote == '\0' && (isspace((unsigned char)*at) || *at == ';'))
			return at;
		if (*at == '\n')
			return NULL; /* a forgotten quote must not swallow the lines below it */
		if (quote == '\0' && (*at == '"' || *at == '\'')) {
			quote = *at;
		} else if (*at == quote && quote) {
			quote = '\0';
		} else if (*at == '\\' && quote != '\'') {
			at = take_escape(at, quote == '"', out) - 1;
		} else {
			put(out, *at);
		}
	}
	return quote ? NULL : at;
}

/* What is behind the word at at, its value in *ret, which is NULL where a quote is not closed. NULL: no memory. */
static const char *copy_word(const char *at, char **ret)
{
	char *out = NULL;
	const char *end = take_word(at, &out);
	*ret = NULL;
	if (!end)
		return at;
	*ret = out = malloc((size_t)(end - at) + 1); /* quotes and backslashes only make it shorter */
	if (!out)
		return NULL;
	(void)take_word(at, &out);
	*out = '\0';
	return end;
}

/* Reads one line, which goes on where a backslash stands at its end. Returns where the next one starts. */
static const char *take_line(struct vz_line *line, const char *text)
{
	const char *at = text + strspn(text, " \t"), *end = at;
	size_t length;
	if (text_starts(at, "export "))
		at += strlen("export ");
	if ((length = key_length(at)) > 0) {
		line->key = strndup(at, length);
		end = copy_word(at + length + 1, &line->value);
		if (!end || !line->key)
			return NULL;
		if (!line->value) { /* no shell would take it either: kept, but no assignment */
			free(line->key);
			line->key = NULL;
		}
	}
	end += strcspn(end, "\n");
	line->text = strndup(text, (size_t)(end - text));
	return line->text ? end + (*end == '\n') : NULL;
}

int vz_conf_parse(struct vz_conf *conf, const char *text)
{
	uint32_t number = 1;
	while (*text) {
		struct vz_line *line = vector_add(conf);
		const char *next = line ? take_line(line, text) : NULL;
		if (!next)
			return -ENOMEM;
		line->number = number;
		for (; text < next; text++)
			number += *text == '\n';
	}
	return 0;
}

int vz_conf_load(struct vz_conf *conf, const char *path, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read(-1, path, MAX_FILE, &text, &length);
	r = r ?: text_replace(&conf->path, path);
	r = r ?: vz_conf_parse(conf, text);
	return r < 0 ? error_set(err, r, "read %s", path) : 0;
}

const struct vz_line *vz_conf_line(const struct vz_conf *conf, const char *key)
{
	for (size_t i = 0; i < conf->count; i++)
		if (conf->items[i].key && strcmp(conf->items[i].key, key) == 0)
			return &conf->items[i];
	return NULL;
}

const char *vz_conf_get(const struct vz_conf *conf, const char *key)
{
	const struct vz_line *line = vz_conf_line(conf, key);
	return line ? line->value : NULL;
}

/* ---- changing ---- */

static void clear_line(struct vz_line *line)
{
	free(line->text);
	free(line->key);
	free(line->value);
}

/* Is it $VEID or ${VEID}, which has its meaning? */
static bool is_variable(const char *at)
{
	return text_starts(at, "$VEID") || text_starts(at, "${VEID}");
}

static char *quote_line(const char *key, const char *value)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fprintf(out, "%s=\"", key);
	for (const char *at = value; *at; at++) {
		if (strchr("\"`\\", *at) || (*at == '$' && !is_variable(at)))
			putc('\\', out);
		putc(*at, out);
	}
	putc('"', out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static void remove_key(struct vz_conf *conf, const char *key)
{
	for (size_t i = conf->count; i-- > 0;)
		if (conf->items[i].key && strcmp(conf->items[i].key, key) == 0) {
			clear_line(&conf->items[i]);
			vector_remove(conf, i);
		}
}

/* A backslash at the end would join the last line and a new one. */
static int add_blank(struct vz_conf *conf)
{
	if (conf->count == 0 || !text_ends(conf->items[conf->count - 1].text, "\\"))
		return 0;
	struct vz_line *line = vector_add(conf);
	return line && (line->text = strdup("")) ? 0 : -ENOMEM;
}

int vz_conf_set(struct vz_conf *conf, const char *key, const char *value)
{
	if (!value) {
		remove_key(conf, key);
		return 0;
	}
	if (strchr(value, '\n'))
		return -EINVAL;
	struct vz_line *line = (struct vz_line *)vz_conf_line(conf, key);
	if (!line && add_blank(conf) < 0)
		return -ENOMEM;
	auto_free char *text = quote_line(key, value);
	auto_free char *copy = strdup(value), *name = strdup(key);
	if (!line && text && copy && name)
		line = vector_add(conf);
	if (!line || !text || !copy || !name)
		return -ENOMEM;
	clear_line(line);
	line->text = take_ptr(text);
	line->value = take_ptr(copy);
	line->key = take_ptr(name);
	return 0;
}

char *vz_conf_text(const struct vz_conf *conf)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	for (size_t i = 0; i < conf->count; i++)
		fprintf(out, "%s\n", conf->items[i].text);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

int vz_conf_write(const struct vz_conf *conf, const char *path, struct error *err)
{
	auto_free char *text = vz_conf_text(conf);
	int r = text ? file_write_atomic(-1, path, 0644, text, strlen(text)) : -ENOMEM;
	return r < 0 ? error_set(err, r, "write %s", path) : 0;
}

void vz_conf_clear(struct vz_conf *conf)
{
	for (size_t i = 0; i < conf->count; i++)
		clear_line(&conf->items[i]);
	free(conf->items);
	free(conf->path);
	*conf = (struct vz_conf){ 0 };
}
