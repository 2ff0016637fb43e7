/* The run directory: who runs, who is in charge, what is to be released. */
#include "engine/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "engine/pages.h"
#include "kernel/pidfd.h"

/* Everything that may lie in a run directory. */
static const char *const run_files[] = { "spec", "state", "state.new", "journal", "devices", "start", "restore",
	CHECKPOINT_LOCK, PAGES_FILE, "notify/notify.sock", "notify" };

/* A version without it reads the spec always. */
#define PLAIN_LINE "plain\n"

/* A directory that nobody but the caller can write to: what is found below is believed. */
static bool is_own_directory(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022);
}

/*
 * An ordinary user's: $XDG_RUNTIME_DIR; without it (su, cron) what it would be, so that all commands see the same; then
 * the home directory; and where that can not be written, /tmp, made here.
 */
static int user_runtime_base(char *buffer, size_t size)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR"), *home = getenv("HOME");
	uid_t uid = geteuid();

	if (xdg && *xdg == '/' && (size_t)snprintf(buffer, size, "%s", xdg) < size && is_own_directory(buffer))
		return 0;
	snprintf(buffer, size, "/run/user/%u", uid);
	if (is_own_directory(buffer))
		return 0;
	if (home && *home == '/' && (size_t)snprintf(buffer, size, "%s/.cache", home) < size &&
		(mkdir(buffer, 0700) == 0 || errno == EEXIST) && is_own_directory(buffer) && access(buffer, W_OK) == 0)
		return 0;
	snprintf(buffer, size, "/tmp/wabe-%u", uid);
	if (mkdir(buffer, 0700) < 0 && errno != EEXIST)
		return -errno;
	return is_own_directory(buffer) ? 0 : -EPERM;
}

static int runtime_base(char *buffer, size_t size)
{
	if (geteuid() != 0)
		return user_runtime_base(buffer, size);
	snprintf(buffer, size, "/run");
	return 0;
}

