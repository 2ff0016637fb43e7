#include "liblxc/paths.h"

#include "base/file.h"
#include "liblxc/internal.h"
#include "liblxc/partial.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
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

/* Held while an origin's file of clones is changed: an fd to be closed, or -1 where there is no origin any more. */
static int lock_origin(const struct lxc_container *origin)
{
	auto_free char *directory = container_path(origin, "");
	int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	while (fd >= 0 && flock(fd, LOCK_EX) < 0 && errno == EINTR)
		;
	return fd;
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
	auto_free char *partial = container_path(origin, "partial");
	auto_close int lock = lock_origin(origin);
	if (lock < 0 || !partial || access(partial, F_OK) == 0)
		return -ENOENT; /* it is being removed, renamed or replaced */
	return append(back, origin) ?: append(forward, clone);
}

int container_open_source(const struct lxc_container *c, struct error *err)
{
	auto_free char *directory = container_path(c, "");
	auto_close int fd = directory ? open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0 || faccessat(fd, "config", F_OK, 0) < 0)
		return error_set_kind(err, ERROR_NOT_FOUND, ENOENT, "container %s is not defined", c->name);
	if (container_is_partial(c))
		return error_set_kind(err, ERROR_BUSY, EBUSY, "somebody else is changing %s", c->name);
	return take_fd(&fd);
}

int container_check_source(const struct lxc_container *c, int fd, struct error *err)
{
	struct stat opened, there;
	auto_free char *directory = container_path(c, "");
	bool is_same = directory && fstat(fd, &opened) == 0 && stat(directory, &there) == 0 && opened.st_dev == there.st_dev &&
		       opened.st_ino == there.st_ino && faccessat(fd, "config", F_OK, 0) == 0 && !container_is_partial(c);
	return is_same ? 0 : error_set_kind(err, ERROR_BUSY, EBUSY, "somebody else has changed %s meanwhile", c->name);
}

