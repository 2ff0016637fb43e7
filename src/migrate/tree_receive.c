/* The receiving side of a tree. */
#include "migrate/tree.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/path_in_root.h"
#include "storage/storage.h"

#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

struct metadata {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec times[2];
};

struct receiver {
	int root_fd;
	struct stream *stream;
	struct message message, head; /* head: of the file that is being written */
	char path[PATH_MAX];
	int parent_fd; /* of path */
	const char *name;
	int file_fd;
};

/* ---- places ---- */

/* Links are never followed and the root never left, whatever path says. */
static int open_directory(const struct receiver *receiver, const char *path)
{
	if (!*path)
		path = ".";
	int fd = path_open_in_mount(receiver->root_fd, true, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	return fd;
}

static int find_place(struct receiver *receiver, const char *path)
{
	close_fd(&receiver->parent_fd);
	int length = snprintf(receiver->path, sizeof(receiver->path), "%s", path);
	if (length < 0 || (size_t)length >= sizeof(receiver->path))
		return -ENAMETOOLONG;
	char *slash = strrchr(receiver->path, '/');
	receiver->name = slash ? slash + 1 : receiver->path;
	if (!*receiver->name || strcmp(receiver->name, ".") == 0 || strcmp(receiver->name, "..") == 0)
		return -EPROTO;
	if (slash)
		*slash = '\0';
	receiver->parent_fd = open_directory(receiver, slash ? receiver->path : "");
	if (slash)
		*slash = '/';
	return receiver->parent_fd < 0 ? receiver->parent_fd : 0;
}

/* With all below it; nothing there is no fault. */
static int remove_entry(int dir_fd, const char *name)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd, name);
	return storage_remove_tree(path, NULL, NULL);
}

/* ---- attributes ---- */

static void get_metadata(struct message *message, struct metadata *ret)
{
	ret->mode = (mode_t)message_get_number(message);
	ret->uid = (uid_t)message_get_number(message);
	ret->gid = (gid_t)message_get_number(message);
	for (int i = 0; i < 2; i++) {
		ret->times[i].tv_sec = (time_t)message_get_number(message);
		ret->times[i].tv_nsec = (long)message_get_number(message);
	}
}

/* Takes away what an earlier pass has left. */
static void clear_attributes(const char *path)
{
	char names[65536];
	ssize_t length = llistxattr(path, names, sizeof(names));
	for (char *name = names; length > 0 && name < names + length; name += strlen(name) + 1)
		(void)lremovexattr(path, name); /* those that the kernel gives itself stay */
}

static int set_attributes(struct message *message, const char *path, bool is_new)
{
	if (!is_new)
		clear_attributes(path);
	for (;;) {
		size_t size;
		const char *name = message_get_text(message);
		if (!*name)
			return message->is_short ? -EPROTO : 0;
		const char *value = message_get_bytes(message, &size);
		if (lsetxattr(path, name, value, size, 0) < 0 && errno != EOPNOTSUPP && errno != EPERM)
			return -errno;
	}
}

