#include "migrate/record.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "migrate/facts.h"
#include "storage/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RECORD "migration"
#define LOCK   "migration.lock"

enum { RECORD_MAX = 256 * 1024, LOCK_TRIES = 100 };

void migrate_place_clear(struct migrate_place *place)
{
	free(place->directory);
	free(place->config);
	*place = (struct migrate_place){ 0 };
}

/* A lock of the process, not of the open file: no child keeps it, and it tells who has it. */
static int lock(int fd, bool take_over)
{
	struct flock how = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (fcntl(fd, F_SETLK, &how) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES)
			return -errno;
		struct flock holder = how;
		if (!take_over || fcntl(fd, F_GETLK, &holder) < 0)
			return -EBUSY;
		if (holder.l_type != F_UNLCK && holder.l_pid > 1 && i % 10 == 0)
			(void)kill(holder.l_pid, SIGTERM);
		(void)nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
	return -EBUSY;
}

int record_open(struct record *record, const struct migrate_place *place, bool make, bool take_over, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	*record = (struct record){ .place = place, .dir_fd = -1, .lock_fd = -1 };
	int r = make ? mkdir_parents(place->directory, 0770) : 0;
	if (r < 0)
		return error_set(err, r, "make directory %s", place->directory);
	record->dir_fd = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (record->dir_fd < 0)
		return error_set(err, errno, "open %s", place->directory);
	record->lock_fd = openat(record->dir_fd, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = record->lock_fd < 0 ? -errno : lock(record->lock_fd, take_over);
	if (r == 0) {
		r = file_read(record->dir_fd, RECORD, RECORD_MAX, &text, &length);
		r = r == -ENOENT ? 0 : r ?: pairs_parse(&record->pairs, text);
	}
	if (r < 0)
		record_close(record);
	if (r == -EBUSY)
		return error_set_kind(err, ERROR_BUSY, EBUSY, "another migration of %s is at work", place->id.name);
	return r < 0 ? error_set(err, r, "read %s/" RECORD, place->directory) : 0;
}

const char *record_state(const struct record *record)
{
	return pairs_get(&record->pairs, "state", "");
}

int record_save(struct record *record, const char *state, struct error *err)
{
	auto_free char *text = NULL;
	int r = pairs_set(&record->pairs, "state", state);
	r = r ?: pairs_text(&record->pairs, &text);
	r = r ?: file_write_atomic(record->dir_fd, RECORD, 0600, text, strlen(text));
	if (r == 0 && fsync(record->dir_fd) < 0)
		r = -errno;
	return r < 0 ? error_set(err, r, "write %s/" RECORD, record->place->directory) : 0;
}

void record_remove(struct record *record)
{
	if (record->dir_fd < 0)
		return;
	(void)unlinkat(record->dir_fd, RECORD, 0);
	(void)unlinkat(record->dir_fd, LOCK, 0);
	(void)rmdir(record->place->directory); /* where it was for this alone */
	pairs_clear(&record->pairs);
}

void record_close(struct record *record)
{
	close_fd(&record->lock_fd);
	close_fd(&record->dir_fd);
	pairs_clear(&record->pairs);
}

static int sync_directory_of(const char *path)
{
	auto_free char *directory = strdup(path);
	if (!directory)
		return -ENOMEM;
	*strrchr(directory, '/') = '\0';
	auto_close int fd = open(*directory ? directory : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int record_rename_config(const struct record *record, const char *from, const char *to, struct error *err)
{
	auto_free char *old = NULL, *new = NULL;
	int r = text_format(&old, "%s%s", record->place->config, from);
	r = r ?: text_format(&new, "%s%s", record->place->config, to);
	if (r == 0 && rename(old, new) < 0)
		r = -errno;
	r = r ?: sync_directory_of(new);
	return r < 0 ? error_set(err, r, "rename %s to %s", old ?: "", new ?: "") : 0;
}

bool record_has_config(const struct record *record, const char *suffix)
{
	auto_free char *path = NULL;
	return text_format(&path, "%s%s", record->place->config, suffix) == 0 && access(path, F_OK) == 0;
}

int record_make_memory(const struct record *record, struct error *err)
{
	if ((mkdirat(record->dir_fd, MIGRATE_MEMORY, 0711) < 0 && errno != EEXIST) ||
		fchmodat(record->dir_fd, MIGRATE_MEMORY, 0711, 0) < 0) /* whatever the mask of modes is */
		return error_set(err, errno, "make directory %s/" MIGRATE_MEMORY, record->place->directory);
	return 0;
}

int record_remove_tree(const struct record *record, const char *name, struct error *err)
{
	auto_free char *path = NULL;
	if (text_format(&path, "%s/%s", record->place->directory, name) < 0)
		return error_set(err, ENOMEM, "remove %s", name);
	return access(path, F_OK) < 0 ? 0 : storage_remove_tree(path, NULL, err);
}

int record_peek(const struct migrate_place *place, struct pairs *ret)
{
	auto_free char *path = NULL, *text = NULL;
	size_t length;
	int r = text_format(&path, "%s/" RECORD, place->directory);
	r = r ?: file_read(-1, path, RECORD_MAX, &text, &length);
	return r ?: pairs_parse(ret, text);
}

bool record_is_locked(const struct migrate_place *place)
{
	auto_free char *path = NULL;
	struct flock how = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	auto_close int fd = text_format(&path, "%s/" LOCK, place->directory) < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && fcntl(fd, F_GETLK, &how) == 0 && how.l_type != F_UNLCK;
}

const char *migrate_role(const struct migrate_place *place)
{
	struct pairs pairs = { 0 };
	(void)record_peek(place, &pairs);
	const char *role = pairs_is(&pairs, "role", "source") ? "source" : pairs_is(&pairs, "role", "target") ? "target" : NULL;
	pairs_clear(&pairs);
	return role;
}
