/* The kernel's list of mounts as text. */
#include "kernel/mountinfo.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

void mountinfo_unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; out++) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && is_octal(in[2]) && is_octal(in[3])) {
			*out = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

/* The next field of a line, NULL when there is none. */
static char *field(char **line)
{
	char *start = strsep(line, " ");

	return start && *start ? start : NULL;
}

int mountinfo_next(char **text, struct mountinfo *ret)
{
	struct mountinfo info = { 0 };

	if (!*text || **text == '\0')
		return 0;
	char *line = strsep(text, "\n");
	char *id = field(&line), *parent = field(&line), *device = field(&line);
	info.root = field(&line);
	info.target = field(&line);
	info.options = field(&line);
	if (!id || !parent || !device || !info.root || !info.target || !info.options)
		return -EINVAL;
	for (const char *tag = field(&line);; tag = field(&line)) {
		if (!tag)
			return -EINVAL;
		if (strcmp(tag, "-") == 0)
			break;
		info.is_shared |= strncmp(tag, "shared:", 7) == 0;
		info.is_slave |= strncmp(tag, "master:", 7) == 0;
	}
	info.type = field(&line);
	/* a file system may have an empty source: two blanks in a row */
	info.source = strsep(&line, " ");
	info.super_options = strsep(&line, " ");
	if (!info.type || !info.source || !info.super_options)
		return -EINVAL;
	info.device = device;
	info.id = atoi(id);
	info.parent_id = atoi(parent);
	mountinfo_unescape(info.root);
	mountinfo_unescape(info.target);
	mountinfo_unescape(info.source);
	*ret = info;
	return 1;
}
