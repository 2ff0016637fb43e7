#include "dialect/lxc/document.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <string.h>

int document_append(struct lxc_config *config, const char *text, size_t length)
{
	size_t needed = config->text_length + length + 1;
	if (needed > config->text_capacity) {
		size_t capacity = needed < 2048 ? 4096 : needed * 2;
		char *grown = realloc(config->text, capacity);
		if (!grown)
			return -ENOMEM;
		config->text = grown;
		config->text_capacity = capacity;
	}
	memcpy(config->text + config->text_length, text, length);
	config->text_length += length;
	config->text[config->text_length] = '\0';
	return 0;
}

int document_add_line(struct lxc_config *config, const char *key, const char *value)
{
	auto_free char *line = NULL;
	bool is_open = config->text_length > 0 && config->text[config->text_length - 1] != '\n';
	int r = text_format(&line, "%s%s = %s\n", is_open ? "\n" : "", key, value);
	return r ?: document_append(config, line, strlen(line));
}

/* The key of one line in today's form, NULL for comments and what is not ours. */
static const char *line_key(const char *line, size_t length, uint32_t *legacy_link, char *buffer, size_t size)
{
	char name[256];
	size_t start = 0;
	while (start < length && (line[start] == ' ' || line[start] == '\t'))
		start++;
	size_t end = start;
	while (end < length && line[end] != '=' && line[end] != ' ' && line[end] != '\t')
		end++;
	if (end - start >= sizeof(name) || end - start < 4 || strncmp(line + start, "lxc.", 4) != 0)
		return NULL;
	memcpy(name, line + start, end - start);
	name[end - start] = '\0';
	const char *modern = key_modern(name, legacy_link, buffer, size);
	if (modern == name) {
		(void)snprintf(buffer, size, "%s", name);
		modern = buffer;
	}
	return modern;
}

/*
 * Is what the key of a line sets taken away by clearing? lxc.cgroup takes lxc.cgroup.cpu.shares with it but not
 * lxc.cgroup.dir, lxc.autodev not lxc.autodev.tmpfs.size: only what the same row of the table stands for.
 */
static bool is_cleared(const char *key, const char *cleared)
{
	const char *suffix, *key_suffix;
	size_t length = strlen(cleared);
	if (strncmp(key, cleared, length) != 0)
		return false;
	if (key[length] == '\0')
		return true;
	const struct key *row = key[length] == '.' ? key_find(cleared, &suffix) : NULL;
	if (!row)
		return false;
	if (row->clear == hooks_clear_all)
		return strcmp(key, "lxc.hook.version") != 0;
	if (!row->is_prefix || key_find(key, &key_suffix) != row)
		return false;
	return *suffix == '\0' || row->clear == net_clear;
}

void document_remove(struct lxc_config *config, const char *modern_key)
{
	char *out = config->text;
	const char *end = config->text + config->text_length;
	uint32_t legacy_link = 0;
	for (char *line = config->text; line && line < end;) {
		char buffer[256];
		size_t length = strcspn(line, "\r\n"); /* as the reader of files cuts lines */
		length += line[length] == '\r' && line[length + 1] == '\n' ? 2 : line[length] != '\0';
		const char *key = line_key(line, length, &legacy_link, buffer, sizeof(buffer));
		if (!key || !is_cleared(key, modern_key)) {
			memmove(out, line, length);
			out += length;
		}
		line += length;
	}
	config->text_length = config->text ? (size_t)(out - config->text) : 0;
	if (config->text)
		*out = '\0';
}

void document_fill_hwaddr(struct lxc_config *config)
{
	vector_for_each (link, &config->spec->network.links) {
		const char *template = link->hwaddr_template;
		if (!config->text || !template || !link->hwaddr || strcmp(template, link->hwaddr) == 0)
			continue;
		char *line = strstr(config->text, template);
		if (line) /* of the same length */
			memcpy(line, link->hwaddr, strlen(link->hwaddr));
	}
}
