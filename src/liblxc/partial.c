#include "liblxc/partial.h"

#include "base/file.h"
#include "liblxc/extra.h"
#include "liblxc/internal.h"
#include "liblxc/owned.h"
#include "liblxc/paths.h"
#include "storage/store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The lines that note a volume. */
#define VOLUME	   "volume "
#define OWN_VOLUME "own "

static char *read_partial(const struct lxc_container *c)
{
	auto_free char *path = container_path(c, "partial");
	char *text = NULL;
	size_t length;
	return path && file_read(-1, path, 1 << 16, &text, &length) == 0 ? text : NULL;
}

static bool is_work(const char *text, const char *work)
{
	size_t length = strlen(work);
	return strncmp(text, work, length) == 0 && strchr(" \n", text[length]);
}

bool container_is_partial(const struct lxc_container *c)
{
	auto_free char *path = container_path(c, "partial");
	if (!path || access(path, F_OK) < 0)
		return false;
	auto_free char *text = read_partial(c), *restored = NULL;
	if (!text || text_format(&restored, PARTIAL_RESTORE " %s", c->name) < 0)
		return true;
	return !is_work(text, PARTIAL_RENAME) && !is_work(text, restored);
}

/* ---- who works ---- */

/* Is path the file that fd is open on, still? */
static bool is_at(int fd, const char *path)
{
	struct stat own, there;
	return fstat(fd, &own) == 0 && lstat(path, &there) == 0 && own.st_dev == there.st_dev && own.st_ino == there.st_ino;
}

/* It gets its name when it is locked and has its line: who sees it must not take it for a dead one's. */
static int put(const struct lxc_container *c, const char *work, unsigned rename_flags)
{
	auto_free char *path = container_path(c, "partial"), *file = container_path(c, "partial.new"), *line = NULL;
	if (!path || !file || text_format(&line, "%s\n", work) < 0)
		return -ENOMEM;
	auto_close int fd = open(file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || !is_at(fd, file))
		return -EEXIST;
	int r = ftruncate(fd, 0) < 0 ? -errno : write_full(fd, line, strlen(line));
	if (r == 0 && renameat2(AT_FDCWD, file, AT_FDCWD, path, rename_flags) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(file);
	return r < 0 ? r : take_fd(&fd);
}

int partial_begin(const struct lxc_container *c, const char *work)
{
	return put(c, work, RENAME_NOREPLACE);
}

int partial_begin_in(const struct lxc_container *c, const char *directory, const char *work)
{
	int r = -ENOENT;
	for (int try = 0; r == -ENOENT && try < 8; try++) {
		r = mkdir_parents(directory, 0770);
		r = r ?: partial_begin(c, work);
	}
	return r;
}

int partial_change(const struct lxc_container *c, int *fd, const char *work)
{
	int new_fd = put(c, work, 0);
	if (new_fd < 0)
		return new_fd;
	close_fd(fd);
	*fd = new_fd;
	return 0;
}

int partial_note_volume(int fd, bool is_own, const char *store, const char *source)
{
	auto_free char *line = NULL;
	int r = text_format(&line, "%s%s:%s\n", is_own ? OWN_VOLUME : VOLUME, store, source);
	return r ?: write_full(fd, line, strlen(line));
}

void partial_end(const struct lxc_container *c, int *fd)
{
	auto_free char *path = container_path(c, "partial");
	/* before the lock goes with the fd; after a removal the file may be that of somebody who makes it again */
	if (*fd >= 0 && path && is_at(*fd, path))
		(void)unlink(path);
	close_fd(fd);
}

/* ---- who comes after a death ---- */

static void destroy_noted_volumes(char *text, bool has_own)
{
	for (char *line; (line = strsep(&text, "\n"));) {
		char *name = strchr(line, ' '), *source = strchr(line, ':');
		if (!name || !source || !(text_starts(line, VOLUME) || (has_own && text_starts(line, OWN_VOLUME))))
			continue;
		*source++ = '\0';
		const struct store *store = store_find(name + 1);
		if (store && store->destroy)
			(void)store->destroy(source, NULL);
	}
}

static void take_back(struct lxc_container *c, char *text)
{
	auto_free char *directory = container_path(c, "");
	if (access(c->configfile, F_OK) == 0) /* whose ids are they? */
		(void)lxc_config_load(self(c)->config, c->configfile, NULL);
	destroy_noted_volumes(text, true);
	if (directory) {
		container_forget_origin(c);
		(void)owned_remove_container(lxc_config_spec(self(c)->config), directory, NULL);
	}
	lxc_config_reset(self(c)->config);
}

static void end_rename(struct lxc_container *c, const char *name)
{
	auto_free char *file = container_path(c, "config.new");
	if (file && strcmp(c->name, name) == 0)
		(void)rename(file, c->configfile);
	else if (file)
		(void)unlink(file);
}

/* The copy that has become the container: the snapshots follow, and what the container was before goes. */
static void end_restore(struct lxc_container *c, const char *copy, char *text)
{
	const struct lxc_container other = { .config_path = c->config_path, .name = (char *)copy };
	auto_free char *directory = container_path(&other, ""), *theirs = container_path(&other, "snaps");
	auto_free char *ours = container_path(c, "snaps");
	if (!directory || !theirs || !ours || (access(theirs, F_OK) == 0 && rename(theirs, ours) < 0))
		return; /* nothing is lost: the next one tries again */
	destroy_noted_volumes(text, false);
	(void)owned_remove_container(lxc_config_spec(self(c)->config), directory, NULL);
}

void container_recover(struct lxc_container *c)
{
	auto_free char *path = container_path(c, "partial");
	auto_close int fd = path ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || !is_at(fd, path))
		return; /* somebody is still at it */
	auto_free char *text = read_partial(c);
	char *words = text, *work = text ? strsep(&words, " \n") : NULL;
	char *first = words ? strsep(&words, " \n") : NULL, *second = words ? strsep(&words, " \n") : NULL;
	if (!work)
		return;
	if (strcmp(work, PARTIAL_RENAME) == 0 && second) {
		end_rename(c, second);
	} else if (strcmp(work, PARTIAL_RESTORE) == 0 && second && strcmp(c->name, first) == 0) {
		end_restore(c, second, words);
	} else if (strcmp(work, PARTIAL_CONFIG) == 0) {
		(void)unlink(c->configfile);
	} else {
		auto_free char *whole = read_partial(c);
		take_back(c, whole); /* LXC's own, which is empty, too */
		return;
	}
	(void)unlink(path);
}

bool partial_settle(const char *lxcpath, const char *name)
{
	struct lxc_container *c = extra_container_open(name, lxcpath);
	bool is_partial = !c || container_is_partial(c);
	if (c)
		lxc_container_put(c);
	return !is_partial;
}
