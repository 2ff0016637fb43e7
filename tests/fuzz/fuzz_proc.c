/*
 * Any bytes as what is read of a process and of a root file system: /proc/PID/stat, status, cgroup, mountinfo (for the
 * cgroups), /etc/passwd. The sources are included, with their files replaced; the first byte chooses.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

static const char *input;
static size_t input_size;

static int input_fd(void)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0 || write_full(fd, input, input_size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		abort(); /* not the target's fault */
	return fd;
}

static int input_read(size_t max, char **ret, size_t *ret_length)
{
	int fd = input_fd(), r = file_read_fd(fd, max, ret, ret_length);
	close(fd);
	return r;
}

#define open(path, ...)				      ((void)(path), input_fd())
#define fopen(path, mode)			      fdopen(input_fd(), "r")
#define file_read(dir, path, max, ret, ret_length) ((void)(path), input_read(max, ret, ret_length))
#include "src/cgroup/layout.c"
#include "src/engine/shutdown.c"
#include "src/kernel/pidfd.c"
#include "src/liblxc/attach.c"

const char *const fuzz_words[] = { "1 (a) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 0 20 0 1 0 123 0\n", ")", "(", " ", "\nSigBlk:\t0000000000000000\n",
	"\nSigCgt:\tffffffffffffffff\n", "0::/a/b\n", "4:cpu,cpuacct:/a\n", "1:name=systemd:/init.scope\n", ":", "/", "\n",
	"30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "31 23 0:27 /x /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n",
	"root:x:0:0::/root:/bin/sh\n", "::::::\n", "x:x:4294967295:0::/:/x\n", ",", NULL };

static void groups(const char *mounts)
{
	struct cgroup_layout layout = { 0 };

	(void)mounts;
	if (read_mounts(&layout) >= 0)
		(void)read_bases(&layout, "");
	vector_for_each (hierarchy, &layout.hierarchies)
		if (!hierarchy->mount || !hierarchy->root || !hierarchy->controllers)
			abort(); /* not filled */
	cgroup_layout_clear(&layout);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t ticks;

	if (size == 0)
		return 0;
	input = (const char *)data + 1;
	input_size = size - 1;
	switch (data[0] % 4) {
	case 0:
		(void)process_start_ticks(1, &ticks);
		break;
	case 1:
		(void)init_knows(1, SIGRTMIN + 3);
		break;
	case 2:
		groups("");
		break;
	default:
		free(login_shell(0));
		free(login_shell(UINT32_MAX));
		break;
	}
	return 0;
}
