/* What keeps a running container from being dumped, found without stopping it. */
#include "engine/preflight.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/checkpoint_image.h"
#include "kernel/cgroupfs.h"
#include "kernel/landlock.h"
#include "kernel/mountinfo.h"
#include "kernel/namespace.h"
#include "security/security.h"

/* What criu makes again by itself: criu/filesystems.c. */
static const char *const known_types[] = { "proc", "sysfs", "devtmpfs", "binfmt_misc", "debugfs", "tracefs", "tmpfs", "devpts",
	"pstore", "mqueue", "fusectl", "cgroup", "cgroup2", "configfs", "securityfs", "hugetlbfs", "overlay", "autofs" };

/* Those from number from on. */
static void remove_blockers(struct checkpoint_blockers *blockers, size_t from)
{
	while (blockers->count > from) {
		struct checkpoint_blocker *last = &blockers->items[--blockers->count];
		free(last->process);
		free(last->service);
		free(last->what);
	}
}

void checkpoint_blockers_clear(struct checkpoint_blockers *blockers)
{
	remove_blockers(blockers, 0);
	free(blockers->items);
	*blockers = (struct checkpoint_blockers){ 0 };
}

/* The unit of systemd that the process is in, malloc'ed; NULL: none. */
static char *service_of(pid_t pid)
{
	char path[32];
	auto_free char *text = NULL;
	size_t length;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (file_read(AT_FDCWD, path, 65536, &text, &length) < 0)
		return NULL;
	char *next = text;
	for (char *line; (line = strsep(&next, "\n"));) {
		char *end = strstr(line, ".service") ?: strstr(line, ".scope");
		if (!end)
			continue;
		end[strcspn(end, "/")] = '\0';
		char *start = strrchr(line, '/');
		if (start)
			return strdup(start + 1);
	}
	return NULL;
}

int preflight_add(struct preflight *preflight, pid_t pid, const char *fmt, ...)
{
	char path[32];
	size_t length;
	va_list arguments;
	struct checkpoint_blocker *blocker = vector_add(preflight->blockers);

	if (!blocker)
		return -ENOMEM;
	va_start(arguments, fmt);
	(void)text_vformat(&blocker->what, fmt, arguments); /* NULL is told below */
	va_end(arguments);
	blocker->pid = pid;
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (pid > 0 && file_read(AT_FDCWD, path, 64, &blocker->process, &length) == 0) {
		(void)text_trim(blocker->process);
		blocker->service = service_of(pid);
	}
	if (pid > 0 && !blocker->process)
		blocker->process = strdup("?");
	return blocker->what && (pid == 0 || blocker->process) ? 0 : -ENOMEM;
}

/* ---- a process ---- */

static int check_namespaces(struct preflight *preflight, pid_t pid)
{
	static const enum namespace_kind kinds[] = { NAMESPACE_MOUNT, NAMESPACE_UTS, NAMESPACE_IPC, NAMESPACE_PID, NAMESPACE_USER,
		NAMESPACE_CGROUP };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct stat own, of_init;
		auto_close int fd = namespace_open(pid, kinds[i]), init_fd = namespace_open(preflight->running.init_pid, kinds[i]);
		if (fd < 0 || init_fd < 0 || fstat(fd, &own) < 0 || fstat(init_fd, &of_init) < 0 || own.st_ino == of_init.st_ino)
			continue;
		int r = preflight_add(preflight, pid, "it has a %s namespace of its own", namespace_name(kinds[i]));
		if (r < 0)
			return r;
	}
	return 0;
}

/* A session whose leader has no number inside was made by somebody who came in: lxc-attach. */
static int check_session(struct preflight *preflight, pid_t pid)
{
	char path[32];
	auto_free char *text = NULL;
	size_t length;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read(AT_FDCWD, path, 1 << 20, &text, &length) < 0)
		return 0;
	char *line = strstr(text, "\nNSsid:");
	if (!line)
		return 0;
	line++;
	line[strcspn(line, "\n")] = '\0';
	const char *last = strrchr(line, '\t');
	return last && strcmp(last, "\t0") == 0 ?
		preflight_add(preflight, pid, "it came in from outside (lxc-attach), end it or let it call setsid") : 0;
}

/* getrlimit(2) of another user's process: the kernel wants CAP_SYS_RESOURCE, in a user namespace its maker has it. */
static int check_limits(struct preflight *preflight, pid_t pid)
{
	struct rlimit limit;

	return syscall(SYS_prlimit64, pid, RLIMIT_CPU, NULL, &limit) == 0 || errno != EPERM ?
		0 :
		preflight_add(preflight, pid, "it runs as another user: without CAP_SYS_RESOURCE criu can not read its limits");
}

/* Its files go first, and look as if they were the host's by then. */
static bool has_ended(pid_t pid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	return stat(path, &st) < 0;
}

static int check_process(struct preflight *preflight, pid_t pid)
{
	size_t before = preflight->blockers->count;
	int r = check_session(preflight, pid);

	r = r ?: check_limits(preflight, pid);
	r = r ?: check_namespaces(preflight, pid);
	r = r ?: preflight_files(preflight, pid);
	if (has_ended(pid))
		remove_blockers(preflight->blockers, before);
	return r;
}

