/* What would eat the machine, and the attacker's hand in its root file system. */
#include "attempts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A...: exchanges each with A.link until it is killed. Leaves some of the processor to who is attacked. */
int tool_swap(char **arguments)
{
	for (unsigned round = 0;; round++) {
		for (char **path = arguments; *path; path++) {
			char link[4096];
			snprintf(link, sizeof(link), "%s.link", *path);
			if (renameat2(AT_FDCWD, *path, AT_FDCWD, link, RENAME_EXCHANGE) < 0 && errno != ENOENT)
				return 1;
		}
		usleep(round % 16 * 8); /* not in step with it */
	}
}

static int fork_bomb(int seconds)
{
	time_t end = time(NULL) + seconds;
	int made = 0;

	while (time(NULL) < end) {
		pid_t pid = fork();
		while (pid == 0) { /* each makes more, until none may */
			if (time(NULL) >= end)
				_exit(0);
			if (fork() < 0)
				usleep(1000);
		}
		if (pid > 0)
			made++;
		else
			usleep(1000);
	}
	while (wait(NULL) > 0)
		;
	return made;
}
static int descriptors_bomb(void)
{
	int made = 0;

	while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
		made++;
	return made;
}
static int inotify_bomb(void)
{
	int made = 0;

	while (made < 100000 && inotify_init1(IN_CLOEXEC) >= 0)
		made++;
	return made;
}
/* MIB: in a child, which the kernel may kill. */
static const char *memory_bomb(size_t mib)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (size_t i = 0; i < mib; i++) {
			char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (p == MAP_FAILED)
				_exit(1);
			memset(p, 1, 1 << 20);
		}
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? "killed" : WEXITSTATUS(status) ? "refused" : "allowed";
}
int tool_bomb(char **arguments)
{
	const char *kind = arguments[0];
	int number = arguments[1] ? atoi(arguments[1]) : 1, made = 0;

	if (!strcmp(kind, "memory"))
		return puts(memory_bomb((size_t)number)) < 0;
	if (!strcmp(kind, "fork"))
		made = fork_bomb(number);
	else if (!strcmp(kind, "fds"))
		made = descriptors_bomb();
	else if (!strcmp(kind, "inotify"))
		made = inotify_bomb();
	printf("%d\n", made);
	fflush(stdout);
	if (strcmp(kind, "fork"))
		sleep((unsigned)number); /* holds it */
	return 0;
}
