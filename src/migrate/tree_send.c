/* The sending side of a tree. */
#include "migrate/tree.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "kernel/path_in_root.h"
#include "storage/seen.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, SMALL_FILE = 4 * CHUNK };

/*
 * Two changes within one tick of the kernel's clock have the same ctime: what changed so shortly before it was read may
 * have changed again afterwards.
 */
#define TICK_NS 20000000LL

/* What was sent of a path. */
struct known {
	char *path;
	dev_t device;
	ino_t inode;
	mode_t kind; /* S_IFMT: the number of a file that has gone may be a directory's next */
	off_t size;
	struct timespec mtime, ctime; /* all zero: send it again */
	unsigned pass;		      /* in which it was last there */
	uint64_t *sums; /* of each chunk of a large file, by which the next pass leaves out what is the same */
	size_t sum_count;
};

struct tree_sender {
	void *known; /* tree of struct known, by path */
	unsigned pass;
	char *chunk;
	bool is_written_once; /* no file changes: no sums */
	struct string_list complete; /* paths that the receiver has got otherwise */
};

struct pass {
	struct tree_sender *sender;
	struct stream *stream;
	struct message message;
	struct tree_counts counts;
	struct seen_files seen; /* in this pass */
	struct timespec start;
	dev_t device; /* of the directory at hand: a subvolume has its own */
	size_t length;
	char path[PATH_MAX]; /* of the entry at hand, or of the one that failed */
};

/* ---- what is known ---- */

static int compare_known(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->path, ((const struct known *)b)->path);
}

static void free_known(void *pointer)
{
	struct known *known = pointer;
	free(known->path);
	free(known->sums);
	free(known);
}

static struct known *find_known(struct pass *pass)
{
	struct known key = { .path = pass->path }, **found = tsearch(&key, &pass->sender->known, compare_known);
	if (!found)
		return NULL;
	if (*found != &key) {
		if ((*found)->pass + 1 < pass->sender->pass) { /* the receiver has taken it away in between */
			(*found)->inode = 0;
			(*found)->sum_count = 0;
		}
		(*found)->pass = pass->sender->pass;
		return *found;
	}
	struct known *known = calloc(1, sizeof(*known));
	if (!known || !(known->path = strdup(pass->path))) {
		(void)tdelete(&key, &pass->sender->known, compare_known);
		free(known);
		return NULL;
	}
	known->pass = pass->sender->pass;
	return *found = known;
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Has it been sent as it is? */
static bool is_known(const struct known *known, const struct stat *info)
{
	return known->inode == info->st_ino && known->device == info->st_dev && known->size == info->st_size &&
	       is_same_time(known->mtime, info->st_mtim) && is_same_time(known->ctime, info->st_ctim);
}

static void set_known(const struct pass *pass, struct known *known, const struct stat *info)
{
	long long age_ns = (pass->start.tv_sec - info->st_ctim.tv_sec) * 1000000000LL + pass->start.tv_nsec - info->st_ctim.tv_nsec;
	known->device = info->st_dev;
	known->inode = info->st_ino;
	known->size = info->st_size;
	known->mtime = info->st_mtim;
	known->ctime = pass->sender->is_written_once || age_ns > TICK_NS ? info->st_ctim : (struct timespec){ 0 };
}

/* ---- attributes ---- */

void tree_put_metadata(struct message *message, const struct stat *info)
{
	message_put_number(message, info->st_mode);
	message_put_number(message, info->st_uid);
	message_put_number(message, info->st_gid);
	message_put_number(message, (uint64_t)info->st_atim.tv_sec);
	message_put_number(message, (uint64_t)info->st_atim.tv_nsec);
	message_put_number(message, (uint64_t)info->st_mtim.tv_sec);
	message_put_number(message, (uint64_t)info->st_mtim.tv_nsec);
}

/* Name and value each, ended by an empty name. path: by /proc/self/fd, its last part is not followed. */
static int put_attributes(struct message *message, const char *path)
{
	char names[65536];
	ssize_t length = llistxattr(path, names, sizeof(names));
	if (length < 0 && errno != EOPNOTSUPP && errno != ENOENT)
		return -errno;
	for (char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
		char value[65536];
		ssize_t size = lgetxattr(path, name, value, sizeof(value));
		if (size < 0)
			continue; /* it has gone, or is none of ours to read */
		message_put_text(message, name);
		message_put_bytes(message, value, (size_t)size);
	}
	message_put_text(message, "");
	return 0;
}

/* ---- entries ---- */

static int send_head(struct pass *pass, enum message_type type, int dir_fd, const char *name, const struct stat *info)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd, name);
	message_start(&pass->message, type);
	message_put_text(&pass->message, pass->path);
	tree_put_metadata(&pass->message, info);
	int r = put_attributes(&pass->message, path);
	pass->counts.entries++;
	return r;
}

