/*
 * Any bytes as a configuration file: loading, reading back, saving and updating must neither crash nor leak, and
 * what was saved must load again to the same spec. Built with -DSTANDALONE it needs no fuzzing engine:
 *   fuzz_config SECONDS SEED-FILE...
 */
#include "dialect/lxc/config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An lxc.include or a log could reach files of the machine: such inputs are not tried. */
static bool is_harmless(const char *text, size_t size)
{
	return !memmem(text, size, "include", 7);
}

static struct lxc_config *load(const void *data, size_t size, int *ret)
{
	char path[64];
	struct error err = { 0 };
	struct lxc_config *config = lxc_config_new("box", "/var/lib/lxc");
	int fd = memfd_create("config", MFD_CLOEXEC);
	if (!config || fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	*ret = lxc_config_load(config, path, &err);
	if (*ret < 0 && !*err.what)
		abort(); /* a fault without a reason */
	close(fd);
	return config;
}

static char *read_all(struct lxc_config *config)
{
	char *all = NULL, *value;
	size_t size;
	const char *key;
	FILE *out = open_memstream(&all, &size);
	if (!out)
		abort();
	for (size_t i = 0; (key = lxc_config_known_key(i)); i++) {
		if (lxc_config_get(config, key, &value) < 0)
			abort();
		fprintf(out, "%s=%s\n", key, value);
		free(value);
	}
	if (fclose(out) != 0)
		abort();
	return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	char *text, *updated;
	int r, again;
	if (!is_harmless((const char *)data, size))
		return 0;
	struct lxc_config *config = load(data, size, &r);
	if (lxc_config_text(config, &text) < 0)
		abort();
	if (lxc_config_update_text(text, "config", &updated, &err) == 0)
		free(updated);
	if (r == 0) {
		struct lxc_config *copy = load(text, strlen(text), &again);
		char *first = read_all(config), *second = read_all(copy);
		if (again < 0 || strcmp(first, second) != 0)
			abort();
		free(first);
		free(second);
		lxc_config_free(copy);
		for (size_t i = 0; lxc_config_known_key(i); i++)
			if (lxc_config_clear(config, lxc_config_known_key(i), &err) < 0)
				abort();
	}
	free(text);
	lxc_config_free(config);
	return 0;
}

#ifdef STANDALONE

#define MAX_INPUT 16384

struct input {
	uint8_t bytes[MAX_INPUT];
	size_t size;
};

static void read_seed(const char *path, struct input *input)
{
	FILE *file = fopen(path, "r");
	input->size = file ? fread(input->bytes, 1, sizeof(input->bytes), file) : 0;
	if (file)
		fclose(file);
}

/* Changes, doubles or drops some bytes, or puts in a word of the language. */
static void mutate(struct input *input)
{
	static const char *const words[] = { "lxc.", "=", "\n", "\r", "\"", "'", "net.0.", "network.", ".", "4294967296",
		"-1", " ", "\\040", "x", "type", "cgroup2.", "a:b", "10.0.0.1/24", "\n\nlxc.net.4294967295.type=veth\n" };
	for (int count = 1 + rand() % 6; count > 0; count--) {
		size_t at = input->size ? (size_t)rand() % input->size : 0;
		const char *word = words[(size_t)rand() % (sizeof(words) / sizeof(*words))];
		size_t length = strlen(word);
		switch (rand() % 4) {
		case 0:
			if (input->size)
				input->bytes[at] = (uint8_t)rand();
			break;
		case 1:
			length = input->size ? (size_t)rand() % (input->size - at < 40 ? input->size - at : 40) : 0;
			memmove(input->bytes + at, input->bytes + at + length, input->size - at - length);
			input->size -= length;
			break;
		default:
			if (input->size + length > MAX_INPUT)
				break;
			memmove(input->bytes + at + length, input->bytes + at, input->size - at);
			memcpy(input->bytes + at, word, length);
			input->size += length;
			break;
		}
	}
}

int main(int argc, char **argv)
{
	static struct input input;
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
	unsigned long runs = 0;
	srand((unsigned)time(NULL));
	for (; time(NULL) < end; runs++) {
		if (argc > 2)
			read_seed(argv[2 + rand() % (argc - 2)], &input);
		/* a few rounds on the same input, so that changes add up */
		for (int round = rand() % 8; round >= 0; round--) {
			mutate(&input);
			LLVMFuzzerTestOneInput(input.bytes, input.size);
		}
	}
	printf("%lu runs\n", runs);
	return 0;
}
#endif
