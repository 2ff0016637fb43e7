#pragma once

/*
 * The type, as mount(2) names it, of the file system on the block device or image that fd is open on: by the magic
 * numbers of those that a root file system lies on. NULL: none of them.
 */
const char *superblock_type(int fd);
