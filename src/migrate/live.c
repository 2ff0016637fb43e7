/* The images of memory go to the target while criu writes them. */
#include "migrate/live.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "migrate/tree.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 1 };

/* What the child tells: a file that it has sent, or with an empty name how it ended. */
struct report {
	char path[64];
	int result;
	uint64_t value; /* size; bytes that went through the stream */
};

struct sender {
	struct stream *stream;
	struct message message;
	int parent_fd;	/* of the directory */
	const char *name; /* of the directory */
	int channel_fd;
	unsigned number; /* of the file at hand */
	int file_fd;
	uint64_t sent; /* of it */
	bool is_over;  /* nothing is written any more */
};

static int path_of(const struct sender *sender, unsigned number, char *path, size_t size)
{
	return snprintf(path, size, "%s/pages-%u.img", sender->name, number);
}

static int send_head(struct sender *sender, enum message_type type, const char *path, const struct stat *info)
{
	struct message *message = &sender->message;

	message_start(message, type);
	message_put_text(message, path);
	tree_put_metadata(message, info);
	message_put_text(message, ""); /* no attributes */
	if (type == MESSAGE_FILE)
		message_put_number(message, false); /* it is new */
	return stream_send(sender->stream, message);
}

/* 1: there is one now. */
static int open_next(struct sender *sender)
{
	char path[64];
	struct stat info;

	(void)path_of(sender, sender->number, path, sizeof(path));
	sender->file_fd = openat(sender->parent_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (sender->file_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	sender->sent = 0;
	if (fstat(sender->file_fd, &info) < 0)
		return -errno;
	int r = send_head(sender, MESSAGE_FILE, path, &info);
	return r < 0 ? r : 1;
}

static int send_grown(struct sender *sender)
{
	struct stat info;

	for (;;) {
		if (fstat(sender->file_fd, &info) < 0)
			return -errno;
		uint64_t left = (uint64_t)info.st_size - sender->sent;
		size_t length = left < DATA_MAX ? (size_t)left : DATA_MAX;
		if (length == 0)
			return 0;
		int r = stream_send_data(sender->stream, sender->file_fd, sender->sent, length);
		if (r < 0)
			return r;
		sender->sent += length;
	}
}

/* criu writes one after the other; that this was the whole is looked at once more when all are written. */
static bool is_followed(const struct sender *sender)
{
	char path[64];

	(void)path_of(sender, sender->number + 1, path, sizeof(path));
	return faccessat(sender->parent_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int finish_file(struct sender *sender)
{
	struct report report = { .value = sender->sent };

	message_start(&sender->message, MESSAGE_FILE_END);
	message_put_number(&sender->message, sender->sent);
	int r = stream_send(sender->stream, &sender->message);
	(void)path_of(sender, sender->number, report.path, sizeof(report.path));
	if (r == 0 && send(sender->channel_fd, &report, sizeof(report), MSG_NOSIGNAL) < 0)
		r = -errno;
	close_fd(&sender->file_fd);
	sender->number++;
	return r;
}

/* Waits for the word of the end, or for what may have grown. */
static void look(struct sender *sender)
{
	struct pollfd channel = { .fd = sender->channel_fd, .events = POLLIN };
	char byte;

	if (!sender->is_over && poll(&channel, 1, LOOK_MS) > 0)
		sender->is_over = recv(sender->channel_fd, &byte, 1, 0) <= 1;
}

static int send_files(struct sender *sender)
{
	for (;;) {
		look(sender); /* before the files: what is there at the end is sent */
		bool has_next = sender->file_fd >= 0 && is_followed(sender);
		int r = sender->file_fd < 0 ? open_next(sender) : 0;
		if (r == 0 && sender->file_fd < 0 && sender->is_over)
			return 0;
		if (r >= 0 && sender->file_fd >= 0)
			r = send_grown(sender);
		if (r >= 0 && sender->file_fd >= 0 && (has_next || sender->is_over))
			r = finish_file(sender);
		if (r < 0)
			return r;
	}
}

static int send_tree(struct sender *sender)
{
	struct stat info;

	if (fstat(sender->parent_fd, &info) < 0)
		return -errno;
	int r = stream_send_text(sender->stream, MESSAGE_TREE, "memory");
	r = r ?: send_head(sender, MESSAGE_DIRECTORY, sender->name, &info);
	r = r ?: send_files(sender);
	message_start(&sender->message, MESSAGE_TREE_END);
	r = r ?: stream_send(sender->stream, &sender->message);
	return r ?: stream_flush(sender->stream);
}

static _Noreturn void run(struct sender *sender, pid_t parent)
{
	struct report report = { 0 };
	uint64_t before = sender->stream->sent;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* the link ends with who has made it */
	report.result = getppid() == parent ? send_tree(sender) : -ESRCH;
	report.value = sender->stream->sent - before;
	(void)send(sender->channel_fd, &report, sizeof(report), MSG_NOSIGNAL);
	_exit(EXIT_SUCCESS);
}

int live_begin(struct live *live, const char *directory, const char *name, struct stream *stream)
{
	int pair[2], r = stream_flush(stream);
	auto_close int parent_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t parent = getpid();

	if (r < 0 || parent_fd < 0)
		return r < 0 ? r : -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	live->pid = fork();
	if (live->pid == 0) {
		struct sender sender = { .stream = stream, .parent_fd = parent_fd, .name = name, .channel_fd = pair[1], .number = 1,
			.file_fd = -1 };
		close(pair[0]);
		run(&sender, parent);
	}
	close(pair[1]);
	live->channel_fd = pair[0];
	return live->pid < 0 ? -errno : 0;
}

/* What has become longer since it counted as sent comes again, as a whole. */
static int take_report(const struct report *report, const char *directory, struct tree_sender *memory)
{
	auto_free char *path = NULL;
	struct stat info;
	int r = text_format(&path, "%s/%s", directory, report->path);

	if (r < 0 || stat(path, &info) < 0 || (uint64_t)info.st_size != report->value)
		return r < 0 ? r : 0;
	return tree_sender_leave_out(memory, report->path);
}

int live_end(struct live *live, const char *directory, struct stream *stream, struct tree_sender *memory)
{
	struct report report;
	int result = -EPIPE; /* it was killed */

	if (live->pid <= 0)
		return 0;
	(void)send(live->channel_fd, "", 1, MSG_NOSIGNAL); /* if it has gone, there is no report */
	while (recv(live->channel_fd, &report, sizeof(report), 0) == sizeof(report)) {
		if (*report.path && take_report(&report, directory, memory) == 0)
			continue;
		result = *report.path ? -ENOMEM : report.result;
		stream->sent += *report.path ? 0 : report.value;
	}
	close_fd(&live->channel_fd);
	(void)process_wait(live->pid, NULL);
	live->pid = 0;
	return result;
}
