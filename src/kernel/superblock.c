#include "kernel/superblock.h"

#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Where each has its magic number: linux/magic.h and the file systems' own headers. */
static const struct {
	const char *type;
	off_t offset;
	unsigned length;
	const char *magic;
} kinds[] = {
	{ "ext4", 1080, 2, "\x53\xef" }, /* ext2 and ext3 too: the driver is the same */
	{ "xfs", 0, 4, "XFSB" },
	{ "btrfs", 65600, 8, "_BHRfS_M" },
	{ "f2fs", 1024, 4, "\x10\x20\xf5\xf2" },
	{ "squashfs", 0, 4, "hsqs" },
	{ "erofs", 1024, 4, "\xe2\xe1\xf5\xe0" },
};

const char *superblock_type(int fd)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char found[8];
		if (pread(fd, found, kinds[i].length, kinds[i].offset) == (ssize_t)kinds[i].length &&
			memcmp(found, kinds[i].magic, kinds[i].length) == 0)
			return kinds[i].type;
	}
	return NULL;
}
