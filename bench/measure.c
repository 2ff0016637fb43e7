/*
 * measure SECONDS <LIST: runs the commands of LIST in turn, A B C A B C, so that a busy machine is unfair to none.
 *
 * A line is NAME, a tab, and a command (words between blanks, no quotes). A name that begins with '-' is run in its
 * place in the round, but not measured (to clean up after the one before). Output: medians of wall and processor time
 * (of what the command waited for), ratios to the first name. What the commands print is thrown away.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 32
#define MAX_WORDS    40
#define MAX_RUNS     4096

extern char **environ;

struct command {
	char line[1024], *name, *words[MAX_WORDS];
	double wall[MAX_RUNS], cpu[MAX_RUNS];
	int runs, failures;
};

static struct command commands[MAX_COMMANDS];

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double milliseconds(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static void run(struct command *c, posix_spawn_file_actions_t *silent)
{
	struct rusage usage;
	int status;
	pid_t pid;
	double begin = now();
	if (posix_spawnp(&pid, c->words[0], silent, NULL, c->words, environ) != 0) {
		c->failures++;
		return;
	}
	if (wait4(pid, &status, 0, &usage) != pid)
		return;
	double end = now();
	if (c->name[0] == '-')
		return;
	if (status != 0)
		c->failures++;
	else if (c->runs < MAX_RUNS) {
		c->wall[c->runs] = end - begin;
		c->cpu[c->runs++] = milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return count ? values[count / 2] : 0;
}

static int read_commands(void)
{
	int count = 0;
	while (count < MAX_COMMANDS && fgets(commands[count].line, sizeof(commands[count].line), stdin)) {
		struct command *c = &commands[count];
		int words = 0;
		c->name = strtok(c->line, "\t\n");
		if (!c->name)
			continue;
		while (words < MAX_WORDS - 1 && (c->words[words] = strtok(NULL, " \n")))
			words++;
		count += words > 0;
	}
	return count;
}

int main(int argc, char **argv)
{
	double until = now() + 1e3 * (argc > 1 ? atof(argv[1]) : 10), limit_wall = 0, limit_cpu = 0;
	int count = read_commands();
	posix_spawn_file_actions_t silent;
	posix_spawn_file_actions_init(&silent);
	posix_spawn_file_actions_addopen(&silent, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&silent, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&silent, 2, "/dev/null", O_WRONLY, 0);
	for (int round = 0; round == 0 || now() < until; round++)
		for (int i = 0; i < count; i++) {
			/* the kernel takes namespaces apart after the exit: not on the next one's account */
			usleep(25000);
			run(&commands[i], &silent);
		}
	printf("%-24s %5s %8s %8s %8s %8s %8s\n", "", "runs", "wall ms", "min", "x limit", "cpu ms", "x limit");
	for (int i = 0; i < count; i++) {
		struct command *c = &commands[i];
		if (c->name[0] == '-')
			continue;
		double wall = median(c->wall, c->runs), cpu = median(c->cpu, c->runs);
		if (limit_wall <= 0)
			limit_wall = wall, limit_cpu = cpu;
		if (!c->runs)
			printf("%-24s failed\n", c->name);
		else
			printf("%-24s %5d %8.2f %8.2f %8.2f %8.2f %8.2f%s\n", c->name, c->runs, wall, c->wall[0],
				wall / limit_wall, cpu, limit_cpu > 0 ? cpu / limit_cpu : 0, c->failures ? "  (failures)" : "");
	}
	return 0;
}
