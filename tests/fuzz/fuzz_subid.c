/* Any bytes as /etc/subuid. */
#include "fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

#if __has_include("base/subid.h")
#include "base/subid.h"
#else /* the file is not there yet */
#define subid_find(file, uid, name, number, first, count) (-2)
#define subid_has(file, uid, name, first, count) false
#endif

const char *const fuzz_words[] = { "tester:100000:65536\n", "1000:", ":", "\n", "tester", "4294967295", "4294967296", "0", "-1", "#", " ", "\r", NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	uint32_t first, count;
	int fd = memfd_create("subuid", MFD_CLOEXEC);

	if (fd < 0 || write_full(fd, data, size) < 0)
		abort(); /* not the target's fault */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (size_t number = 0; number < 3; number++) {
		if (subid_find(path, 1000, number ? "tester" : NULL, number, &first, &count) < 0)
			continue;
		if (count == 0 || !subid_has(path, 1000, "tester", first, 1))
			abort(); /* a range that is none, or not the user's */
	}
	(void)subid_has(path, 1000, "tester", 100000, 65536);
	(void)subid_has(path, 1000, NULL, UINT32_MAX, UINT32_MAX);
	close(fd);
	return 0;
}
