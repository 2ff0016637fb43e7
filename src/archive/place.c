/* Names of an archive's entries as places below one directory. */
#include "archive/place.h"

#include "base/cleanup.h"
#include "kernel/path_in_root.h"

#include <fcntl.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>

int place_set(struct place *place, const char *name)
{
	size_t used = 0;

	for (const char *part = name + strspn(name, "/"); *part;) {
		size_t length = strcspn(part, "/");
		if (length == 2 && strncmp(part, "..", 2) == 0)
			return -EXDEV;
		if (!(length == 1 && *part == '.')) {
			if (length > NAME_MAX || used + length + 2 > sizeof(place->path))
				return -ENAMETOOLONG;
			if (used)
				place->path[used++] = '/';
			memcpy(place->path + used, part, length);
			used += length;
		}
		part += length;
		part += strspn(part, "/");
	}
	place->path[used] = '\0';
	const char *slash = strrchr(place->path, '/');
	place->name = slash ? slash + 1 : place->path;
	place->parent_fd = -1;
	return 0;
}

int place_find(struct place *place, int root_fd, bool make_parents)
{
	char parent[PATH_MAX] = ".";

	if (place->name > place->path) {
		size_t length = (size_t)(place->name - place->path) - 1;
		memcpy(parent, place->path, length);
		parent[length] = '\0';
	}
	int fd = make_parents ? path_create_in_root(root_fd, parent, PATH_CREATE_DIRECTORY) :
				path_open_in_root(root_fd, parent, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	place->parent_fd = fd;
	return 0;
}

void place_clear(struct place *place)
{
	close_fd(&place->parent_fd);
}

/* ---- what this run has made ---- */

static int compare_paths(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The kernel's own name of the place, so that two ways to it are the same. */
static int real_path(int parent_fd, const char *name, char **ret)
{
	char link[40], path[PATH_MAX];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", parent_fd);
	ssize_t length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return -errno;
	path[length] = '\0';
	return asprintf(ret, "%s/%s", path, name) < 0 ? -ENOMEM : 0;
}

int made_add(struct made *made, const struct place *place)
{
	char *path = NULL;
	int r = real_path(place->parent_fd, place->name, &path);

	if (r < 0)
		return r;
	char **found = tsearch(path, &made->tree, compare_paths);
	if (!found || *found != path)
		free(path);
	return found ? 0 : -ENOMEM;
}

void made_clear(struct made *made)
{
	tdestroy(made->tree, free);
	made->tree = NULL;
}

static bool was_made(const struct made *made, int parent_fd, const char *name)
{
	auto_free char *path = NULL;

	/* in doubt it stays */
	return made && (real_path(parent_fd, name, &path) < 0 || tfind(path, &made->tree, compare_paths));
}

/* ---- removal ---- */

static int remove_below(int dir_fd, const struct made *made)
{
	auto_close int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return -errno;
	(void)take_fd(&fd);
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		int r = place_remove(dirfd(dir), entry->d_name, made, false);
		if (r < 0)
			return r;
	}
	return 0;
}

int place_remove(int parent_fd, const char *name, const struct made *made, bool only_below)
{
	struct stat info;
	bool stays = only_below || was_made(made, parent_fd, name);

	if (fstatat(parent_fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(info.st_mode))
		return stays || unlinkat(parent_fd, name, 0) == 0 ? 0 : -errno;
	auto_close int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = remove_below(fd, made);
	if (r < 0 || stays)
		return r;
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && !(made && errno == ENOTEMPTY))
		return -errno;
	return 0;
}
