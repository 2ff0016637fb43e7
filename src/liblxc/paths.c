#include "liblxc/paths.h"

#include "base/file.h"
#include "liblxc/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool directory_has_entries(const char *path)
{
	auto_closedir DIR *dir = path ? opendir(path) : NULL;
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			return true;
	return false;
}

bool container_has_clones(const struct lxc_container *c)
{
	struct stat info;
	auto_free char *path = container_path(c, "lxc_snapshots");
	return path && stat(path, &info) == 0 && info.st_size > 0;
}

static int append(const char *path, const struct lxc_container *other)
{
	auto_free char *text = NULL;
	int r = text_format(&text, "%s\n%s\n", other->config_path, other->name);
	return r ?: file_write(-1, path, O_WRONLY | O_CREAT | O_APPEND, 0640, text, strlen(text));
}

int container_note_clone(const struct lxc_container *origin, const struct lxc_container *clone)
{
	auto_free char *forward = container_path(origin, "lxc_snapshots");
	auto_free char *back = container_path(clone, "lxc_rdepends");
	if (!forward || !back)
		return -ENOMEM;
	return append(back, origin) ?: append(forward, clone);
}

/* Removes the first pair of lines PATH, NAME from text, in place. */
static bool remove_pair(char *text, const char *path, const char *name)
{
	auto_free char *pair = NULL;
	if (text_format(&pair, "%s\n%s\n", path, name) < 0)
		return false;
	for (char *at = strstr(text, pair); at; at = strstr(at + 1, pair)) {
		if (at != text && at[-1] != '\n')
			continue;
		memmove(at, at + strlen(pair), strlen(at + strlen(pair)) + 1);
		return true;
	}
	return false;
}

void container_forget_origin(const struct lxc_container *clone)
{
	auto_free char *back = container_path(clone, "lxc_rdepends");
	auto_free char *text = NULL;
	size_t length;
	if (!back || file_read(-1, back, 1024 * 1024, &text, &length) < 0)
		return;
	char *next = text;
	for (char *path, *name; (path = strsep(&next, "\n")) && (name = strsep(&next, "\n"));) {
		auto_free char *file = NULL, *clones = NULL;
		if (text_format(&file, "%s/%s/lxc_snapshots", path, name) < 0 ||
			file_read(-1, file, 1024 * 1024, &clones, &length) < 0)
			continue;
		if (remove_pair(clones, clone->config_path, clone->name)) {
			if (*clones)
				(void)file_write_atomic(-1, file, 0640, clones, strlen(clones));
			else
				(void)unlink(file);
		}
	}
}

int replace_path(const char *text, const char *old, const char *new, char **ret)
{
	size_t length = strlen(old), size;
	*ret = NULL;
	FILE *out = open_memstream(ret, &size);
	if (!out)
		return -ENOMEM;
	while (*text) {
		bool is_whole = strncmp(text, old, length) == 0 && (text[length] == '\0' || strchr("/ \t\n,:", text[length]));
		if (is_whole) {
			fputs(new, out);
			text += length;
		} else {
			putc_unlocked(*text++, out);
		}
	}
	return fclose(out) != 0 ? -ENOMEM : 0;
}
