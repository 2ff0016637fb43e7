/*
 * driver SECONDS INPUT-FILE NEW-DIRECTORY SEED...   runs a target on the seeds, then on what becomes of them
 *
 * Inputs that reach something new (gcc's trace-pc) are kept as seeds; in NEW-DIRECTORY, too, unless that is "-". The
 * input that is being tried lies in INPUT-FILE, mapped, so that it is there after a crash; the file begins with its
 * length. FUZZ_SEED: another sequence of random numbers.
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#pragma weak fuzz_words /* a target may have none */

#define MAX_INPUT 16384
#define MAX_SEEDS 4096
#define MAP_SIZE  65536


struct input {
	uint32_t size;
	uint8_t bytes[MAX_INPUT];
};

static struct input *seeds[MAX_SEEDS];
static size_t seed_count;
static unsigned char reached[MAP_SIZE], reached_now[MAP_SIZE];

/* Called at each edge of what is compiled with -fsanitize-coverage=trace-pc; this file is not. */
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	uintptr_t at = (uintptr_t)__builtin_return_address(0);
	unsigned char *count = &reached_now[(at ^ at >> 16) % MAP_SIZE];

	*count += *count != 255;
}

/* 1, 2, 3, 4-7, 8-15, ... times as a bit, so that loops count by their magnitude. */
static unsigned char magnitude(unsigned char count)
{
	return (unsigned char)(count < 4 ? 1 << count : count < 8 ? 16 : count < 32 ? 32 : count < 128 ? 64 : 128);
}

static bool reached_new(void)
{
	bool is_new = false;

	for (size_t i = 0; i < MAP_SIZE; i++) {
		unsigned char bit = reached_now[i] ? magnitude(reached_now[i]) : 0;
		is_new |= bit & ~reached[i];
		reached[i] |= bit;
	}
	return is_new;
}

static bool try(const struct input *input)
{
	/* an exact copy, so that a read behind its end is seen */
	uint8_t *copy = malloc(input->size ? input->size : 1);

	memcpy(copy, input->bytes, input->size);
	memset(reached_now, 0, sizeof(reached_now));
	LLVMFuzzerTestOneInput(copy, input->size);
	free(copy);
	return reached_new();
}

static void keep(const struct input *input, const char *directory)
{
	static unsigned number;
	char path[512];
	size_t place = seed_count < MAX_SEEDS ? seed_count++ : (size_t)rand() % MAX_SEEDS;

	free(seeds[place]);
	seeds[place] = malloc(sizeof(*input));
	memcpy(seeds[place], input, sizeof(*input));
	if (strcmp(directory, "-") == 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/new-%05u", directory, number++);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, input->bytes, input->size) != (ssize_t)input->size)
		perror(path);
	close(fd);
}

static size_t below(size_t end)
{
	return end ? (size_t)rand() % end : 0;
}

static void put(struct input *input, size_t at, const void *data, size_t length)
{
	if (input->size + length > MAX_INPUT)
		return;
	memmove(input->bytes + at + length, input->bytes + at, input->size - at);
	memcpy(input->bytes + at, data, length);
	input->size += (uint32_t)length;
}

/* Changes, doubles or drops some bytes, puts in a word of the language or a part of another seed. */
static void mutate(struct input *input)
{
	size_t words = 0;

	while (fuzz_words && fuzz_words[words])
		words++;
	for (size_t count = 1 + below(5); count > 0; count--) {
		size_t at = below(input->size), length = 1 + below(40);
		const struct input *other = seeds[below(seed_count)];
		const char *word = words ? fuzz_words[below(words)] : "";
		if (length > input->size - at)
			length = input->size - at;
		uint8_t part[64];
		memcpy(part, input->bytes + at, length);
		switch (rand() % 8) {
		case 0:
		case 1:
			if (input->size)
				input->bytes[at] = rand() % 2 ? (uint8_t)rand() : input->bytes[at] ^ (uint8_t)(1 << rand() % 8);
			break;
		case 2:
			memmove(input->bytes + at, input->bytes + at + length, input->size - at - length);
			input->size -= (uint32_t)length;
			break;
		case 3:
			put(input, below(input->size), part, length);
			break;
		case 4:
			length = below(other->size < 200 ? other->size : 200);
			put(input, at, other->bytes + below(other->size - length), length);
			break;
		default:
			put(input, at, word, strlen(word));
			break;
		}
	}
}

static void read_seed(const char *path, struct input *current)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, current->bytes, MAX_INPUT);

	if (n < 0)
		return;
	close(fd);
	current->size = (uint32_t)n;
	(void)try(current);
	keep(current, "-"); /* all of them: they were put there */
}

static int count_fds(void)
{
	int count = 0;
	DIR *dir = opendir("/proc/self/fd");

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	time_t end = time(NULL) + atoi(argv[1]);
	int fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || ftruncate(fd, sizeof(struct input)) < 0)
		return perror(argv[2]), 2;
	struct input *current = mmap(NULL, sizeof(*current), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (current == MAP_FAILED)
		return perror(argv[2]), 2;
	unsigned long runs = 0;
	srand(getenv("FUZZ_SEED") ? (unsigned)atoi(getenv("FUZZ_SEED")) : (unsigned)time(NULL));
	keep(&(struct input){ 0 }, "-");
	for (int i = 4; i < argc; i++)
		read_seed(argv[i], current);
	size_t given = seed_count;
	current->size = 0;
	(void)try(current); /* what a target opens once */
	int fds = count_fds();
	for (; time(NULL) < end; runs++) {
		memcpy(current, seeds[below(seed_count)], sizeof(*current));
		/* a few rounds on the same input, so that changes add up */
		for (size_t round = 1 + below(6); round > 0; round--) {
			mutate(current);
			if (try(current))
				keep(current, argv[3]);
		}
		if (runs % 256 == 0 && count_fds() != fds)
			return fprintf(stderr, "descriptors: %d, were %d\n", count_fds(), fds), 1;
	}
	printf("%lu rounds, %zu seeds, %zu new\n", runs, given, seed_count - given);
	for (size_t i = 0; i < seed_count; i++)
		free(seeds[i]);
	return 0;
}