static int send_chunk(struct pass *pass, const char *data, size_t length, off_t at)
{
	message_start(&pass->message, MESSAGE_DATA);
	message_put_number(&pass->message, (uint64_t)at);
	message_put_bytes(&pass->message, data, length);
	pass->counts.bytes += length;
	return stream_send(pass->stream, &pass->message);
}

/* The chunks that are not the same as before; holes are zeros here, for what is there already may not have them. */
static int send_changed_chunks(struct pass *pass, int fd, struct known *known, bool is_update)
{
	char *chunk = pass->sender->chunk;
	off_t at = 0;
	for (size_t number = 0;; number++, at += CHUNK) {
		ssize_t length = pread(fd, chunk, CHUNK, at);
		for (; length == 0 && number < known->sum_count; number++)
			known->sums[number] = 0; /* it has become shorter: what comes there again is new */
		if (length <= 0)
			return length < 0 ? -errno : 0;
		uint64_t sum = hash_bulk64(chunk, (size_t)length) ?: 1;
		bool is_same = is_update && number < known->sum_count && known->sums[number] == sum;
		if (number >= known->sum_count) {
			size_t count = known->sum_count * 2 + 64;
			uint64_t *sums = realloc(known->sums, count * sizeof(*sums));
			if (!sums)
				return -ENOMEM;
			memset(sums + known->sum_count, 0, (count - known->sum_count) * sizeof(*sums));
			known->sums = sums;
			known->sum_count = count;
		}
		known->sums[number] = sum;
		int r = is_same ? 0 : send_chunk(pass, chunk, (size_t)length, at);
		if (r < 0)
			return r;
	}
}

static int send_range(struct pass *pass, int fd, off_t at, off_t end)
{
	while (at < end) {
		size_t length = end - at < (off_t)DATA_MAX ? (size_t)(end - at) : DATA_MAX;
		int r = stream_send_data(pass->stream, fd, (uint64_t)at, length);
		if (r < 0)
			return r;
		pass->counts.bytes += length;
		at += (off_t)length;
	}
	return 0;
}

/* Data between holes only. */
static int send_ranges(struct pass *pass, int fd, off_t size)
{
	for (off_t at = 0; at < size;) {
		off_t data = lseek(fd, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		off_t hole = data < 0 ? size : lseek(fd, data, SEEK_HOLE);
		int r = send_range(pass, fd, data < 0 ? at : data, hole < 0 ? size : hole);
		if (r < 0)
			return r;
		at = hole < 0 ? size : hole;
	}
	return 0;
}

/*
 * A large file without holes whose inode is there already is changed in place; else it is made anew, so that the old
 * one's other names keep theirs.
 */
static int send_content(struct pass *pass, int fd, const struct stat *info, struct known *known, bool is_update)
{
	bool has_holes = info->st_blocks < info->st_size / 512;
	int r;
	if (info->st_size > SMALL_FILE && !has_holes && !pass->sender->is_written_once) {
		r = send_changed_chunks(pass, fd, known, is_update);
	} else {
		known->sum_count = 0;
		r = send_ranges(pass, fd, info->st_size);
	}
	struct stat after;
	if (r == 0 && fstat(fd, &after) < 0)
		r = -errno;
	if (r < 0)
		return r;
	message_start(&pass->message, MESSAGE_FILE_END);
	message_put_number(&pass->message, (uint64_t)after.st_size);
	return stream_send(pass->stream, &pass->message);
}

static int send_file(struct pass *pass, int dir_fd, const char *name, const struct stat *found, struct known *known)
{
	struct stat info;
	/* O_NONBLOCK: somebody may have put a fifo there meanwhile */
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC);
	if (fd < 0 && errno == EPERM)
		fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) < 0)
		return errno == ENOENT || errno == ELOOP ? 0 : -errno;
	if (!S_ISREG(info.st_mode) || info.st_ino != found->st_ino)
		return 0; /* for the next pass */
	bool is_update = known->sum_count > 0 && known->inode == info.st_ino && known->device == info.st_dev &&
			 info.st_nlink == 1 && info.st_size > SMALL_FILE && info.st_blocks >= info.st_size / 512;
	int r = send_head(pass, MESSAGE_FILE, dir_fd, name, &info);
	message_put_number(&pass->message, is_update);
	r = r ?: stream_send(pass->stream, &pass->message);
	r = r ?: send_content(pass, fd, &info, known, is_update);
	if (r == 0)
		set_known(pass, known, &info);
	return r ?: 1;
}

