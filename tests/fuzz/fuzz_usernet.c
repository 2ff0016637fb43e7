/*
 * Any bytes as lxc-usernet and as the database of lxc-user-nic: the first newline that follows "--" cuts the input in
 * two. What is granted must be what a line says. Built with -DSTANDALONE it needs no fuzzing engine:
 *   fuzz_usernet SECONDS SEED-FILE...
 */
#include "programs/usernet.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const groups[] = { "net", "staff" };
	const struct usernet_request request = { "ann", groups, 2, "veth", "br0" };
	char *copy = malloc(size ? size : 1); /* of this size: ASan sees what is read behind it */
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	const char *cut = memmem(copy, size, "--\n", 3);
	size_t first = cut ? (size_t)(cut - copy) : size, second = cut ? first + 3 : size;
	const struct usernet_text rules = { copy, first }, database = { copy + second, size - second };
	struct usernet_text rest = database;
	struct usernet_line line;

	while (usernet_next(&rest, &line)) {
		size_t length = strlen(line.name) + strlen(line.type) + strlen(line.bridge) + strlen(line.last);
		if (length > size || !*line.name || !*line.last || strpbrk(line.name, " \t\n"))
			abort();
		(void)usernet_is_link_name(line.last);
	}
	if (usernet_choose(rules, database, &request, &line) == 0 &&
		(!usernet_is_name_of(line.name, &request) || strcmp(line.type, "veth") != 0 || strcmp(line.bridge, "br0") != 0))
		abort();
	free(copy);
	return 0;
}

#ifdef STANDALONE
static size_t change(uint8_t *data, size_t size, size_t max)
{
	static const char *const parts[] = { "ann veth br0 1\n", "@net veth br0 2\n", "--\n", "#", " ", "\t", "\n", "@",
		"ann veth br0 veth1000_abcd\n", "4294967296" };
	for (int i = rand() % 8; i >= 0; i--) {
		const char *part = parts[(size_t)rand() % (sizeof(parts) / sizeof(*parts))];
		size_t length = strlen(part), at = size ? (size_t)rand() % (size + 1) : 0;
		if (rand() % 3 == 0 && size + length <= max) {
			memmove(data + at + length, data + at, size - at);
			memcpy(data + at, part, length);
			size += length;
		} else if (at < size && rand() % 2) {
			data[at] = (uint8_t)rand();
		} else if (at < size) {
			size_t cut = (size_t)rand() % (size - at) % 32 + 1;
			memmove(data + at, data + at + cut, size - at - cut);
			size -= cut;
		}
	}
	return size;
}

int main(int argc, char **argv)
{
	static uint8_t data[8192];
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
	unsigned long runs = 0;
	size_t size = 0;
	srand(1);
	do {
		if (argc > 2 && (size == 0 || rand() % 16 == 0)) {
			FILE *file = fopen(argv[2 + rand() % (argc - 2)], "re");
			size = file ? fread(data, 1, sizeof(data) / 2, file) : 0;
			if (file)
				(void)fclose(file);
		}
		(void)LLVMFuzzerTestOneInput(data, size);
		size = change(data, size, sizeof(data));
	} while (++runs % 256 || time(NULL) < end);
	printf("fuzz_usernet: %lu inputs\n", runs);
	return 0;
}
#endif
