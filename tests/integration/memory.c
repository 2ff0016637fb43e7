/*
 * Touches ARGUMENT MiB and looks again and again whether all is as it was, in children too: rounds are counted in /count,
 * what is not right goes to /bad. For tests of memory that comes after a restore.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 4096 / sizeof(unsigned) };

static unsigned word_of(size_t i)
{
	return (unsigned)i * 2654435761U | 1;
}

static void say(const char *file, int flags, const char *what, size_t number)
{
	char text[96];
	int fd = open(file, O_WRONLY | O_CREAT | flags, 0644);
	int length = snprintf(text, sizeof(text), "%s%zu\n", what, number);

	if (fd < 0 || write(fd, text, (size_t)length) < 0)
		_exit(1);
	close(fd);
}

/* From the last page to the first: against the order in which pages are brought. */
static int look(const unsigned *memory, size_t pages, const char *who)
{
	int wrong = 0;

	for (size_t page = pages; page-- > 0;)
		for (size_t i = page * WORDS; i < (page + 1) * WORDS; i++)
			if (memory[i] != word_of(i) && ++wrong == 1)
				say("/bad", O_APPEND, who, i);
	return wrong > 0;
}

int main(int argc, char **argv)
{
	size_t pages = (size_t)atol(argv[argc > 1]) << 8;
	unsigned *memory = aligned_alloc(4096, pages * 4096);

	for (size_t i = 0; i < pages * WORDS; i++)
		memory[i] = word_of(i);
	for (size_t round = 1;; round++) {
		pid_t child = fork();
		if (child == 0)
			_exit(look(memory, pages, "child: "));
		look(memory, pages, "parent: ");
		if (child > 0)
			waitpid(child, NULL, 0);
		say("/count", 0, "", round); /* never shorter: a reader finds a number */
		usleep(1000);
	}
}
