/* All containers below a path. */
#include "liblxc/internal.h"
#include "liblxc/partial.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

static bool has_file(int dir_fd, const char *name, const char *file)
{
	char path[512];
	int length = snprintf(path, sizeof(path), "%s/%s", name, file);
	return length > 0 && length < (int)sizeof(path) && faccessat(dir_fd, path, F_OK, 0) == 0;
}

/* Directories with a file "config". *ret_has_partial: some have a file "partial", and are left out unless whole. */
static int list_once(DIR *dir, const char *path, bool *ret_has_partial, struct string_list *ret)
{
	*ret_has_partial = false;
	for (struct dirent *entry; (entry = readdir(dir));) {
		const char *name = entry->d_name;
		if (*name == '.' || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK))
			continue;
		bool is_changing = has_file(dirfd(dir), name, "partial");
		*ret_has_partial |= is_changing;
		if (is_changing && !partial_settle(path, name))
			continue;
		if (has_file(dirfd(dir), name, "config") && string_list_add(ret, name) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int list_defined(const char *path, struct string_list *ret)
{
	bool has_partial;
	auto_closedir DIR *dir = opendir(path);
	if (!dir)
		return -errno;
	int r = list_once(dir, path, &has_partial, ret);
	if (r == 0 && has_partial) { /* ending one may have removed or renamed another */
		string_list_clear(ret);
		rewinddir(dir);
		r = list_once(dir, path, &has_partial, ret);
	}
	string_list_sort(ret);
	return r;
}

/* Takes names out that lxc_container_new can not open when containers are wanted. */
static int open_all(const char *path, struct string_list *names, struct lxc_container ***cret, bool drops)
{
	struct lxc_container **list = calloc(names->count + 1, sizeof(*list));
	size_t kept = 0;
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < names->count; i++) {
		struct lxc_container *c = lxc_container_new(names->items[i], path);
		if (!c && drops) {
			free(names->items[i]);
			continue;
		}
		names->items[kept] = names->items[i];
		list[kept++] = c;
	}
	names->count = kept;
	*cret = list;
	return 0;
}

static int finish(const char *path, struct string_list *list, char ***names, struct lxc_container ***cret)
{
	if (cret && open_all(path, list, cret, true) < 0) {
		string_list_clear(list);
		return -1;
	}
	int count = (int)list->count;
	if (names) {
		*names = list->items ?: calloc(1, sizeof(char *));
	} else {
		string_list_clear(list);
	}
	return count;
}

static const char *default_path(const char *path)
{
	return path ?: lxc_get_global_config_item("lxc.lxcpath");
}

int list_defined_containers(const char *lxcpath, char ***names, struct lxc_container ***cret)
{
	struct string_list list = { 0 };
	const char *path = default_path(lxcpath);
	if (!path || list_defined(path, &list) < 0) {
		string_list_clear(&list);
		return -1;
	}
	return finish(path, &list, names, cret);
}

int list_active_containers(const char *lxcpath, char ***names, struct lxc_container ***cret)
{
	struct string_list list = { 0 };
	const char *path = default_path(lxcpath);
	if (!path || engine_list_active("lxc", path, &list, NULL) < 0) {
		string_list_clear(&list);
		return -1;
	}
	return finish(path, &list, names, cret);
}

int list_all_containers(const char *lxcpath, char ***names, struct lxc_container ***cret)
{
	struct string_list all = { 0 }, active = { 0 };
	const char *path = default_path(lxcpath);
	if (!path)
		return -1;
	(void)list_defined(path, &all); /* none is defined where there is no directory */
	int r = engine_list_active("lxc", path, &active, NULL);
	for (size_t i = 0; r >= 0 && i < active.count; i++)
		if (!string_list_has(&all, active.items[i]) && string_list_add(&all, active.items[i]) < 0)
			r = -ENOMEM;
	string_list_clear(&active);
	if (r < 0) {
		string_list_clear(&all);
		return -1;
	}
	string_list_sort(&all);
	return finish(path, &all, names, cret);
}
