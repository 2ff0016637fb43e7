/*
 * Numbers of project quota for trees. The number stands in the inode of the tree's top, nowhere else, so that no list can
 * differ from it. The top bears it first and gets the flag that hands it down last: without the flag the work was cut off.
 */
#include "storage/project.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"
#include "kernel/project_quota.h"
#include "storage/entries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST 0x40000000U /* administrators count their own from 1 */
#define COUNT 0x30000000U
#define TRIES 1000U
#define LOCK  "/run/wabe/project.lock"

struct tree {
	uint32_t project;
	dev_t device;
	char failed[256];
};

/* A number that no file bears. */
static int find_free(int fd, const char *path, uint32_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	uint64_t hash = hash_fnv1a64(path, strlen(path)) ^ st.st_ino * 0x9e3779b97f4a7c15ULL;
	for (uint32_t i = 0; i < TRIES; i++) {
		struct project_usage usage;
		uint32_t number = FIRST + (uint32_t)((hash + i) % COUNT);
		int r = project_quota_get(fd, number, &usage);
		if (r < 0)
			return r;
		if (usage.inodes == 0) {
			*ret = number;
			return 0;
		}
	}
	return -EAGAIN;
}

static int tag_entries(struct tree *tree, int dir_fd);

/* Links and the like take no blocks: where the kernel can not give them the number they stay as they are. */
static int tag_entry(struct tree *tree, int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (st.st_dev != tree->device)
		return 0;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		(void)project_set_at(dir_fd, name, tree->project);
		return 0;
	}
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;
	if (r == -ENOENT)
		return 0;
	r = r ?: project_set(fd, tree->project, S_ISDIR(st.st_mode));
	if (r == 0 && S_ISDIR(st.st_mode))
		r = tag_entries(tree, fd);
	if (r < 0 && !*tree->failed)
		(void)snprintf(tree->failed, sizeof(tree->failed), "%s", name);
	return r;
}

static int tag_entries(struct tree *tree, int dir_fd)
{
	auto_closedir DIR *dir = entries_open(dir_fd);
	int r = dir ? 0 : -errno;

	for (struct dirent *entry; r == 0 && (entry = entries_next(dir));)
		r = tag_entry(tree, dir_fd, entry->d_name);
	return r;
}

/* Two that look for a number at once must not find the same. */
static int lock(void)
{
	int r = mkdir_parents("/run/wabe", 0755);
	int fd = r < 0 ? r : open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (r < 0)
		return r;
	if (fd < 0 || flock(fd, LOCK_EX) < 0) {
		r = -errno;
		close_fd(&fd);
		return r;
	}
	return fd;
}

/* The top bears the number, so that nobody else takes it; its limit holds before that. */
static int mark_top(int fd, const char *path, uint32_t like, uint64_t bytes, uint64_t inodes, uint32_t *ret)
{
	uint32_t number = like;
	auto_close int lock_fd = lock();

	if (lock_fd < 0)
		return lock_fd;
	int r = like ? 0 : find_free(fd, path, &number);
	if (!like)
		r = r ?: project_quota_set(fd, number, bytes, inodes);
	r = r ?: project_set(fd, number, false);
	if (r == 0)
		*ret = number;
	return r;
}

int project_claim(const char *path, uint32_t like, uint64_t bytes, uint64_t inodes, uint32_t *ret_project, struct error *err)
{
	struct tree tree = { 0 };
	struct stat st;
	bool is_complete = false;
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : project_get(fd, &tree.project, &is_complete);
	if (r == 0 && tree.project == 0)
		r = mark_top(fd, path, like, bytes, inodes, &tree.project);
	if (r < 0)
		return error_set(err, r, "give %s a project for its quota", path);
	*ret_project = tree.project;
	if (is_complete)
		return 0;
	tree.device = st.st_dev;
	r = tag_entries(&tree, fd);
	if (r < 0)
		return error_set(err, r, "count %s in %s for project %u", tree.failed, path, tree.project);
	r = project_set(fd, tree.project, true);
	return r < 0 ? error_set(err, r, "count %s for project %u", path, tree.project) : 0;
}
