/* lxc-update-config: a configuration of LXC 0.7 to 2.0 in today's words. */
#include "base/cleanup.h"
#include "base/text.h"
#include "dialect/lxc/keys.h"

#include <string.h>

/* Value of the last lxc.rootfs.backend line: the prefix that the path gets now. */
static void find_backend(const char *text, char *buffer, size_t size)
{
	(void)snprintf(buffer, size, "dir");
	for (const char *at = strstr(text, "lxc.rootfs.backend"); at; at = strstr(at + 1, "lxc.rootfs.backend")) {
		const char *value = at + strlen("lxc.rootfs.backend");
		value += strspn(value, " \t=");
		size_t length = strcspn(value, " \t\r\n");
		if (length > 0 && length < size)
			(void)snprintf(buffer, size, "%.*s", (int)length, value);
	}
}

/* One line without its end. Nothing is written for a key that is gone. True: a line was written. */
static bool put_line(FILE *out, const char *line, size_t length, uint32_t *legacy_link, const char *backend)
{
	char name[256], modern[256];
	size_t start = 0;
	while (start < length && (line[start] == ' ' || line[start] == '\t'))
		start++;
	size_t end = start;
	while (end < length && !strchr("= \t", line[end]))
		end++;
	if (end - start < 4 || end - start >= sizeof(name) || strncmp(line + start, "lxc.", 4) != 0) {
		fwrite(line, 1, length, out);
		return true;
	}
	(void)snprintf(name, sizeof(name), "%.*s", (int)(end - start), line + start);
	const char *today = key_modern(name, legacy_link, modern, sizeof(modern));
	if (!today)
		return false;
	fprintf(out, "%.*s%s", (int)start, line, today);
	size_t value = end;
	while (value < length && strchr("= \t", line[value]))
		value++;
	fwrite(line + end, 1, value - end, out);
	if (strcmp(name, "lxc.rootfs") == 0 && value < length && !memchr(line + value, ':', length - value))
		fprintf(out, "%s:", backend);
	fwrite(line + value, 1, length - value, out);
	return true;
}

int lxc_config_update_text(const char *text, const char *file, char **ret_text, struct error *err)
{
	char backend[32];
	uint32_t legacy_link = 0;
	size_t size;
	*ret_text = NULL;
	FILE *out = open_memstream(ret_text, &size);
	if (!out)
		return error_set(err, ENOMEM, "convert %s", file);
	find_backend(text, backend, sizeof(backend));
	while (*text) {
		size_t length = strcspn(text, "\r\n");
		bool is_written = put_line(out, text, length, &legacy_link, backend);
		text += length;
		size_t ending = text[0] == '\r' && text[1] == '\n' ? 2 : text[0] != '\0';
		if (is_written)
			fwrite(text, 1, ending, out);
		text += ending;
	}
	if (fclose(out) != 0) {
		free(*ret_text);
		*ret_text = NULL;
		return error_set(err, ENOMEM, "convert %s", file);
	}
	return 0;
}
