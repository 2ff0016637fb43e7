#include "kernel/own_program.h"

#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/mount.h"

#define OWN_PROGRAM "/proc/self/exe"

extern char **environ;

void own_program_protect(char *const *argv, const char *name)
{
	struct statfs fs;

	/* what execveat(2) has started by its descriptor is called so; only then it is worth a look */
	if (strncmp((const char *)getauxval(AT_EXECFN), "/dev/fd/", strlen("/dev/fd/")) == 0 && statfs(OWN_PROGRAM, &fs) == 0 &&
		fs.f_flags & ST_RDONLY) {
		(void)prctl(PR_SET_NAME, name); /* can not fail */
		return;
	}
	auto_close int fd = mount_clone_read_only(AT_FDCWD, OWN_PROGRAM, false);
	if (fd >= 0)
		(void)syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH); /* not in vain but for memory: on as we are */
}
