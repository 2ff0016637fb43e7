/* Where init comes to be: namespaces new and shared, cgroup, id maps. */
#include "engine/placement.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "engine/idmaps.h"
#include "engine/running.h"
#include "kernel/clone.h"
#include "kernel/namespace.h"
#include "kernel/pidfd.h"
#include "storage/store.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80 /* Linux 5.6 */
#endif

/* Those that change what later children are, not the process itself: joined before the clone. */
static bool is_for_children(int kind)
{
	return kind == NAMESPACE_PID || kind == NAMESPACE_TIME;
}

/* share names a file, a pid or a running container. */
static int open_shared(const struct start *start, int kind, const char *share, struct error *err)
{
	int32_t pid;

	if (*share == '/') {
		int fd = open(share, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? spec_error(err, errno, start->spec, &start->spec->namespaces.origin,
					"open namespace %s", share) :
				fd;
	}
	if (text_to_i32(share, &pid) < 0) {
		struct container_id other = { .dialect = start->id.dialect, .base_path = start->id.base_path, .name = share };
		struct running running;
		int r = container_load(&other, 0, &running, err);
		if (r < 0)
			return r;
		pid = running.init_pid;
		int fd = namespace_open(pid, (enum namespace_kind)kind);
		running_clear(&running);
		return fd < 0 ? error_set(err, fd, "open a namespace of %s", share) : fd;
	}
	int fd = namespace_open(pid, (enum namespace_kind)kind);
	return fd < 0 ? spec_error(err, fd, start->spec, &start->spec->namespaces.origin,
				"open a namespace of process %d", pid) :
			fd;
}

int placement_open_shared(struct start *start, struct error *err)
{
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++) {
		if (!start->spec->namespaces.share[kind])
			continue;
		int fd = open_shared(start, kind, start->spec->namespaces.share[kind], err);
		if (fd < 0)
			return fd;
		start->join_fds[kind] = fd;
	}
	return 0;
}

static int join(const struct start *start, bool for_children, struct error *err)
{
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++) {
		if (start->join_fds[kind] < 0 || is_for_children(kind) != for_children)
			continue;
		if (setns(start->join_fds[kind], namespace_clone_flag((enum namespace_kind)kind)) < 0)
			return error_set(err, errno, "join the %s namespace of %s",
				namespace_name((enum namespace_kind)kind), start->spec->namespaces.share[kind]);
	}
	return 0;
}

int placement_join(struct start *start, struct error *err)
{
	return join(start, false, err);
}

static int offset_line(char *buffer, size_t size, const char *clock, int64_t ns)
{
	int64_t seconds = ns / 1000000000, rest = ns % 1000000000;

	if (rest < 0) { /* the kernel wants 0 to 999999999 */
		seconds--;
		rest += 1000000000;
	}
	return snprintf(buffer, size, "%s %lld %lld\n", clock, (long long)seconds, (long long)rest);
}

/* Offsets can be set only while the namespace is empty: it is made for the next child, not by the clone. */
static int make_time_namespace(const struct start *start, struct error *err)
{
	const struct spec_namespaces *namespaces = &start->spec->namespaces;
	char text[128];

	if (!(start->namespaces & 1U << NAMESPACE_TIME))
		return 0;
	int used = offset_line(text, sizeof(text), "monotonic", namespaces->time_offset_monotonic_ns);
	(void)offset_line(text + used, sizeof(text) - (size_t)used, "boottime", namespaces->time_offset_boot_ns);
	if (unshare(CLONE_NEWTIME) < 0)
		return error_set(err, errno, "make a time namespace");
	int r = file_write_text(-1, "/proc/self/timens_offsets", text);
	return r < 0 ? spec_error(err, r, start->spec, &namespaces->origin, "set the time offsets") : 0;
}

/* The supervisor's later children (hooks) live in its own time again. */
static void leave_time_namespace(const struct start *start)
{
	if (!(start->namespaces & 1U << NAMESPACE_TIME))
		return;
	auto_close int own = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);
	(void)setns(own, CLONE_NEWTIME); /* our own: can not fail but for memory */
}

/* The way back for a supervisor that joined a pid namespace for its child. */
static void leave_children_namespaces(const struct start *start)
{
	if (start->join_fds[NAMESPACE_PID] < 0)
		return;
	auto_close int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	(void)setns(own, CLONE_NEWPID); /* our own: can not fail but for memory */
}

void placement_run_init(struct start *start)
{
	struct message message = { .kind = MESSAGE_ERROR };

	start->is_init = true;
	if (plan_run(start->init_plan, start, &message.error) < 0)
		(void)message_send(start->handover.init_fd, &message); /* the supervisor may be gone */
	_exit(EXIT_FAILURE);
}

int placement_clone_init(struct start *start, struct error *err)
{
	struct clone_request request = { .cgroup_fd = start->cgroup_fd, .pidfd = &start->init_pidfd };

	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		if (start->namespaces & 1U << kind && kind != NAMESPACE_CGROUP && kind != NAMESPACE_TIME)
			request.flags |= (uint64_t)namespace_clone_flag((enum namespace_kind)kind);
	int r = handover_open(&start->handover);
	if (r < 0)
		return error_set(err, r, "talk to init");
	r = join(start, true, err);
	r = r ?: make_time_namespace(start, err);
	if (r < 0)
		return r;
	start->is_placed_by_clone = start->cgroup_fd >= 0;
	pid_t pid = clone_process(&request);
	if (pid == 0)
		placement_run_init(start);
	leave_children_namespaces(start);
	leave_time_namespace(start);
	close_fd(&start->handover.init_fd);
	if (pid < 0)
		return error_set(err, (int)pid, "clone init");
	start->init_pid = pid;
	return 0;
}

