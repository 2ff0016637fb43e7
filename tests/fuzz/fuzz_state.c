/*
 * Any bytes as the files of a run directory: state (with its cgroups), journal, device rules; as /proc/PID/mountinfo.
 * The first byte chooses.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/journal.h"
#include "cgroup/internal.h"
#include "engine/rundir.h"
#include "kernel/mountinfo.h"
#include "spec/mount_options.h"

const char *const fuzz_words[] = { "state RUNNING\ninit 1 2\nsupervisor 3\nforeground 0\n", "cgroup", "veth", "loop", " ", "\n", "/", "-",
	"1 2 0:3 / /a rw - ext4 /dev/x rw\n", "\\040", "\\134", "\\", " - ", "default allow\n", "default deny\n", "c 1 3 7\n", "0",
	"4294967295", "%s", NULL };

/* A file in memory with the bytes, at its beginning. */
static int file_of(const void *data, size_t size)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0 || write_full(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		abort(); /* not the target's fault */
	return fd;
}

static int count_line(const char *kind, const char *argument, void *data)
{
	*(size_t *)data += strlen(kind) + strlen(argument);
	return 0;
}

static void journal(const void *data, size_t size)
{
	size_t total = 0;
	int fd = file_of(data, size);
	(void)journal_read_backwards(fd, count_line, &total);
	close(fd);
	if (total > size)
		abort(); /* lines that are not there */
}

static void state(int directory_fd, const void *data, size_t size)
{
	struct run_state state;
	struct cgroup_set set = { 0 };

	if (file_write(directory_fd, "state", 01101 /* O_WRONLY | O_CREAT | O_TRUNC */, 0600, data, size) < 0)
		abort(); /* not the target's fault */
	if (run_state_read(directory_fd, &state) == 0) {
		if (cgroup_set_from_text(&set, state.cgroups) == 0)
			cgroup_set_clear(&set);
		run_state_clear(&state);
	}
}

static void mounts(char *text)
{
	struct mountinfo entry;
	int r;
	char *end = text + strlen(text);

	for (char *next = text; (r = mountinfo_next(&next, &entry)) != 0;) {
		if (next > end)
			abort(); /* behind its end */
		if (r > 0 && (!entry.root || !entry.target || !entry.type || !entry.source || !entry.super_options))
			abort(); /* not filled */
	}
}

static void devices(const char *text)
{
	struct device_rules rules, again;

	if (devices_from_text(&rules, text) == 0) {
		char *written = devices_to_text(&rules);
		if (devices_from_text(&again, written) < 0 || again.exceptions.count != rules.exceptions.count)
			abort(); /* what was read cannot be written */
		free(again.exceptions.items);
		free(written);
	}
	free(rules.exceptions.items);
}

static char directory[] = "/tmp/wabe-fuzz-XXXXXX";

static void __attribute__((destructor)) clean(void)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/state", directory);
	(void)unlink(path);
	(void)rmdir(directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int directory_fd = -1;

	if (directory_fd < 0) {
		directory_fd = mkdtemp(directory) ? open(directory, 0200000 /* O_DIRECTORY */ | 02000000 /* O_CLOEXEC */) : -1;
		(void)file_write(directory_fd, "state", 01101, 0600, "", 0);
	}
	if (size == 0)
		return 0;
	char *text = strndup((const char *)data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		state(directory_fd, data + 1, size - 1);
		break;
	case 1:
		journal(data + 1, size - 1);
		break;
	case 2:
		mounts(text);
		break;
	default:
		devices(text);
		break;
	}
	free(text);
	return 0;
}
