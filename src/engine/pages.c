/* Memory that comes after a restore: the supervisor's side, and who waits for its end. */
#include "engine/pages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "engine/checkpoint.h"
#include "engine/start.h"
#include "memory/image.h"

enum { PARENTS_MAX = 64 };

/* criu opens the userfaultfd inside of the container: for what root of another user namespace touches in the kernel. */
static int check_user_namespace(const struct start *start, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;

	if (start->spec->idmaps.count == 0)
		return 0;
	if (file_read(AT_FDCWD, "/proc/sys/vm/unprivileged_userfaultfd", 16, &text, &length) == 0 && *text == '1')
		return 0;
	return error_set_kind(err, ERROR_UNSUPPORTED, 0,
		"userfaultfd is refused to user namespaces (vm.unprivileged_userfaultfd is not 1)");
}

int pages_begin(struct start *start, struct error *err)
{
	int pair[2];
	int r = check_user_namespace(start, err);

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "talk to the keeper of the pages");
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		pages_keep(start, pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return error_set(err, errno, "start the keeper of the pages");
	}
	start->pages = (struct pages){ .keeper_pid = pid, .channel_fd = pair[0] };
	return 0;
}

int pages_await_server(struct start *start, struct error *err)
{
	struct message message;
	int r = message_receive(start->pages.channel_fd, &message);

	if (r == 0 && message.kind == MESSAGE_ERROR) {
		*err = message.error;
		r = -EIO;
	} else if (r < 0) {
		r = error_set(err, r, "hear from the keeper of the pages");
	}
	if (r < 0)
		pages_end(start);
	return r;
}

void pages_go(struct start *start)
{
	const struct message message = { .kind = MESSAGE_SIGNAL };

	(void)message_send(start->pages.channel_fd, &message); /* all may be there, and the keeper gone */
}

void pages_end(struct start *start)
{
	if (start->pages.keeper_pid <= 0)
		return;
	close_fd(&start->pages.channel_fd);
	(void)process_wait(start->pages.keeper_pid, NULL);
	start->pages.keeper_pid = 0;
}

/* ---- others ---- */

int pages_await(int run_fd, int timeout_ms, int *ret_fd)
{
	auto_close int fd = openat(run_fd, PAGES_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	int r = file_lock_within(fd, LOCK_SH, timeout_ms);
	if (r < 0)
		return r;
	*ret_fd = take_fd(&fd);
	return 1;
}

int checkpoint_await_pages(const struct container_id *id, int timeout_ms, struct error *err)
{
	struct rundir dir = { .fd = -1 };
	auto_close int fd = -1;
	auto_free char *text = NULL;
	size_t length;

	if (rundir_open(id, &dir) < 0)
		return error_set_kind(err, ERROR_NOT_FOUND, ESRCH, "%s has ended while its memory was filled", id->name);
	int r = pages_await(dir.fd, timeout_ms, &fd);
	rundir_close(&dir);
	if (r == 1)
		r = file_read_fd(fd, 4096, &text, &length) < 0 ? -EIO : 1;
	if (r <= 0)
		return r < 0 ? error_set(err, r, "wait for the memory of %s", id->name) : 0;
	if (text_starts(text, "done"))
		return 0;
	text[strcspn(text, "\n")] = '\0';
	if (text_starts(text, "failed "))
		return error_set_kind(err, ERROR_KERNEL, 0, "%s", text + strlen("failed "));
	return error_set_kind(err, ERROR_NOT_FOUND, ESRCH, "%s has ended while its memory was filled", id->name);
}

static uint64_t bytes_of_pages(int dir_fd, int depth)
{
	auto_close int own_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *stream = own_fd < 0 ? NULL : fdopendir(own_fd);
	uint64_t bytes = 0;
	struct stat info;

	if (!stream)
		return 0;
	(void)take_fd(&own_fd); /* the stream's now */
	for (struct dirent *entry; (entry = readdir(stream));)
		if (text_starts(entry->d_name, "pages-") && fstatat(dir_fd, entry->d_name, &info, 0) == 0)
			bytes += (uint64_t)info.st_size;
	auto_close int parent_fd = openat(dir_fd, MEMORY_PARENT, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* of a pre-dump */
	return parent_fd < 0 || depth >= PARENTS_MAX ? bytes : bytes + bytes_of_pages(parent_fd, depth + 1);
}

uint64_t checkpoint_memory_bytes(const char *directory)
{
	auto_close int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? 0 : bytes_of_pages(fd, 0);
}
