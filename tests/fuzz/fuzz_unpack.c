/*
 * Any bytes as an archive: nothing beside the directory that it is unpacked into may change.
 * fuzz-link: -larchive
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/place.h"
#include "archive/unpack.h"

const char *const fuzz_words[] = { "../", "/", ".wh.", ".wh..wh..opq", "ustar\0", "SCHILY.xattr.user.x=", "path=", "linkpath=", "0", "1",
	"2", "5", "g", "x", NULL };

/* The directory beside the archive's: one file in it that must stay as it is. */
static void check_outside(const char *path, const struct stat *before)
{
	struct stat after;
	if (stat(path, &after) < 0 || after.st_ino != before->st_ino || after.st_mtim.tv_nsec != before->st_mtim.tv_nsec ||
		after.st_nlink != before->st_nlink || after.st_mode != before->st_mode || after.st_uid != before->st_uid)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char top[] = "/dev/shm/fuzz-unpack-XXXXXX", path[80];
	struct unpack_options options = { .whiteouts = true, .no_devices = true, .max_bytes = 1 << 20, .max_entries = 200 };
	struct unpack_report report;
	struct error err;
	struct stat before;
	int fd = memfd_create("archive", MFD_CLOEXEC);

	if (fd < 0 || !mkdtemp(top))
		abort();
	int top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(top_fd, "in", 0700) < 0 || mkdirat(top_fd, "out", 0700) < 0 || stat(strcat(strcpy(path, top), "/out"), &before) < 0)
		abort();
	int in_fd = openat(top_fd, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) < 0 || in_fd < 0)
		abort();
	(void)unpack_archive(fd, in_fd, &options, &report, &err);
	check_outside(path, &before);
	close(in_fd);
	close(fd);
	if (place_remove(top_fd, ".", NULL, true) < 0 || rmdir(top) < 0)
		abort();
	close(top_fd);
	return 0;
}