/* Owner before mode (chown takes set-uid away), attributes after the owner, times last. */
static int set_metadata(int dir_fd, const char *name, const struct metadata *metadata, struct message *attributes, bool is_new)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd, name);
	if (fchownat(dir_fd, name, metadata->uid, metadata->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(metadata->mode) && fchmodat(dir_fd, name, metadata->mode & 07777, 0) < 0)
		return -errno;
	int r = set_attributes(attributes, path, is_new);
	return r ?: utimensat(dir_fd, name, metadata->times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* ---- entries ---- */

static int take_directory(struct receiver *receiver)
{
	struct stat info;
	int r = find_place(receiver, message_get_text(&receiver->message));
	if (r < 0)
		return r;
	if (fstatat(receiver->parent_fd, receiver->name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode))
		return 0;
	r = remove_entry(receiver->parent_fd, receiver->name);
	return r ?: mkdirat(receiver->parent_fd, receiver->name, 0700) < 0 ? -errno : 0;
}

static int take_directory_end(struct receiver *receiver)
{
	struct metadata metadata;
	auto_close int fd = open_directory(receiver, message_get_text(&receiver->message));
	if (fd < 0)
		return fd;
	get_metadata(&receiver->message, &metadata);
	return set_metadata(fd, ".", &metadata, &receiver->message, false);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void keep_key(void *key)
{
	(void)key; /* it lies in the message */
}

static int remove_others(int fd, void *const *names)
{
	auto_close int own_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *dir = own_fd < 0 ? NULL : fdopendir(own_fd);
	if (!dir)
		return -errno;
	(void)take_fd(&own_fd);
	for (struct dirent *entry; (entry = readdir(dir));) {
		int r = tfind(entry->d_name, names, compare_names) ? 0 : remove_entry(fd, entry->d_name);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_names(struct receiver *receiver)
{
	void *names = NULL;
	struct message *message = &receiver->message;
	auto_close int fd = open_directory(receiver, message_get_text(message));
	int r = fd < 0 ? fd : 0;
	while (r == 0 && message->at < message->length && !message->is_short)
		if (!tsearch(message_get_text(message), &names, compare_names))
			r = -ENOMEM;
	/* "." and ".." are among them, or this is none of our messages */
	if (r == 0 && (message->is_short || !tfind(".", &names, compare_names) || !tfind("..", &names, compare_names)))
		r = -EPROTO;
	r = r ?: remove_others(fd, &names);
	tdestroy(names, keep_key);
	return r;
}

static int take_link(struct receiver *receiver)
{
	int r = find_place(receiver, message_get_text(&receiver->message));
	const char *target = message_get_text(&receiver->message);
	if (r < 0)
		return r;
	const char *slash = strrchr(target, '/');
	auto_free char *directory = slash ? strndup(target, (size_t)(slash - target)) : strdup("");
	if (!directory)
		return -ENOMEM;
	auto_close int fd = open_directory(receiver, directory);
	if (fd < 0)
		return fd;
	r = remove_entry(receiver->parent_fd, receiver->name);
	return r ?: linkat(fd, slash ? slash + 1 : target, receiver->parent_fd, receiver->name, 0) < 0 ? -errno : 0;
}

/* Symbolic links, devices, fifos. */
static int take_other(struct receiver *receiver)
{
	struct metadata metadata;
	struct message *message = &receiver->message;
	int r = find_place(receiver, message_get_text(message));
	get_metadata(message, &metadata);
	size_t attributes = message->at;
	while (*message_get_text(message)) {
		size_t size;
		(void)message_get_bytes(message, &size);
	}
	r = r ?: remove_entry(receiver->parent_fd, receiver->name);
	if (r < 0)
		return r;
	if (message->type == MESSAGE_SYMLINK)
		r = symlinkat(message_get_text(message), receiver->parent_fd, receiver->name);
	else
		r = mknodat(receiver->parent_fd, receiver->name, metadata.mode & (S_IFMT | 0777), (dev_t)message_get_number(message));
	if (r < 0)
		return -errno;
	if (message->is_short)
		return -EPROTO;
	message->at = attributes;
	return set_metadata(receiver->parent_fd, receiver->name, &metadata, message, true);
}

/* ---- files ---- */

static int take_file(struct receiver *receiver)
{
	struct metadata metadata;
	struct message *message = &receiver->message;
	int r = find_place(receiver, message_get_text(message));
	get_metadata(message, &metadata);
	while (*message_get_text(message)) {
		size_t size;
		(void)message_get_bytes(message, &size);
	}
	bool is_update = message_get_number(message);
	if (r == 0 && message->is_short)
		r = -EPROTO;
	if (r == 0 && !is_update)
		r = remove_entry(receiver->parent_fd, receiver->name);
	if (r < 0)
		return r;
	close_fd(&receiver->file_fd);
	receiver->file_fd = openat(receiver->parent_fd, receiver->name,
		O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (is_update ? 0 : O_CREAT | O_EXCL), 0600);
	struct stat info;
	if (receiver->file_fd < 0 || fstat(receiver->file_fd, &info) < 0)
		return -errno;
	if (!S_ISREG(info.st_mode))
		return -EPROTO;
	struct message swapped = receiver->head; /* its attributes are for the end */
	receiver->head = receiver->message;
	receiver->message = swapped;
	return 0;
}

static int take_data(struct receiver *receiver)
{
	return receiver->file_fd < 0 ? -EPROTO : stream_receive_data(receiver->stream, &receiver->message, receiver->file_fd);
}

static int take_file_end(struct receiver *receiver)
{
	struct metadata metadata;
	off_t size = (off_t)message_get_number(&receiver->message);
	if (receiver->file_fd < 0 || receiver->message.is_short || size < 0)
		return -EPROTO;
	if (ftruncate(receiver->file_fd, size) < 0)
		return -errno;
	close_fd(&receiver->file_fd);
	receiver->head.at = 0;
	(void)message_get_text(&receiver->head);
	get_metadata(&receiver->head, &metadata);
	return set_metadata(receiver->parent_fd, receiver->name, &metadata, &receiver->head, false);
}

static int take(struct receiver *receiver)
{
	switch (receiver->message.type) {
	case MESSAGE_DIRECTORY:
		return take_directory(receiver);
	case MESSAGE_DIRECTORY_END:
		return take_directory_end(receiver);
	case MESSAGE_NAMES:
		return take_names(receiver);
	case MESSAGE_FILE:
		return take_file(receiver);
	case MESSAGE_DATA:
		return take_data(receiver);
	case MESSAGE_FILE_END:
		return take_file_end(receiver);
	case MESSAGE_LINK:
		return take_link(receiver);
	case MESSAGE_SYMLINK:
	case MESSAGE_NODE:
		return take_other(receiver);
	default:
		return -EPROTO;
	}
}

int tree_receive(int root_fd, const char *name, struct stream *stream, struct error *err)
{
	struct receiver *receiver = calloc(1, sizeof(*receiver));
	int r = receiver ? 0 : -ENOMEM;
	if (receiver)
		*receiver = (struct receiver){ .root_fd = root_fd, .stream = stream, .parent_fd = -1, .file_fd = -1 };
	while (r == 0) {
		r = stream_receive(stream, &receiver->message);
		if (r < 0 || receiver->message.type == MESSAGE_TREE_END)
			break;
		r = take(receiver);
	}
	if (r < 0)
		(void)error_set(err, r, "receive %s%s%s", name, receiver && *receiver->path ? "/" : "", receiver ? receiver->path : "");
	if (receiver) {
		close_fd(&receiver->parent_fd);
		close_fd(&receiver->file_fd);
		message_clear(&receiver->message);
		message_clear(&receiver->head);
	}
	free(receiver);
	return r;
}
