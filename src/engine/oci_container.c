/* OCI containers as every command after create finds them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/journal.h"
#include "base/text.h"
#include "cgroup/resctrl.h"
#include "engine/handover.h"
#include "engine/oci_internal.h"
#include "engine/oci_ready.h"
#include "engine/oci_systemd.h"
#include "engine/resources.h"
#include "kernel/cgroupfs.h"
#include "kernel/pidfd.h"

#define FREEZE_TIMEOUT_MS 10000
#define LOCK_TIMEOUT_MS   10000

static enum oci_status find_status(struct oci_container *container)
{
	container->init_pidfd = run_state_open_living_init(&container->state);
	if (container->init_pidfd < 0)
		return OCI_STOPPED;
	if (container->state.state == STATE_STARTING)
		return OCI_CREATING;
	if (faccessat(container->dir.fd, OCI_START_SOCKET, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return OCI_CREATED;
	return container->has_cgroups && cgroup_is_frozen(&container->cgroups) == 1 ? OCI_PAUSED : OCI_RUNNING;
}

static int read_spec(struct oci_container *container, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read(container->dir.fd, "spec", 64 << 20, &text, &length);

	if (r == -ENOENT)
		return 0; /* killed before it was written */
	return r < 0 ? error_set(err, r, "read the spec of %s", container->id.name) :
		       spec_parse_flat(text, length, &container->spec, err);
}

/*
 * Opens, and locks, the run directory that the name leads to. One that is removed while we wait for its lock may have a
 * successor of that name; a directory without a link is a removed one. Until it is locked nothing in it is read.
 */
static int open_rundir(struct oci_container *container, bool locks, struct error *err)
{
	const char *name = container->id.name;
	struct stat st;

	do {
		close_fd(&container->dir.fd);
		int r = rundir_open(&container->id, &container->dir);
		if (r == -ENOENT)
			return error_set_kind(err, ERROR_NOT_FOUND, 0, "container \"%s\" does not exist", name), -ENOENT;
		if (r < 0)
			return error_set(err, r, "open the state of container \"%s\"", name);
		r = locks ? file_lock_within(container->dir.fd, LOCK_EX, LOCK_TIMEOUT_MS) : 0;
		if (r < 0)
			return error_set(err, r == -ETIMEDOUT ? -EBUSY : r, "another command works on container \"%s\"", name);
		if (fstat(container->dir.fd, &st) < 0 || st.st_uid != geteuid())
			return error_set_kind(err, ERROR_PERMISSION, EPERM, "the state %s is another user's", container->dir.path);
	} while (locks && st.st_nlink == 0);
	return 0;
}