/* Each of them: 1, sent; 0: it has gone or become another, the next pass sees to it. */
static int send_symlink(struct pass *pass, int dir_fd, const char *name, const struct stat *info, struct known *known)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(dir_fd, name, target, sizeof(target));
	if (length < 0)
		return errno == ENOENT || errno == EINVAL ? 0 : -errno;
	int r = send_head(pass, MESSAGE_SYMLINK, dir_fd, name, info);
	message_put_bytes(&pass->message, target, (size_t)length);
	r = r ?: stream_send(pass->stream, &pass->message);
	if (r == 0)
		set_known(pass, known, info);
	return r ?: 1;
}

static int send_node(struct pass *pass, int dir_fd, const char *name, const struct stat *info, struct known *known)
{
	int r = send_head(pass, MESSAGE_NODE, dir_fd, name, info);
	message_put_number(&pass->message, info->st_rdev);
	r = r ?: stream_send(pass->stream, &pass->message);
	if (r == 0)
		set_known(pass, known, info);
	return r ?: 1;
}

/* ---- hard links ---- */

static int send_link(struct pass *pass, const struct stat *info, const char *first, struct known *known)
{
	message_start(&pass->message, MESSAGE_LINK);
	message_put_text(&pass->message, pass->path);
	message_put_text(&pass->message, first);
	pass->counts.entries++;
	int r = stream_send(pass->stream, &pass->message);
	if (r == 0)
		set_known(pass, known, info);
	return r;
}

/*
 * One name of several. 1: it is done; 0: it has to be sent as a file, and the names that follow as links to it. A directory
 * that was renamed makes one name new and leaves the inode, so that another may be known and not sent in this pass.
 */
static int send_name(struct pass *pass, const struct stat *info, struct known *known)
{
	bool is_there = is_known(known, info);
	const struct seen_file *first = seen_find(&pass->seen, info);
	if (!first)
		return is_there ? seen_add(&pass->seen, info, pass->path, false) ?: 1 : 0;
	return is_there && !first->is_sent ? 1 : send_link(pass, info, first->path, known) ?: 1;
}

/* ---- directories ---- */

static int send_directory(struct pass *pass, int dir_fd, const struct stat *info, struct known *known);

static int send_subdirectory(struct pass *pass, int dir_fd, const char *name, const struct stat *info, struct known *known)
{
	struct stat now = *info;
	auto_close int fd = path_open_in_mount(dir_fd, false, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0 && fd != -EXDEV)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? 0 : fd;
	if (fd >= 0 && fstat(fd, &now) < 0)
		return -errno;
	if (known->inode != now.st_ino || known->device != now.st_dev) {
		int r = send_head(pass, MESSAGE_DIRECTORY, dir_fd, name, &now);
		r = r ?: stream_send(pass->stream, &pass->message);
		if (r < 0 || fd < 0)
			return r; /* what is mounted there is not the container's: an empty directory */
	}
	return fd < 0 ? 0 : send_directory(pass, fd, &now, known);
}

static bool is_complete(const struct pass *pass)
{
	vector_for_each(path, &pass->sender->complete)
		if (strcmp(*path, pass->path) == 0)
			return true;
	return false;
}

