#include "base/talk.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"

int talk_open(struct talk *ret)
{
	static const char *const names[3] = { "input", "output", "message" };
	int r = 0;

	for (int i = 0; i < 3; i++) {
		ret->fds[i] = memfd_create(names[i], MFD_CLOEXEC);
		if (ret->fds[i] < 0)
			r = -errno;
	}
	return r;
}

void talk_close(struct talk *talk)
{
	for (int i = 0; i < 3; i++)
		close_fd(&talk->fds[i]);
}

int talk_run(const struct talk *talk, char *const *argv, char *const *envp)
{
	pid_t pid;
	int status;

	int r = lseek(talk->fds[0], 0, SEEK_SET) < 0 ? -errno : 0;
	r = r ?: process_spawn(argv, envp, talk->fds, &pid);
	r = r ?: process_wait(pid, &status);
	return r < 0 ? r : WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

void talk_line(const struct talk *talk, int number, char *buffer, size_t size)
{
	ssize_t n = pread(talk->fds[number], buffer, size - 1, 0);

	buffer[n > 0 ? n : 0] = '\0';
	buffer[strcspn(buffer, "\n")] = '\0';
}

int talk_output(const struct talk *talk, size_t max, char **ret, size_t *ret_length)
{
	return lseek(talk->fds[1], 0, SEEK_SET) < 0 ? -errno : file_read_fd(talk->fds[1], max, ret, ret_length);
}