/* By who makes it: only then is there no state under a lock. */
static bool is_locked(int dir_fd)
{
	if (flock(dir_fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	(void)flock(dir_fd, LOCK_UN);
	return false;
}

int oci_load(const char *root, const char *name, unsigned flags, struct oci_container *ret, struct error *err)
{
	*ret = (struct oci_container){ .id = { .dialect = "oci", .base_path = root, .name = name }, .dir = { .fd = -1 },
		.init_pidfd = -1, .status = OCI_STOPPED };
	int r = open_rundir(ret, flags & OCI_LOCK, err);
	if (r == 0 && !(flags & OCI_WITHOUT_SPEC))
		r = read_spec(ret, err);
	if (r < 0)
		return r;
	r = run_state_read(ret->dir.fd, &ret->state);
	if (r < 0) {
		ret->status = !(flags & OCI_LOCK) && is_locked(ret->dir.fd) ? OCI_CREATING : OCI_STOPPED; /* its maker was killed */
		return 0;
	}
	ret->has_cgroups = *ret->state.cgroups && cgroup_set_from_text(&ret->cgroups, ret->state.cgroups) == 0;
	ret->status = find_status(ret);
	return 0;
}

void oci_clear(struct oci_container *container)
{
	spec_free(container->spec);
	if (container->has_cgroups)
		cgroup_set_clear(&container->cgroups);
	run_state_clear(&container->state);
	close_fd(&container->init_pidfd);
	rundir_close(&container->dir);
	*container = (struct oci_container){ .dir = { .fd = -1 }, .init_pidfd = -1 };
}

void oci_remove_rundir(struct rundir *dir, const char *root, bool has_few)
{
	if (!has_few || !rundir_remove_few(dir))
		rundir_remove(dir);
	if (text_ends(root, "/wabe/oci"))
		(void)rmdir(root); /* others are in it */
}

bool oci_is_rootless(void)
{
	auto_free char *text = NULL;
	unsigned inside, outside, count;
	size_t length;

	if (geteuid() != 0)
		return true;
	return file_read(AT_FDCWD, "/proc/self/uid_map", 4096, &text, &length) == 0 &&
	       sscanf(text, "%u %u %u", &inside, &outside, &count) == 3 && (inside || outside || count != UINT32_MAX);
}

/* ---- start ---- */

static int connect_to_init(const struct oci_container *container, struct error *err)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/" OCI_START_SOCKET, container->dir.fd);
	int fd = oci_connect(SOCK_SEQPACKET, path);
	return fd < 0 ? error_set(err, fd, "reach the created container \"%s\"", container->id.name) : fd;
}

static void stop(struct oci_container *container)
{
	if (container->init_pidfd >= 0) {
		(void)pidfd_send_signal_number(container->init_pidfd, SIGKILL); /* it may have ended */
		(void)pidfd_wait(container->init_pidfd, 10000);
	}
	if (container->has_cgroups)
		(void)cgroup_kill(&container->cgroups);
}

static int read_spec_for_start(struct oci_container *container, struct error *err)
{
	int r = container->state.starts_plainly ? 0 : read_spec(container, err);

	if (r == 0 && !container->spec && !(container->spec = spec_new()))
		r = error_set(err, ENOMEM, "start container \"%s\"", container->id.name);
	return r;
}

int oci_start(struct oci_container *container, struct error *err)
{
	if (container->status != OCI_CREATED)
		return error_set_kind(err, ERROR_BUSY, 0, "container \"%s\" is %s: only a created one can be started",
			container->id.name, oci_status_name(container->status));
	int r = read_spec_for_start(container, err);
	if (r < 0)
		return r;
	auto_close int fd = connect_to_init(container, err);
	if (fd < 0)
		return fd;
	auto_close int ready_fd = -1;
	if (oci_ready_open(container->spec, container->dir.fd, &ready_fd, err) < 0)
		return -EIO;
	/* before the word: who is killed in between leaves a stopped container, not one that could be started twice */
	(void)unlinkat(container->dir.fd, OCI_START_SOCKET, 0);
	r = handover_signal(fd, POINT_GO);
	r = r < 0 ? error_set(err, r, "start container \"%s\"", container->id.name) :
		    oci_await_exec(container->spec, fd, container->state.init_pid, OCI_CREATED, err);
	if (r < 0)
		return r;
	r = oci_run_hooks(container->spec, OCI_POSTSTART, OCI_RUNNING, container->state.init_pid, err);
	if (r < 0)
		stop(container);
	if (r == 0 && ready_fd >= 0) {
		(void)flock(container->dir.fd, LOCK_UN); /* that may take long */
		oci_ready_await(ready_fd, container->spec, container->state.init_pid, container->init_pidfd);
	}
	return r;
}

/* ---- kill, delete ---- */

static int signal_all(struct oci_container *container, int signal)
{
	const struct cgroup_set *set = &container->cgroups;
	char path[PATH_MAX];

	if (signal == SIGKILL)
		return cgroup_kill(set);
	if (set->groups.count == 0)
		return 0;
	const struct cgroup_group *group = &set->groups.items[0];
	(void)snprintf(path, sizeof(path), "%s%s", group->mount, group->limit_path);
	return cgroupfs_signal(path, signal) < 0 ? -ESRCH : 0;
}

int oci_kill(struct oci_container *container, int signal, bool all, struct error *err)
{
	bool shares_pids = container->spec && !(spec_new_namespaces(container->spec) & 1U << NAMESPACE_PID);

	if (all && container->has_cgroups && container->status != OCI_CREATING) {
		int r = signal_all(container, signal);
		if (r < 0)
			return error_set(err, r, "kill the processes of container \"%s\"", container->id.name);
		if (container->init_pidfd >= 0)
			return 0;
	}
	if (container->init_pidfd < 0)
		return all ? 0 : error_set_kind(err, ERROR_NOT_FOUND, 0, "container not running");
	int r = pidfd_send_signal_number(container->init_pidfd, signal);
	if (r == -ESRCH)
		return error_set_kind(err, ERROR_NOT_FOUND, 0, "container not running");
	if (r < 0)
		return error_set(err, r, "kill container \"%s\"", container->id.name);
	if (signal == SIGKILL && shares_pids && container->has_cgroups)
		(void)cgroup_kill(&container->cgroups);
	if (signal == SIGKILL && container->status == OCI_PAUSED)
		(void)cgroup_thaw(&container->cgroups, FREEZE_TIMEOUT_MS); /* or it never dies */
	return 0;
}

static int kill_group(const char *kind, const char *argument, void *data)
{
	auto_free char *paths = strcmp(kind, RESOURCE_CGROUP) == 0 ? strdup(argument) : NULL;
	char *rest = paths;

	(void)data;
	for (char *path; rest && (path = strsep(&rest, "\t"));)
		(void)cgroupfs_signal(path, SIGKILL); /* it may not have been made */
	return 0;
}

/* create was killed before it could note init, which may not have seen it yet. */
static void kill_unknown(const struct oci_container *container)
{
	auto_close int fd = openat(container->dir.fd, "journal", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0)
		(void)journal_read_backwards(fd, kill_group, NULL);
}

/* create was killed between making its first group and noting it. */
static void drop_unnoted_cgroups(const struct oci_container *container)
{
	struct cgroup_layout layout = { 0 };
	struct cgroup_set set = { 0 };

	if (!container->spec || container->has_cgroups || container->spec->oci.no_cgroups || container->spec->oci.systemd_unit)
		return;
	if (oci_plan_cgroups(container->spec, &layout, &set, NULL) == 0)
		cgroup_set_drop_unused(&set);
	cgroup_set_clear(&set);
	cgroup_layout_clear(&layout);
}

int oci_delete(struct oci_container *container, bool force, struct error *err)
{
	bool is_alive = container->init_pidfd >= 0;
	struct error ignored;

	if (is_alive && !force && container->status != OCI_CREATED)
		return error_set_kind(err, ERROR_BUSY, 0, "container \"%s\" is %s: stop it, or delete it with --force",
			container->id.name, oci_status_name(container->status));
	if (is_alive && pidfd_send_signal_number(container->init_pidfd, SIGKILL) == 0) {
		if (container->status == OCI_PAUSED)
			(void)cgroup_thaw(&container->cgroups, FREEZE_TIMEOUT_MS);
		if (pidfd_wait(container->init_pidfd, 10000) < 0)
			return error_set(err, ETIMEDOUT, "init %d of container \"%s\" does not end", container->state.init_pid,
				container->id.name);
	}
	if (container->has_cgroups)
		(void)cgroup_kill(&container->cgroups);
	else
		kill_unknown(container);
	resources_release(container->dir.fd, -1, NULL);
	drop_unnoted_cgroups(container);
	(void)unlinkat(container->dir.fd, OCI_START_SOCKET, 0);
	oci_remove_rundir(&container->dir, container->id.base_path, false);
	if (container->spec)
		(void)oci_run_hooks(container->spec, OCI_POSTSTOP, OCI_STOPPED, container->state.init_pid, &ignored);
	return 0;
}

/* ---- pause, update ---- */

static int need_cgroups(const struct oci_container *container, struct error *err)
{
	return container->has_cgroups ? 0 :
		error_set_kind(err, ERROR_UNSUPPORTED, 0, "container \"%s\" has no cgroups", container->id.name);
}

int oci_pause(struct oci_container *container, struct error *err)
{
	if (container->status != OCI_RUNNING && container->status != OCI_CREATED)
		return error_set_kind(err, ERROR_BUSY, 0, "container \"%s\" is %s, not running", container->id.name,
			oci_status_name(container->status));
	int r = need_cgroups(container, err);
	if (r < 0)
		return r;
	r = cgroup_freeze(&container->cgroups, FREEZE_TIMEOUT_MS);
	return r < 0 ? error_set(err, r, "pause container \"%s\"", container->id.name) : 0;
}

int oci_resume(struct oci_container *container, struct error *err)
{
	if (container->status != OCI_PAUSED)
		return error_set_kind(err, ERROR_BUSY, 0, "container \"%s\" is %s, not paused", container->id.name,
			oci_status_name(container->status));
	int r = cgroup_thaw(&container->cgroups, FREEZE_TIMEOUT_MS);
	return r < 0 ? error_set(err, r, "resume container \"%s\"", container->id.name) : 0;
}

int oci_join_resctrl(const struct spec *spec, pid_t pid, cgroup_journal journal, void *data, struct error *err)
{
	auto_free char *root = NULL;

	if (!spec->oci.has_rdt)
		return 0;
	int r = resctrl_find(spec, &root, err);
	if (r == 0 && journal)
		r = resctrl_make(root, spec, journal, data, err);
	return r < 0 ? r : resctrl_enter(root, spec, pid, err);
}

static int update_resctrl(const struct spec *spec, const struct string_list *schemata, struct error *err)
{
	auto_free char *root = NULL;

	if (schemata->count == 0)
		return 0;
	if (!spec->oci.has_rdt)
		return error_set_kind(err, ERROR_UNSUPPORTED, 0, "container \"%s\" was made without linux.intelRdt", spec->identity.name);
	int r = resctrl_find(spec, &root, err);
	return r < 0 ? r : resctrl_set(root, spec, schemata, err);
}

int oci_update(struct oci_container *container, const struct spec *spec, struct error *err)
{
	if (container->init_pidfd < 0)
		return error_set_kind(err, ERROR_NOT_FOUND, 0, "container not running");
	int r = need_cgroups(container, err);
	if (r == 0 && container->spec)
		r = update_resctrl(container->spec, &spec->oci.rdt_schemata, err);
	if (r == 0 && container->spec && container->spec->oci.systemd_unit)
		r = oci_unit_update(container->spec->oci.systemd_unit, spec, err);
	return r < 0 ? r : cgroup_set_apply(&container->cgroups, spec, err);
}

/* ---- lists ---- */

static int add_pids(const char *directory, oci_pid_list *ret, int depth)
{
	auto_free char *text = NULL;
	auto_closedir DIR *dir = depth > 32 ? NULL : opendir(directory);
	int r = cgroupfs_read(directory, "cgroup.procs", &text);

	char *rest = r < 0 ? NULL : text;
	for (char *line; rest && (line = strsep(&rest, "\n")) && *line;) {
		pid_t *slot = vector_add(ret);
		if (!slot)
			return -ENOMEM;
		*slot = (pid_t)strtol(line, NULL, 10);
	}
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		char child[PATH_MAX];
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
			snprintf(child, sizeof(child), "%s/%s", directory, entry->d_name) >= (int)sizeof(child))
			continue;
		r = add_pids(child, ret, depth + 1);
		if (r == -ENOMEM)
			return r;
	}
	return 0;
}

int oci_pids(const struct oci_container *container, oci_pid_list *ret, struct error *err)
{
	char path[PATH_MAX];
	int r = need_cgroups(container, err);

	if (r < 0 || container->cgroups.groups.count == 0)
		return r;
	const struct cgroup_group *group = &container->cgroups.groups.items[0];
	(void)snprintf(path, sizeof(path), "%s%s", group->mount, group->limit_path);
	r = add_pids(path, ret, 0);
	return r < 0 ? error_set(err, r, "read the processes of container \"%s\"", container->id.name) : 0;
}

int oci_list(const char *root, struct string_list *ret, struct error *err)
{
	auto_closedir DIR *dir = opendir(root);

	if (!dir)
		return errno == ENOENT ? 0 : error_set(err, errno, "read %s", root);
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.' || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
			continue;
		if (string_list_add(ret, entry->d_name) < 0)
			return error_set(err, ENOMEM, "read %s", root);
	}
	string_list_sort(ret);
	return 0;
}