static int send_entry(struct pass *pass, int dir_fd, const char *name)
{
	struct stat info;
	if (fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if ((info.st_dev != pass->device && !S_ISDIR(info.st_mode)) || S_ISSOCK(info.st_mode))
		return 0;
	struct known *known = find_known(pass);
	if (!known)
		return -ENOMEM;
	if (known->kind != (info.st_mode & S_IFMT)) {
		known->kind = info.st_mode & S_IFMT;
		known->inode = 0;
		known->sum_count = 0;
	}
	if (is_complete(pass))
		return 0;
	if (S_ISDIR(info.st_mode))
		return send_subdirectory(pass, dir_fd, name, &info, known);
	int r = info.st_nlink > 1 ? send_name(pass, &info, known) : is_known(known, &info);
	if (r != 0)
		return r < 0 ? r : 0;
	if (S_ISREG(info.st_mode))
		r = send_file(pass, dir_fd, name, &info, known);
	else if (S_ISLNK(info.st_mode))
		r = send_symlink(pass, dir_fd, name, &info, known);
	else
		r = send_node(pass, dir_fd, name, &info, known);
	return r > 0 && info.st_nlink > 1 ? seen_add(&pass->seen, &info, pass->path, true) : r < 0 ? r : 0;
}

/* All names of the directory: the receiver takes away what is not among them. */
static int send_names(struct pass *pass, DIR *dir)
{
	message_start(&pass->message, MESSAGE_NAMES);
	message_put_text(&pass->message, pass->path);
	for (struct dirent *entry; (entry = readdir(dir));)
		message_put_text(&pass->message, entry->d_name);
	rewinddir(dir);
	return stream_send(pass->stream, &pass->message);
}

static int send_entries(struct pass *pass, DIR *dir, int dir_fd)
{
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		size_t before = pass->length, left = sizeof(pass->path) - before;
		int added = snprintf(pass->path + before, left, "%s%s", before ? "/" : "", entry->d_name);
		if (added < 0 || (size_t)added >= left)
			return -ENAMETOOLONG;
		pass->length += (size_t)added;
		int r = send_entry(pass, dir_fd, entry->d_name);
		if (r < 0)
			return r; /* path stays: the fault's */
		pass->path[pass->length = before] = '\0';
	}
	return 0;
}

/* Its own times come last: all that is made or taken away in it changes them. */
static int send_directory(struct pass *pass, int dir_fd, const struct stat *info, struct known *known)
{
	dev_t outer = pass->device;
	bool is_changed = !is_known(known, info);
	uint64_t before = pass->counts.entries;
	auto_close int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return -errno;
	(void)take_fd(&fd);
	int r = is_changed ? send_names(pass, dir) : 0;
	pass->device = info->st_dev;
	r = r ?: send_entries(pass, dir, dir_fd);
	pass->device = outer;
	if (r < 0 || (!is_changed && pass->counts.entries == before))
		return r;
	r = send_head(pass, MESSAGE_DIRECTORY_END, dir_fd, ".", info);
	r = r ?: stream_send(pass->stream, &pass->message);
	if (r == 0)
		set_known(pass, known, info);
	return r;
}

/* ---- passes ---- */

struct tree_sender *tree_sender_new(bool is_written_once)
{
	struct tree_sender *sender = calloc(1, sizeof(*sender));
	if (sender)
		sender->is_written_once = is_written_once;
	if (sender && !(sender->chunk = malloc(CHUNK))) {
		free(sender);
		return NULL;
	}
	return sender;
}

void tree_sender_free(struct tree_sender *sender)
{
	if (!sender)
		return;
	tdestroy(sender->known, free_known);
	string_list_clear(&sender->complete);
	free(sender->chunk);
	free(sender);
}

int tree_sender_leave_out(struct tree_sender *sender, const char *path)
{
	return string_list_add(&sender->complete, path);
}

static int send_top(struct pass *pass, int root_fd)
{
	struct stat info;
	struct known *known = find_known(pass);
	if (!known)
		return -ENOMEM;
	if (fstat(root_fd, &info) < 0)
		return -errno;
	return send_directory(pass, root_fd, &info, known);
}

int tree_send(struct tree_sender *sender, int root_fd, const char *name, struct stream *stream, struct tree_counts *ret,
	struct error *err)
{
	struct pass *pass = calloc(1, sizeof(*pass));
	if (!pass)
		return error_set(err, ENOMEM, "send %s", name);
	pass->sender = sender;
	pass->stream = stream;
	sender->pass++;
	/* Pages that are written to through a mapping change a file's times only when they were clean before. */
	if (!sender->is_written_once)
		(void)syncfs(root_fd);
	(void)clock_gettime(CLOCK_REALTIME_COARSE, &pass->start);
	int r = send_top(pass, root_fd);
	if (r == 0) {
		message_start(&pass->message, MESSAGE_TREE_END);
		r = stream_send(stream, &pass->message);
		r = r ?: stream_flush(stream);
	}
	if (r < 0)
		(void)error_set(err, r, "send %s%s%s", name, *pass->path ? "/" : "", pass->path);
	if (ret)
		*ret = pass->counts;
	seen_clear(&pass->seen);
	message_clear(&pass->message);
	free(pass);
	return r;
}