int rundir_parent(const char *dialect, char *buffer, size_t size)
{
	char base[PATH_MAX];
	int r = runtime_base(base, sizeof(base));
	int length = r < 0 ? 0 : snprintf(buffer, size, "%s/wabe/%s", base, dialect);

	return r < 0 ? r : length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/*
 * A directory on a disk is known by number and time of birth, however it is spelled; one of the same path that comes
 * later is another. Block devices have a major number (statx(2)), tmpfs has none.
 */
int rundir_root(const char *given, bool make, char *buffer, size_t size)
{
	struct statx st;
	char parent[PATH_MAX];
	int found = statx(AT_FDCWD, given, AT_STATX_DONT_SYNC, STATX_INO | STATX_BTIME, &st);

	if (found < 0 && errno == ENOENT && make && mkdir_parents(given, 0755) == 0)
		found = statx(AT_FDCWD, given, AT_STATX_DONT_SYNC, STATX_INO | STATX_BTIME, &st);
	if (found < 0 || st.stx_dev_major == 0) /* what is wrong with it is found by who makes something in it */
		return (size_t)snprintf(buffer, size, "%s", given) < size ? 0 : -ENAMETOOLONG;
	const uint64_t key[] = { (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor, st.stx_ino, (uint64_t)st.stx_btime.tv_sec,
		st.stx_btime.tv_nsec };
	int r = rundir_parent("disk", parent, sizeof(parent));
	int length = r < 0 ? 0 : snprintf(buffer, size, "%s/%016" PRIx64, parent, hash_fnv1a64(key, sizeof(key)));
	return r < 0 ? r : (size_t)length < size ? 0 : -ENAMETOOLONG;
}

void rundir_suffix(const char *base_path, char *buffer, size_t size)
{
	uint64_t hash = hash_fnv1a64(base_path, strlen(base_path));

	snprintf(buffer, size, "-%08" PRIx32, (uint32_t)(hash ^ hash >> 32));
}

static int rundir_path(const struct container_id *id, char *buffer, size_t size)
{
	char suffix[16], parent[PATH_MAX];
	if (strcmp(id->dialect, "oci") == 0) { /* its callers know the place: --root */
		int n = snprintf(buffer, size, "%s/%s", id->base_path, id->name);
		return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
	}
	int r = rundir_parent(id->dialect, parent, sizeof(parent));
	if (r < 0)
		return r;
	rundir_suffix(id->base_path, suffix, sizeof(suffix));
	int length = snprintf(buffer, size, "%s/%s%s", parent, id->name, suffix);

	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

int rundir_open(const struct container_id *id, struct rundir *ret)
{
	int r = rundir_path(id, ret->path, sizeof(ret->path));
	if (r < 0)
		return r;
	ret->fd = open(ret->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return ret->fd < 0 ? -errno : 0;
}

int rundir_lock(const struct rundir *dir)
{
	struct stat st;

	if (flock(dir->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	/* it may have been removed between open and lock: then the lock is worth nothing */
	if (fstat(dir->fd, &st) < 0 || st.st_nlink == 0) {
		flock(dir->fd, LOCK_UN);
		return -ENOENT;
	}
	return 0;
}

static int make_directory(const char *path)
{
	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;

	char parent[PATH_MAX];
	snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = '\0';
	int r = mkdir_parents(parent, 0755);
	if (r < 0)
		return r;
	return mkdir(path, 0700) < 0 ? -errno : 0;
}

bool rundir_is_empty(const struct rundir *dir)
{
	for (size_t i = 0; i < sizeof(run_files) / sizeof(*run_files); i++)
		if (faccessat(dir->fd, run_files[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return false;
	return true;
}

/*
 * Whether who holds the lock only looks, or clears away: whoever asks for the state locks what nobody holds, to release
 * what a killed supervisor left, and that includes a directory that its maker has not locked yet.
 */
static bool is_held_for_a_moment(const struct rundir *dir, bool is_new)
{
	struct run_state state;

	if (run_state_read(dir->fd, &state) < 0)
		return is_new && rundir_is_empty(dir);
	bool is_abandoned = state.supervisor_pid > 0 && kill(state.supervisor_pid, 0) < 0 && errno == ESRCH;
	run_state_clear(&state);
	return is_abandoned;
}

/* As rundir_lock, but waits up to five seconds for who holds it for a moment. */
static int lock_for_start(const struct rundir *dir, bool is_new)
{
	int r = rundir_lock(dir);

	for (int waited_ms = 0; r == -EBUSY && waited_ms < 5000 && is_held_for_a_moment(dir, is_new); waited_ms++) {
		usleep(1000);
		r = rundir_lock(dir);
	}
	return r;
}

int rundir_create(const struct container_id *id, struct rundir *ret, bool *ret_is_stale, struct error *err)
{
	int r = rundir_path(id, ret->path, sizeof(ret->path));
	if (r < 0) {
		r = error_set(err, r, "find a run directory for %s", id->name);
		if (r == -EPERM)
			error_hint(err, "set XDG_RUNTIME_DIR to a directory that nobody else can write to");
		return r;
	}

	for (int attempt = 0; attempt < 16; attempt++) {
		r = make_directory(ret->path);
		if (r == -ENOENT)
			continue; /* who removed the last container has removed the parent */
		if (r < 0 && r != -EEXIST)
			return error_set(err, r, "create run directory %s", ret->path);
		*ret_is_stale = r == -EEXIST;
		ret->fd = open(ret->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (ret->fd < 0) {
			if (errno == ENOENT)
				continue;
			return error_set(err, errno, "open run directory %s", ret->path);
		}
		r = lock_for_start(ret, !*ret_is_stale);
		if (r == 0)
			return 0;
		close_fd(&ret->fd);
		if (r == -EBUSY)
			return error_set_kind(err, ERROR_BUSY, EBUSY, "%s is already running", id->name);
	}
	return error_set_kind(err, ERROR_BUSY, EBUSY, "%s is being started and stopped by others", id->name);
}

void rundir_remove(struct rundir *dir)
{
	struct stat st;

	if (dir->fd < 0)
		return;
	/* removed already (the supervisor and its caller both come here)? Then the path may be somebody else's */
	if (fstat(dir->fd, &st) < 0 || st.st_nlink == 0) {
		close_fd(&dir->fd);
		return;
	}
	/* the first two are always there, the others hardly ever */
	(void)unlinkat(dir->fd, run_files[0], 0);
	(void)unlinkat(dir->fd, run_files[1], 0);
	if (rmdir(dir->path) < 0) {
		for (size_t i = 2; i < sizeof(run_files) / sizeof(*run_files); i++)
			if (unlinkat(dir->fd, run_files[i], 0) < 0 && errno == EISDIR)
				(void)unlinkat(dir->fd, run_files[i], AT_REMOVEDIR);
		(void)rmdir(dir->path); /* what is not ours stays */
	}
	close_fd(&dir->fd);
}

bool rundir_remove_few(const struct rundir *dir)
{
	(void)unlinkat(dir->fd, "journal", 0);
	(void)unlinkat(dir->fd, "spec", 0);
	return rmdir(dir->path) == 0;
}

void rundir_close(struct rundir *dir)
{
	close_fd(&dir->fd);
}

int run_state_prepare(int run_fd, const struct run_state *state)
{
	auto_free char *text = NULL;
	int r = text_format(&text, "state %s\ninit %d %" PRIu64 "\nsupervisor %d\nforeground %d\n%s%s",
		state_name(state->state), state->init_pid, state->init_start_ticks, state->supervisor_pid,
		state->foreground, state->starts_plainly ? PLAIN_LINE : "", state->cgroups ? state->cgroups : "");

	return r < 0 ? r : file_write(run_fd, "state.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, text, strlen(text));
}

int run_state_commit(int run_fd)
{
	return renameat(run_fd, "state.new", run_fd, "state") < 0 ? -errno : 0;
}

int run_state_write(int run_fd, const struct run_state *state)
{
	int r = run_state_prepare(run_fd, state);

	return r < 0 ? r : run_state_commit(run_fd);
}

int run_state_read(int run_fd, struct run_state *ret)
{
	auto_free char *text = NULL;
	size_t length;
	char name[16] = "";
	int foreground = 0, offset = 0;

	memset(ret, 0, sizeof(*ret));
	int r = file_read(run_fd, "state", 1 << 20, &text, &length);
	if (r < 0)
		return r;
	if (sscanf(text, "state %15s\ninit %d %" SCNu64 "\nsupervisor %d\nforeground %d\n%n", name, &ret->init_pid,
		    &ret->init_start_ticks, &ret->supervisor_pid, &foreground, &offset) != 5)
		return -EBADMSG;
	r = state_from_name(name);
	if (r < 0)
		return -EBADMSG;
	ret->state = (enum container_state)r;
	ret->foreground = foreground;
	ret->starts_plainly = text_starts(text + offset, PLAIN_LINE);
	ret->cgroups = strdup(text + offset + (ret->starts_plainly ? strlen(PLAIN_LINE) : 0));
	return ret->cgroups ? 0 : -ENOMEM;
}

void run_state_clear(struct run_state *state)
{
	free(state->cgroups);
	memset(state, 0, sizeof(*state));
}

static int open_init(const struct run_state *state, int (*find_ticks)(pid_t pid, uint64_t *ret_ticks))
{
	uint64_t ticks;

	if (state->init_pid <= 0)
		return -ESRCH;
	auto_close int pidfd = process_pidfd(state->init_pid);
	if (pidfd < 0)
		return -ESRCH;
	/* read after pidfd_open: if the times agree, the fd is of the process that was meant */
	if (find_ticks(state->init_pid, &ticks) < 0 || ticks != state->init_start_ticks)
		return -ESRCH;
	return take_fd(&pidfd);
}

int run_state_open_init(const struct run_state *state)
{
	return open_init(state, process_start_ticks);
}

int run_state_open_living_init(const struct run_state *state)
{
	return open_init(state, process_living_start_ticks);
}