int placement_write_id_maps(struct start *start, struct error *err)
{
	return idmaps_write(start->spec, start->init_pid, false, err);
}

bool placement_has_idmapped(const struct start *start)
{
	vector_for_each (entry, &start->spec->mounts.entries)
		if (entry->idmap)
			return true;
	return start->spec->rootfs.options && strstr(start->spec->rootfs.options, "idmap=");
}

bool placement_has_sources(const struct start *start)
{
	return placement_has_idmapped(start) || store_is_volume(&start->spec->rootfs);
}

static int open_root(struct start *start, const char *idmap, struct error *err)
{
	const struct spec_rootfs *rootfs = &start->spec->rootfs;
	int *fd = &start->mount_fds[start->spec->mounts.entries.count];

	if (idmap && rootfs->store && strncmp(rootfs->store, "overlay", strlen("overlay")) == 0) {
		(void)spec_error(err, EOPNOTSUPP, start->spec, &rootfs->origin, "an overlay with the option idmap=");
		return error_hint(err, "give its layers to the container's ids, or copy it: lxc-copy -B dir");
	}
	if (!store_is_volume(rootfs))
		return idmap ? *fd = rootfs_open_idmapped(start->spec, &rootfs->origin, rootfs->path, true, idmap, err) : 0;
	*fd = store_open(rootfs, err);
	if (*fd < 0)
		return *fd;
	return idmap ? rootfs_map_opened(start->spec, &rootfs->origin, rootfs->path, false, *fd, idmap, err) : 0;
}

int placement_make_sources(struct start *start, struct error *err)
{
	const size_t count = start->spec->mounts.entries.count;

	start->mount_fds = malloc((count + 1) * sizeof(int));
	if (!start->mount_fds)
		return error_set(err, ENOMEM, "prepare the mounts");
	for (size_t i = 0; i <= count; i++)
		start->mount_fds[i] = -1;
	start->root.mount_fds = start->mount_fds;
	start->root.rootfs_source_fd = &start->mount_fds[count];
	return 0;
}

int placement_open_sources(struct start *start, struct error *err)
{
	const struct spec *spec = start->spec;
	const size_t count = spec->mounts.entries.count;
	auto_free char *root_idmap = NULL;
	int r = rootfs_options_idmap(spec->rootfs.options, &root_idmap);
	if (r < 0)
		return error_set(err, r, "read the options of the rootfs");
	r = placement_make_sources(start, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < count; i++) {
		const struct spec_mount *entry = &spec->mounts.entries.items[i];
		if (entry->idmap)
			r = start->mount_fds[i] = rootfs_open_idmapped(spec, &entry->origin, entry->source,
				entry->flags_set & MS_REC, entry->idmap, err);
	}
	r = r < 0 ? r : open_root(start, root_idmap, err);
	return r < 0 ? r : 0;
}

static int map_sources(struct start *start, pid_t pid, struct error *err)
{
	const struct spec *spec = start->spec;
	const size_t count = spec->mounts.entries.count;
	auto_free char *root_idmap = NULL;
	auto_close int userns_fd = namespace_open(pid, NAMESPACE_USER);
	if (userns_fd < 0)
		return error_set(err, userns_fd, "open the user namespace");
	int r = rootfs_options_idmap(spec->rootfs.options, &root_idmap);
	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct spec_mount *entry = &spec->mounts.entries.items[i];
		if (entry->idmap && strcmp(entry->idmap, "container") == 0)
			r = rootfs_set_idmap(spec, &entry->origin, entry->source, entry->flags_set & MS_REC,
				start->mount_fds[i], userns_fd, err);
	}
	if (r == 0 && root_idmap && strcmp(root_idmap, "container") == 0)
		r = rootfs_set_idmap(spec, &spec->rootfs.origin, spec->rootfs.path, true, start->mount_fds[count], userns_fd,
			err);
	return r;
}

/* With init's own namespace: a second one with the same map would cost a process. */
int placement_map_sources(struct start *start, struct error *err)
{
	return map_sources(start, start->init_pid, err);
}

int placement_map_sources_early(struct start *start, struct error *err)
{
	struct clone_request request = { .flags = CLONE_NEWUSER, .cgroup_fd = -1 };
	pid_t own_pid = getpid(), pid = clone_process(&request);

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == own_pid)
			pause();
		_exit(0);
	}
	if (pid < 0)
		return error_set(err, (int)pid, "make a user namespace");
	int r = idmaps_write(start->spec, pid, false, err);
	r = r ?: map_sources(start, pid, err);
	(void)kill(pid, SIGKILL); /* our child: it is there */
	(void)process_wait(pid, NULL);
	return r;
}

void placement_close_sources(struct start *start)
{
	for (size_t i = 0; start->mount_fds && i <= start->spec->mounts.entries.count; i++)
		close_fd(&start->mount_fds[i]);
	free(start->mount_fds);
	start->mount_fds = NULL;
	start->root.mount_fds = NULL;
	start->root.rootfs_source_fd = NULL;
}