static int check_processes(struct preflight *preflight)
{
	struct memory_pids pids = { 0 };
	int r = running_processes(&preflight->running, &pids);

	for (size_t i = 0; r == 0 && i < pids.count; i++)
		r = check_process(preflight, pids.items[i]);
	free(pids.items);
	return r;
}

/* ---- the container ---- */

static bool is_external(const struct image *image, const char *target)
{
	vector_for_each (mount, &image->mounts)
		if (strcmp(mount->target, target) == 0)
			return true;
	return false;
}

static bool is_known_type(const char *type)
{
	for (size_t i = 0; i < sizeof(known_types) / sizeof(*known_types); i++)
		if (strcmp(known_types[i], type) == 0)
			return true;
	return false;
}

static int check_mount(struct preflight *preflight, const struct image *image, const struct mountinfo *mount,
	const char *root_device)
{
	if (strcmp(mount->target, "/") == 0)
		return 0;
	if (strchr(mount->target, ']'))
		return preflight_add(preflight, 0, "mount %s: criu can not be told of a name with ']'", mount->target);
	if (is_external(image, mount->target) || is_known_type(mount->type) || strcmp(mount->device, root_device) == 0)
		return 0;
	return preflight_add(preflight, 0, "mount %s of type %s is the container's own", mount->target, mount->type);
}

static int check_mounts(struct preflight *preflight, const struct image *image)
{
	char path[64], root_device[32] = "";
	auto_free char *text = NULL, *copy = NULL;
	struct mountinfo mount;
	size_t length;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", preflight->running.init_pid);
	int r = file_read(AT_FDCWD, path, 64 << 20, &text, &length);
	copy = r < 0 ? NULL : strdup(text);
	if (!copy)
		return r < 0 ? r : -ENOMEM;
	for (char *next = copy; (r = mountinfo_next(&next, &mount)) != 0;)
		if (r == 1 && strcmp(mount.target, "/") == 0)
			snprintf(root_device, sizeof(root_device), "%s", mount.device);
	r = 0;
	for (char *next = text; r == 0;) {
		int found = mountinfo_next(&next, &mount);
		if (found == 0)
			break;
		r = found == 1 ? check_mount(preflight, image, &mount, root_device) : 0;
	}
	return r;
}

static int check_spec(struct preflight *preflight)
{
	const struct spec *spec = preflight->running.spec;
	uint32_t namespaces = spec_new_namespaces(spec);
	int r = 0;

	if (!spec->rootfs.path)
		r = preflight_add(preflight, 0, "it has no root file system of its own");
	for (int kind = 0; r == 0 && kind < NAMESPACE_KINDS; kind++)
		if (spec->namespaces.share[kind] && !(kind == NAMESPACE_NET && preflight->image->network))
			r = preflight_add(preflight, 0, "its %s namespace is that of %s", namespace_name((enum namespace_kind)kind),
				spec->namespaces.share[kind]);
	if (r == 0 && !(namespaces & 1U << NAMESPACE_PID))
		r = preflight_add(preflight, 0, "it has no process numbers of its own");
	if (r == 0 && !(namespaces & 1U << NAMESPACE_MOUNT))
		r = preflight_add(preflight, 0, "it has no mounts of its own");
	if (r == 0 && !(namespaces & 1U << NAMESPACE_NET) && !preflight->image->network)
		r = preflight_add(preflight, 0, "it uses the host's network");
	vector_for_each (link, &spec->network.links)
		if (r == 0 && !network_can_adopt(link))
			r = preflight_add(preflight, 0, "interface lxc.net.%u is not of type veth or venet: criu can not make it again",
				link->index);
	vector_for_each (entry, &spec->mounts.entries)
		if (r == 0 && entry->idmap)
			r = preflight_add(preflight, 0, "mount %s has owners of its own (idmap=)", entry->target);
	return r;
}

static int check_seccomp(struct preflight *preflight)
{
	auto_close int listener_fd = engine_seccomp_listener(preflight->id, NULL);

	return listener_fd < 0 ? 0 :
				 preflight_add(preflight, 0, "its seccomp filter asks the supervisor (notify, lxc.rootfs.quota)");
}

/* criu knows nothing of it, and nothing in /proc tells of a process that has confined itself so. */
static int check_landlock(struct preflight *preflight)
{
	if (!security_has_file_rules(preflight->running.spec) || landlock_version() == 0)
		return 0;
	return preflight_add(preflight, 0, "Landlock confines it (lxc.landlock), which criu can not make again");
}

int checkpoint_preflight(const struct container_id *id, struct checkpoint_blockers *ret_blockers, struct error *err)
{
	struct image image = { 0 };
	struct preflight preflight = { .id = id, .image = &image, .blockers = ret_blockers };
	int r = container_load(id, RUNNING_SPEC | RUNNING_CGROUPS, &preflight.running, err);

	if (r < 0)
		return r;
	r = image_collect(&image, &preflight.running, id, err);
	if (r == 0) {
		r = check_spec(&preflight);
		r = r ?: check_seccomp(&preflight);
		r = r ?: check_landlock(&preflight);
		r = r ?: check_mounts(&preflight, &image);
		r = r ?: check_processes(&preflight);
		if (r < 0)
			error_set(err, r, "look through %s", id->name);
	}
	image_clear(&image);
	running_clear(&preflight.running);
	return r < 0 ? r : (int)ret_blockers->count;
}
