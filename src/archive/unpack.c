/* One archive, entry by entry. */
#include "archive/unpack.h"

#include "archive/metadata.h"
#include "archive/place.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#define WHITEOUT	".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

/* A directory gets its metadata when nothing is put into it any more. */
struct directory {
	char *path;
	struct archive_entry *entry;
	size_t number; /* of two with the same path the later one counts */
};

struct unpack {
	const struct unpack_options *options;
	struct unpack_report *report;
	struct archive *archive;
	int root_fd;
	bool keeps_owner;
	uint64_t max_bytes, max_entries;
	VECTOR(struct directory) directories;
	struct made made;
};

/* ---- limits ---- */

static int set_limits(struct unpack *unpack)
{
	struct statvfs info;

	unpack->max_entries = unpack->options->max_entries ?: UNPACK_ENTRIES;
	unpack->max_bytes = unpack->options->max_bytes;
	if (unpack->max_bytes)
		return 0;
	if (fstatvfs(unpack->root_fd, &info) < 0)
		return -errno;
	/* a file system that does not say how large it is has no end */
	unpack->max_bytes = info.f_blocks ? (uint64_t)info.f_bavail * info.f_frsize / 10 * 9 : UINT64_MAX;
	return 0;
}

static int count_bytes(struct unpack *unpack, uint64_t bytes)
{
	if (bytes > unpack->max_bytes - unpack->report->bytes)
		return -EFBIG;
	unpack->report->bytes += bytes;
	return 0;
}

/* ---- one kind of entry each ---- */

/* ARCHIVE_OK and ARCHIVE_WARN go on; libarchive's errors are not always an errno. */
static int archive_error(struct archive *archive)
{
	int error = archive_errno(archive);
	return error > 0 && error < 4096 ? -error : -EBADMSG;
}

static int write_block(int fd, const char *data, size_t size, off_t offset)
{
	while (size > 0) {
		ssize_t done = pwrite(fd, data, size, offset);
		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			data += done;
			size -= (size_t)done;
			offset += done;
		}
	}
	return 0;
}

