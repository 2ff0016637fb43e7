/* Landlock by its system calls, with the numbers of its versions: the headers of a build are often older than the kernel. */
#include "kernel/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CALL_CREATE   444 /* the same numbers on all architectures but alpha */
#define CALL_ADD_RULE 445
#define CALL_RESTRICT 446

#define GET_VERSION	     1U
#define RULE_PATH_BENEATH    1
#define SCOPE_ABSTRACT_UNIX  1U

/* linux/landlock.h: LANDLOCK_ACCESS_FS_* */
#define FS_EXECUTE    (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE  (1ULL << 2)
#define FS_READ_DIR   (1ULL << 3)
#define FS_CHANGE_DIR (0x1ffULL << 4) /* remove and make entries of each type */
#define FS_REFER      (1ULL << 13)    /* version 2 */
#define FS_TRUNCATE   (1ULL << 14)    /* version 3 */
#define FS_IOCTL_DEV  (1ULL << 15)    /* version 5 */
#define FS_OF_FILES   (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

struct ruleset_attribute {
	uint64_t fs, net, scoped;
};

struct path_attribute {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

int landlock_version(void)
{
	long version = syscall(CALL_CREATE, NULL, 0UL, GET_VERSION);

	return version < 0 ? 0 : (int)version;
}

static uint64_t known_rights(int version)
{
	uint64_t rights = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR | FS_CHANGE_DIR;

	if (version >= 2)
		rights |= FS_REFER;
	if (version >= 3)
		rights |= FS_TRUNCATE;
	/* ioctl of devices (5) stays allowed: terminals and null are of no use without it */
	return rights;
}

int landlock_create(int version, bool with_files)
{
	struct ruleset_attribute attribute = { .fs = with_files ? known_rights(version) : 0 };
	size_t size = sizeof(attribute.fs);

	if (version >= 6) {
		attribute.scoped = SCOPE_ABSTRACT_UNIX; /* abstract sockets of those outside */
		size = sizeof(attribute);
	}
	long fd = syscall(CALL_CREATE, &attribute, size, 0U);
	return fd < 0 ? -errno : (int)fd;
}

int landlock_allow(int ruleset_fd, int version, const char *path, unsigned access)
{
	uint64_t rights = FS_READ_FILE | FS_READ_DIR;
	struct stat st;
	auto_close int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (access & LANDLOCK_EXECUTE)
		rights |= FS_EXECUTE;
	if (access & LANDLOCK_WRITE)
		rights |= FS_WRITE_FILE | FS_CHANGE_DIR | FS_REFER | FS_TRUNCATE;
	if (!S_ISDIR(st.st_mode))
		rights &= FS_OF_FILES;
	struct path_attribute attribute = { .access = rights & known_rights(version), .fd = fd };
	return syscall(CALL_ADD_RULE, ruleset_fd, RULE_PATH_BENEATH, &attribute, 0U) < 0 ? -errno : 0;
}

int landlock_restrict(int ruleset_fd)
{
	if (syscall(CALL_RESTRICT, ruleset_fd, 0U) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(CALL_RESTRICT, ruleset_fd, 0U) < 0)
		return -errno;
	return 0;
}
