#pragma once
#include <stdint.h>

/*
 * The type, as mount(2) names it, of the file system on the block device or image that fd is open on: by the magic
 * numbers of those that a root file system lies on. NULL: none of them.
 */
const char *superblock_type(int fd);

/* How large the file system takes its device to be, in bytes: ext4, xfs and btrfs. 0: another, or none. */
uint64_t superblock_bytes(int fd);