int container_check_unused(const struct lxc_container *c)
{
	auto_close int lock = lock_origin(c);
	return container_has_clones(c) ? -EBUSY : 0;
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

/* Lines PATH, NAME of the containers that c depends on, one after the other. */
struct origins {
	char *text, *next;
};

static bool open_origins(struct origins *origins, const struct lxc_container *c)
{
	size_t length;
	auto_free char *file = container_path(c, "lxc_rdepends");
	*origins = (struct origins){ 0 };
	if (!file || file_read(-1, file, 1024 * 1024, &origins->text, &length) < 0)
		return false;
	origins->next = origins->text;
	return true;
}

static bool next_origin(struct origins *origins, struct lxc_container *ret)
{
	ret->config_path = strsep(&origins->next, "\n");
	ret->name = ret->config_path ? strsep(&origins->next, "\n") : NULL;
	return ret->name && *ret->name;
}

/* Does clone have c among its origins? */
static bool depends_on(const struct lxc_container *clone, const struct lxc_container *c)
{
	struct origins origins;
	struct lxc_container origin = { 0 };
	bool is_found = false;
	if (!open_origins(&origins, clone))
		return false;
	while (!is_found && next_origin(&origins, &origin))
		is_found = strcmp(origin.config_path, c->config_path) == 0 && strcmp(origin.name, c->name) == 0;
	free(origins.text);
	return is_found;
}

bool container_has_clones(const struct lxc_container *c)
{
	auto_free char *path = container_path(c, "lxc_snapshots"), *text = NULL;
	struct lxc_container clone = { 0 };
	size_t length;
	bool is_found = false;
	if (!path || file_read(-1, path, 1024 * 1024, &text, &length) < 0)
		return false;
	struct origins clones = { .text = text, .next = text };
	while (!is_found && next_origin(&clones, &clone))
		is_found = depends_on(&clone, c);
	return is_found;
}

int container_share_origins(const struct lxc_container *other, const struct lxc_container *clone)
{
	struct origins origins;
	struct lxc_container origin = { 0 };
	int r = 0;
	if (!open_origins(&origins, other))
		return 0;
	while (r == 0 && next_origin(&origins, &origin))
		r = container_note_clone(&origin, clone);
	free(origins.text);
	return r;
}

void container_add_name(const struct lxc_container *c, const char *name)
{
	const struct lxc_container renamed = { .config_path = c->config_path, .name = (char *)name };
	struct origins origins;
	struct lxc_container origin = { 0 };
	if (!open_origins(&origins, c))
		return;
	while (next_origin(&origins, &origin)) {
		auto_close int lock = lock_origin(&origin);
		auto_free char *file = container_path(&origin, "lxc_snapshots");
		if (file)
			(void)append(file, &renamed);
	}
	free(origins.text);
}

void container_move_origins(const struct lxc_container *c, const char *old, const char *new)
{
	struct origins origins;
	struct lxc_container origin = { 0 };
	size_t length;
	if (!open_origins(&origins, c))
		return;
	while (next_origin(&origins, &origin)) {
		auto_close int lock = lock_origin(&origin);
		auto_free char *file = container_path(&origin, "lxc_snapshots"), *clones = NULL, *text = NULL;
		if (!file || file_read(-1, file, 1024 * 1024, &clones, &length) < 0 ||
			!remove_pair(clones, c->config_path, old))
			continue;
		if ((new ? text_format(&text, "%s%s\n%s\n", clones, c->config_path, new) : text_format(&text, "%s", clones)) < 0)
			continue;
		if (*text)
			(void)file_write_atomic(-1, file, 0640, text, strlen(text));
		else
			(void)unlink(file);
	}
	free(origins.text);
}

void container_forget_origin(const struct lxc_container *clone)
{
	container_move_origins(clone, clone->name, NULL);
}

char *own_rootfs(const struct lxc_container *c, const char *rootfs)
{
	auto_free char *copy = *rootfs == '/' ? clean_path(rootfs) : NULL;
	char *slash = copy ? strrchr(copy, '/') : NULL;
	if (!slash || slash == copy || !is_container_name(slash + 1))
		return NULL;
	*slash = '\0';
	auto_free char *parent = realpath(copy, NULL);
	auto_free char *path = NULL, *below = NULL;
	auto_free char *real = realpath(c->config_path, NULL);
	if (!parent || !real || strcmp(parent, "/") == 0 || text_format(&path, "%s/%s", parent, slash + 1) < 0)
		return NULL;
	if (text_format(&below, "%s/", path) < 0 || strcmp(real, path) == 0 || text_starts(real, below))
		return NULL;
	size_t length = strlen(real), name_length = strlen(c->name);
	if (strncmp(path, real, length) == 0 && path[length] == '/' &&
		(strncmp(path + length + 1, c->name, name_length) != 0 || path[length + 1 + name_length] != '/'))
		return NULL; /* that is another container's */
	return take_ptr(path);
}

int replace_path(const char *text, const char *old, const char *new, char **ret)
{
	size_t length = strlen(old), size;
	*ret = NULL;
	FILE *out = open_memstream(ret, &size);
	if (!out)
		return -ENOMEM;
	for (const char *start = text; *text;) {
		bool is_begin = text == start || strchr("= \t\n,:\"'", text[-1]);
		bool is_whole = is_begin && strncmp(text, old, length) == 0 && strchr("/ \t\n,:\"'", text[length]);
		if (is_whole) {
			fputs(new, out);
			text += length;
		} else {
			putc_unlocked(*text++, out);
		}
	}
	return fclose(out) != 0 ? -ENOMEM : 0;
}

bool is_companion(int dir_fd, const char *name, struct stat *ret_info)
{
	if (text_starts(name, "config") || text_starts(name, "partial") || text_starts(name, "migration") || text_starts(name, "lxc_") || text_ends(name, ".log"))
		return false;
	return fstatat(dir_fd, name, ret_info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(ret_info->st_mode) &&
	       ret_info->st_size <= COMPANION_MAX;
}
