/*
 * Any bytes as lxc-usernet and as the database of lxc-user-nic: the first newline that follows "--" cuts the input in
 * two. What is granted must be what a line says.
 * fuzz-link: src/programs/usernet.c
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "programs/usernet.h"

const char *const fuzz_words[] = { "ann veth br0 1\n", "@net veth br0 2\n", "--\n", "#", " ", "\t", "\n", "@", "ann", "br0",
	"ann veth br0 veth1000_abcd\n", "4294967296", "0", "\r", NULL };

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
