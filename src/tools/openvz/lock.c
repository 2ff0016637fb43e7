/* One writer per container: LOCKDIR/CTID.lck has its pid and is locked by flock(2), so that a dead one's is worth nothing. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The holder's command line, words ended by NULs; NULL: nobody knows. */
static char *holder_of(const struct vz *vz, int *ret_pid, size_t *ret_length)
{
	auto_free char *text = NULL;
	char *line = NULL, path[64];
	if (file_read(-1, vz->lock_path, 64, &text, ret_length) < 0 || sscanf(text, "%d", ret_pid) != 1)
		return NULL;
	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", *ret_pid);
	return file_read(-1, path, 4096, &line, ret_length) < 0 ? NULL : line;
}

/* Is it the engine's word that the container has ended (vzctl stopped), which nobody typed and which takes milliseconds? */
static bool is_held_by_end(const struct vz *vz)
{
	int pid;
	size_t length;
	auto_free char *line = holder_of(vz, &pid, &length);
	return line && memmem(line, length, "\0stopped", sizeof("\0stopped"));
}

static int tell_holder(const struct vz *vz)
{
	int pid;
	size_t length;
	auto_free char *line = holder_of(vz, &pid, &length);
	(void)vz_fail(vz, VZ_LOCKED, "Container already locked");
	if (!line)
		return VZ_LOCKED;
	for (size_t i = 0; i + 1 < length; i++)
		if (line[i] == '\0')
			line[i] = ' ';
	return vz_fail(vz, VZ_LOCKED, "Locked by: pid %d, cmdline %s", pid, line);
}

/* 1: it is ours; 0: it was removed meanwhile. */
static int try_lock(struct vz *vz)
{
	struct stat opened;
	char pid[24], before[24] = "";
	vz->lock_fd = open(vz->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (vz->lock_fd < 0)
		return -errno;
	if (flock(vz->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return -EBUSY;
	if (fstat(vz->lock_fd, &opened) < 0 || opened.st_nlink == 0)
		return 0;
	if (read(vz->lock_fd, before, sizeof(before) - 1) > 0)
		vz_say(vz, "Removing stale lock file %s", vz->lock_path);
	int length = snprintf(pid, sizeof(pid), "%d\n", getpid());
	(void)!ftruncate(vz->lock_fd, 0); /* the lock is what counts, the number is for reading */
	(void)!pwrite(vz->lock_fd, pid, (size_t)length, 0);
	return 1;
}

int vz_lock(struct vz *vz)
{
	if (vz->skips_lock)
		return 0;
	auto_free char *directory = vz_ct_path(&vz->ct, "LOCKDIR");
	if (directory && !*directory)
		return vz_fail(vz, VZ_NO_LOCKDIR, "LOCKDIR is not set");
	if (!directory || mkdir_parents(directory, 0755) < 0 || text_format(&vz->lock_path, "%s/%s.lck", directory, vz->ct.name) < 0)
		return vz_fail(vz, VZ_SYSTEM, "Unable to create lock directory %s", directory ?: "");
	for (int attempt = 0; attempt < 250; attempt++) { /* 5 s at most */
		int r = try_lock(vz);
		if (r == 1)
			return 0;
		close_fd(&vz->lock_fd);
		if (r == -EBUSY && !is_held_by_end(vz))
			return tell_holder(vz);
		if (r == -EBUSY)
			(void)usleep(20000);
		else if (r < 0)
			return vz_fail(vz, VZ_SYSTEM, "Unable to create lock file %s: %s", vz->lock_path, strerror(-r));
	}
	return tell_holder(vz);
}

void vz_unlock(struct vz *vz)
{
	if (vz->lock_fd >= 0 && vz->lock_path)
		(void)unlink(vz->lock_path);
	close_fd(&vz->lock_fd);
	free(vz->lock_path);
	vz->lock_path = NULL;
}