/* What lies between the blocks stays a hole. */
static int unpack_file(struct unpack *unpack, const struct place *place, struct archive_entry *entry)
{
	const void *data;
	size_t size;
	la_int64_t offset;
	auto_close int fd = openat(place->parent_fd, place->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	for (;;) {
		int r = archive_read_data_block(unpack->archive, &data, &size, &offset);
		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return archive_error(unpack->archive);
		r = count_bytes(unpack, size);
		r = r ?: write_block(fd, data, size, offset);
		if (r < 0)
			return r;
	}
	return ftruncate(fd, archive_entry_size(entry)) < 0 ? -errno : 0;
}

static int unpack_directory(struct unpack *unpack, const struct place *place, struct archive_entry *entry)
{
	struct directory *directory;
	if (*place->name && mkdirat(place->parent_fd, place->name, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (!(directory = vector_add(&unpack->directories)))
		return -ENOMEM;
	directory->number = unpack->directories.count;
	directory->path = strdup(place->path);
	directory->entry = archive_entry_clone(entry);
	return directory->path && directory->entry ? 0 : -ENOMEM;
}

/* 1: the caller may not make it, and it was noted. */
static int unpack_node(struct unpack *unpack, const struct place *place, struct archive_entry *entry)
{
	mode_t type = archive_entry_filetype(entry);
	bool is_device = type == AE_IFCHR || type == AE_IFBLK;

	if (is_device && unpack->options->no_devices)
		return 1;
	if (mknodat(place->parent_fd, place->name, type | 0600, makedev(archive_entry_rdevmajor(entry), archive_entry_rdevminor(entry))) == 0)
		return 0;
	if (errno != EPERM || !is_device)
		return -errno;
	if (unpack->report->devices++ == 0)
		(void)snprintf(unpack->report->first_device, sizeof(unpack->report->first_device), "%.255s", place->path);
	return 1;
}

/* The link's target is looked up below the top as well, its last part never followed. */
static int unpack_hard_link(struct unpack *unpack, const struct place *place, const char *target)
{
	struct place from = { .parent_fd = -1 };
	struct stat old, new;
	int r = place_set(&from, target);
	r = r ?: place_find(&from, unpack->root_fd, false);
	if (r < 0)
		return r;
	if (fstatat(from.parent_fd, from.name, &old, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	else if (fstatat(place->parent_fd, place->name, &new, AT_SYMLINK_NOFOLLOW) == 0 && old.st_dev == new.st_dev &&
		 old.st_ino == new.st_ino)
		r = 0; /* it is this file already */
	else
		r = place_remove(place->parent_fd, place->name, NULL, false);
	if (r == 0 && linkat(from.parent_fd, from.name, place->parent_fd, place->name, 0) < 0 && errno != EEXIST)
		r = -errno;
	place_clear(&from);
	return r;
}

/* ---- entries ---- */

/* What was in the way, unless both are directories. */
static int make_room(const struct place *place, bool is_directory)
{
	struct stat info;
	if (fstatat(place->parent_fd, place->name, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return is_directory && S_ISDIR(info.st_mode) ? 0 : place_remove(place->parent_fd, place->name, NULL, false);
}

static int apply(struct unpack *unpack, int dir_fd, const char *name, const char *path, struct archive_entry *entry)
{
	bool is_skipped = false;
	int r = metadata_apply(dir_fd, name, entry, unpack->keeps_owner, &is_skipped);
	if (is_skipped && unpack->report->attributes++ == 0)
		(void)snprintf(unpack->report->first_attribute, sizeof(unpack->report->first_attribute), "%.255s", path);
	return r;
}

static int unpack_contents(struct unpack *unpack, const struct place *place, struct archive_entry *entry)
{
	const char *target = archive_entry_hardlink(entry);
	mode_t type = archive_entry_filetype(entry);
	int r;
	if (target)
		return unpack_hard_link(unpack, place, target); /* has its metadata already */
	if (!*place->name)
		return type == AE_IFDIR ? unpack_directory(unpack, place, entry) : -EISDIR;
	r = make_room(place, type == AE_IFDIR);
	if (r < 0)
		return r;
	switch (type) {
	case AE_IFDIR:
		return unpack_directory(unpack, place, entry);
	case AE_IFREG:
		r = unpack_file(unpack, place, entry);
		break;
	case AE_IFLNK:
		target = archive_entry_symlink(entry);
		r = !target ? -EILSEQ : symlinkat(target, place->parent_fd, place->name) < 0 ? -errno : 0;
		break;
	case AE_IFCHR:
	case AE_IFBLK:
	case AE_IFIFO:
		r = unpack_node(unpack, place, entry);
		break;
	default:
		return 0; /* a socket without its server */
	}
	if (r == 1)
		return 0;
	return r ?: apply(unpack, place->parent_fd, place->name, place->path, entry);
}

/* What the layers below had. -EXDEV: the name hidden is "." or "..". */
static int apply_whiteout(struct unpack *unpack, const struct place *place)
{
	const char *hidden = place->name + strlen(WHITEOUT);
	if (strcmp(place->name, WHITEOUT_OPAQUE) == 0)
		return place_remove(place->parent_fd, ".", &unpack->made, true);
	if (text_starts(hidden, WHITEOUT))
		return 0; /* the bookkeeping of aufs */
	if (!*hidden || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
		return -EXDEV;
	return place_remove(place->parent_fd, hidden, &unpack->made, false);
}

static bool matches(const struct string_list *patterns, const char *path)
{
	vector_for_each (item, patterns) {
		const char *pattern = *item;
		pattern += strspn(pattern, "/");
		if (text_starts(pattern, "./"))
			pattern += 2;
		if (fnmatch(pattern, path, FNM_LEADING_DIR) == 0)
			return true;
	}
	return false;
}

static int unpack_entry(struct unpack *unpack, struct place *place, struct archive_entry *entry)
{
	const struct unpack_options *options = unpack->options;
	const char *name = archive_entry_pathname(entry);
	if (++unpack->report->entries > unpack->max_entries)
		return -EFBIG;
	int r = name ? place_set(place, name) : -EILSEQ;
	if (r < 0)
		return r;
	if ((options->only.count && !matches(&options->only, place->path)) || matches(&options->exclude, place->path))
		return 0;
	r = count_bytes(unpack, metadata_size(entry));
	r = r ?: place_find(place, unpack->root_fd, true);
	if (r < 0)
		return r;
	if (options->whiteouts && text_starts(place->name, WHITEOUT))
		return apply_whiteout(unpack, place);
	r = unpack_contents(unpack, place, entry);
	return r == 0 && options->whiteouts ? made_add(&unpack->made, place) : r;
}

/* ---- the directories at the end ---- */

static int compare_directories(const void *a, const void *b)
{
	const struct directory *first = a, *second = b;
	int r = strcmp(first->path, second->path);
	return r ? r : first->number < second->number ? -1 : 1;
}

/* A later entry may have put something else in its place: that is not touched. */
static int finish_directory(struct unpack *unpack, const struct directory *directory)
{
	struct place place = { .parent_fd = -1 };
	int r = place_set(&place, directory->path);
	r = r ?: place_find(&place, unpack->root_fd, false);
	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : r;
	auto_close int fd = openat(place.parent_fd, *place.name ? place.name : ".",
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? -errno : apply(unpack, fd, ".", directory->path, directory->entry);
	place_clear(&place);
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP ? 0 : r;
}

/* From below, so that a directory without rights for its owner is closed last. */
static int finish_directories(struct unpack *unpack, struct error *err)
{
	const char *done = NULL;
	if (unpack->directories.count)
		qsort(unpack->directories.items, unpack->directories.count, sizeof(struct directory), compare_directories);
	for (size_t i = unpack->directories.count; i-- > 0;) {
		const struct directory *directory = &unpack->directories.items[i];
		if (text_equal(done, directory->path))
			continue;
		done = directory->path;
		int r = finish_directory(unpack, directory);
		if (r < 0)
			return error_set(err, r, "set owner and mode of directory %.300s", *done ? done : ".");
	}
	return 0;
}

/* ---- all of it ---- */

static int tell(const struct unpack *unpack, int r, const char *name, struct error *err)
{
	const char *said = archive_error_string(unpack->archive);
	if (r == -EXDEV)
		return error_set(err, r, "entry %.300s leaves the directory, the archive is not to be trusted", name);
	if (r == -EFBIG) {
		r = error_set(err, r, "entry %.300s: more than %llu bytes or %llu entries", name,
			(unsigned long long)unpack->max_bytes, (unsigned long long)unpack->max_entries);
		(void)error_hint(err, "allow more with --max-size or --max-entries");
		return r;
	}
	if (r == -EOVERFLOW)
		return error_set(err, r, "owner of entry %.300s is no id here", name);
	if (said)
		return error_set_kind(err, ERROR_KERNEL, r, "entry %.200s: %.200s", name, said);
	return error_set(err, r, "unpack entry %.300s", name);
}

static int unpack_entries(struct unpack *unpack, struct error *err)
{
	struct archive_entry *entry;
	for (;;) {
		struct place place = { .parent_fd = -1 };
		int r = archive_read_next_header(unpack->archive, &entry);
		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return error_set_kind(err, ERROR_KERNEL, archive_error(unpack->archive), "read archive: %s",
				archive_error_string(unpack->archive) ?: "it is broken");
		archive_clear_error(unpack->archive);
		r = unpack_entry(unpack, &place, entry);
		place_clear(&place);
		if (r < 0)
			return tell(unpack, r, archive_entry_pathname(entry) ?: "without a name", err);
	}
}

static struct archive *open_archive(int fd, struct error *err)
{
	struct archive *archive = archive_read_new();
	if (!archive) {
		(void)error_set(err, ENOMEM, "read archive");
		return NULL;
	}
	/* one by one: others would run programs of the host, or are no archives of file systems */
	archive_read_support_format_tar(archive);
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_bzip2(archive);
	archive_read_support_filter_xz(archive);
	archive_read_support_filter_lzma(archive);
	archive_read_support_filter_zstd(archive);
	if (archive_read_open_fd(archive, fd, 1 << 16) == ARCHIVE_OK)
		return archive;
	(void)error_set_kind(err, ERROR_KERNEL, archive_error(archive), "read archive: %s",
		archive_error_string(archive) ?: "it is broken");
	archive_read_free(archive);
	return NULL;
}

int unpack_archive(int archive_fd, int root_fd, const struct unpack_options *options, struct unpack_report *ret_report,
	struct error *err)
{
	struct unpack unpack = { .options = options, .report = ret_report, .root_fd = root_fd, .keeps_owner = geteuid() == 0 };
	int r = set_limits(&unpack);

	*ret_report = (struct unpack_report){ 0 };
	if (r < 0)
		return error_set(err, r, "measure the free space");
	unpack.archive = open_archive(archive_fd, err);
	if (!unpack.archive)
		return -EBADMSG;
	r = unpack_entries(&unpack, err);
	r = r ?: finish_directories(&unpack, err);
	vector_for_each (directory, &unpack.directories) {
		free(directory->path);
		archive_entry_free(directory->entry);
	}
	free(unpack.directories.items);
	made_clear(&unpack.made);
	archive_read_free(unpack.archive);
	return r;
}
