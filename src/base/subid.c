/* /etc/subuid and /etc/subgid: subuid(5). */
#include "base/subid.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <pwd.h>
#include <string.h>

static bool parse_line(char *line, uid_t uid, const char *name, uint32_t *ret_first, uint32_t *ret_count)
{
	char *next = line;
	const char *owner = strsep(&next, ":"), *first = strsep(&next, ":");
	uint32_t number;

	if (!first || !next || text_to_u32(first, ret_first) < 0 || text_to_u32(text_trim(next), ret_count) < 0)
		return false;
	return *ret_count > 0 &&
	       ((name && strcmp(owner, name) == 0) || (text_to_u32(owner, &number) == 0 && number == uid));
}

int subid_find(const char *file, uid_t uid, const char *name, size_t number, uint32_t *ret_first, uint32_t *ret_count)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read(-1, file, 16 << 20, &text, &length);
	char *next = text;

	if (r < 0)
		return r;
	for (char *line; (line = strsep(&next, "\n"));) {
		uint32_t first, count;
		if (!parse_line(line, uid, name, &first, &count) || number-- > 0)
			continue;
		*ret_first = first;
		*ret_count = count;
		return 0;
	}
	return -ENOENT;
}

bool subid_has(const char *file, uid_t uid, const char *name, uint32_t first, uint32_t count)
{
	uint64_t at = first, end = at + count;

	/* each round goes on where the range that holds the first missing id ends */
	while (at < end) {
		uint32_t start, length;
		bool is_found = false;
		for (size_t i = 0; !is_found && subid_find(file, uid, name, i, &start, &length) == 0; i++)
			is_found = at >= start && at < (uint64_t)start + length;
		if (!is_found)
			return false;
		at = (uint64_t)start + length;
	}
	return true;
}

char *subid_user_name(uid_t uid)
{
	auto_fclose FILE *file = fopen("/etc/passwd", "re");
	struct passwd *entry;

	while (file && (entry = fgetpwent(file)))
		if (entry->pw_uid == uid)
			return strdup(entry->pw_name);
	return NULL;
}
