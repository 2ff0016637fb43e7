#pragma once
#include "base/error.h"
#include "base/vector.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Unpacking a tar archive of anybody's below one directory, and nowhere else: ".." in a name is refused, an absolute name
 * means one below the directory, links in the way lead where they would after chroot(2), the last part of a name is
 * never followed and nothing that exists is written into.
 */

struct unpack_options {
	bool whiteouts;	       /* .wh.NAME and .wh..wh..opq take away what was there before, as in layers of images */
	bool no_devices;       /* device nodes are left out without a word */
	uint64_t max_bytes;    /* of file contents and attributes; 0: nine tenths of what is free at the start */
	uint64_t max_entries;  /* 0: UNPACK_ENTRIES */
	/* shell patterns of names, borrowed: these and what is below them alone (empty: all); those never */
	struct string_list only, exclude;
};

#define UNPACK_ENTRIES 10000000

/* What was left out because the caller may not make it, and the first of them. */
struct unpack_report {
	uint64_t entries, bytes;
	uint64_t devices, attributes;
	char first_device[256], first_attribute[256];
};

/*
 * archive_fd: a tar archive, plain or compressed with gzip, xz, zstd, bzip2 or lzma, read from its position on.
 * Root (of a user namespace, too) keeps owners and set-id bits; for others every file is their own, without set-id
 * bits. Modes, times, extended attributes, file capabilities, ACLs, hard links and holes are kept.
 * 0, or -errno: what was unpacked until then stays for the caller to remove. -EXDEV: a name has "..". -EFBIG: a limit.
 */
int unpack_archive(int archive_fd, int root_fd, const struct unpack_options *options, struct unpack_report *ret_report,
	struct error *err);
