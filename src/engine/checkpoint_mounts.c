/* What of a running container criu has to leave to us: mounts from the host, terminals, interfaces. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/journal.h"
#include "base/text.h"
#include "engine/checkpoint_image.h"
#include "engine/resources.h"
#include "kernel/lsm.h"
#include "kernel/mountinfo.h"
#include "security/security.h"

#define MAX_MOUNTINFO (64UL << 20)

/* All lines of a mountinfo file; the strings lie in text. */
struct mount_table {
	char *text;
	VECTOR(struct mountinfo) mounts;
};

static void table_clear(struct mount_table *table)
{
	free(table->text);
	free(table->mounts.items);
}

static int table_read(const char *path, struct mount_table *ret)
{
	size_t length;
	int r = file_read(AT_FDCWD, path, MAX_MOUNTINFO, &ret->text, &length);

	for (char *next = ret->text; r >= 0;) {
		struct mountinfo one;
		r = mountinfo_next(&next, &one);
		if (r == 0)
			return 0;
		if (r == -EINVAL)
			r = 0;
		else if (r == 1) {
			struct mountinfo *item = vector_add(&ret->mounts);
			if (!item)
				return -ENOMEM;
			*item = one;
		}
	}
	return r;
}

/* What path has behind the directory base: "" or "/REST"; NULL: it is not below. */
static const char *below(const char *path, const char *base)
{
	size_t length = strcmp(base, "/") == 0 ? 0 : strlen(base);

	if (strncmp(path, base, length) != 0 || (path[length] && path[length] != '/'))
		return NULL;
	return strcmp(path + length, "/") == 0 ? "" : path + length;
}

static bool is_on_device(const char *path, const char *device)
{
	struct stat st;
	char text[32];

	if (lstat(path, &st) < 0)
		return false;
	snprintf(text, sizeof(text), "%u:%u", major(st.st_dev), minor(st.st_dev));
	return strcmp(text, device) == 0;
}

/* Where the host has what is mounted, malloc'ed; NULL: nowhere. */
static char *find_on_host(const struct mount_table *host, const struct mountinfo *mount, bool is_any_device)
{
	vector_for_each (candidate, &host->mounts) {
		char *path;
		const char *rest = strcmp(candidate->device, mount->device) == 0 ? below(mount->root, candidate->root) : NULL;
		if (!rest || asprintf(&path, "%s%s", strcmp(candidate->target, "/") == 0 ? "" : candidate->target, rest) < 0)
			continue;
		/* btrfs: stat gives the number of the subvolume rather than that of the mount */
		if (is_on_device(path, mount->device) || (is_any_device && access(path, F_OK) == 0))
			return path;
		free(path);
	}
	return NULL;
}

static int add_mount(struct image *image, const struct mountinfo *mount, enum image_source source, unsigned number,
	const char *controllers, const char *path)
{
	struct image_mount *item = vector_add(&image->mounts);

	if (!item)
		return -ENOMEM;
	item->source = source;
	item->number = number;
	item->target = strdup(mount->target);
	item->controllers = strdup(controllers);
	item->path = strdup(path);
	if (!item->target || !item->controllers || !item->path)
		return -ENOMEM;
	return text_format(&item->key, "m%zu", image->mounts.count);
}

/* A device of the container's own devpts: console and ttys by their places, as the number may be another next time. */
static int add_terminal_mount(struct image *image, const struct mountinfo *mount)
{
	const char *name = strrchr(mount->target, '/') + 1;
	uint32_t number;

	if (strcmp(name, "console") == 0)
		return add_mount(image, mount, IMAGE_CONSOLE, 0, "", "");
	if (text_starts(name, "tty") && text_to_u32(name + 3, &number) == 0)
		return add_mount(image, mount, IMAGE_TTY, number, "", "");
	return add_mount(image, mount, IMAGE_PTS, 0, "", strcmp(mount->root, "/") == 0 ? "" : mount->root);
}

static int add_terminal(struct image *image, const char *device, const char *index, unsigned number)
{
	struct image_terminal *item = vector_add(&image->terminals);
	unsigned dev_major, dev_minor;
	uint32_t slave;

	if (!item)
		return -ENOMEM;
	if (sscanf(device, "%u:%u", &dev_major, &dev_minor) != 2 || text_to_u32(index, &slave) < 0)
		return -EINVAL;
	item->number = number;
	return text_format(&item->key, "tty[%llx:%llx]", (unsigned long long)makedev(136 + slave / 256, slave % 256),
		(unsigned long long)makedev(dev_major, dev_minor));
}

/* Of a cgroup mount: below which of the container's groups it is. */
static int add_cgroup_mount(struct image *image, const struct mountinfo *mount, const struct running *running,
	const char *host_path)
{
	vector_for_each (group, &running->cgroups.groups) {
		auto_free char *own = NULL;
		if (text_format(&own, "%s%s", group->mount, group->inner_path) < 0)
			return -ENOMEM;
		const char *rest = below(host_path, own);
		if (rest)
			return add_mount(image, mount, IMAGE_CGROUP, 0, group->is_v2 ? "" : group->controllers, rest);
	}
	return add_mount(image, mount, IMAGE_HOST, 0, "", host_path);
}

static const struct mountinfo *find_target(const struct mount_table *table, const char *target)
{
	const struct mountinfo *found = NULL;

	vector_for_each (mount, &table->mounts)
		if (strcmp(mount->target, target) == 0)
			found = mount; /* the last one covers the others */
	return found;
}

static int collect_mount(struct image *image, const struct mount_table *inside, const struct mount_table *host,
	const struct mountinfo *mount, const struct running *running)
{
	const struct mountinfo *root = find_target(inside, "/"), *pts = find_target(inside, "/dev/pts");

	if (mount == root)
		return 0;
	if (pts && strcmp(mount->type, "devpts") == 0 && strcmp(mount->device, pts->device) == 0)
		return add_terminal_mount(image, mount);
	/* out of the root itself: criu finds it there */
	if (root && strcmp(mount->device, root->device) == 0 && below(mount->root, root->root))
		return 0;
	auto_free char *path = find_on_host(host, mount, strcmp(mount->type, "btrfs") == 0);
	if (!path)
		return 0; /* the container's own file system */
	return text_starts(mount->type, "cgroup") ? add_cgroup_mount(image, mount, running, path) :
						     add_mount(image, mount, IMAGE_HOST, 0, "", path);
}

static int collect_mounts(struct image *image, const struct running *running)
{
	struct mount_table inside = { 0 }, host = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", running->init_pid);
	int r = table_read(path, &inside);
	r = r ?: table_read("/proc/self/mountinfo", &host);
	const struct mountinfo *root = r == 0 ? find_target(&inside, "/") : NULL;
	const struct mountinfo *pts = r == 0 ? find_target(&inside, "/dev/pts") : NULL;
	image->root_is_shared = root && root->is_shared;
	image->root_is_slave = root && root->is_slave;
	for (size_t i = 0; r == 0 && i < inside.mounts.count; i++)
		r = collect_mount(image, &inside, &host, &inside.mounts.items[i], running);
	for (size_t i = 0; r == 0 && pts && i < inside.mounts.count; i++) {
		const struct mountinfo *mount = &inside.mounts.items[i];
		const char *name = strrchr(mount->target, '/') + 1;
		uint32_t number = 0;
		if (strcmp(mount->device, pts->device) != 0 || strcmp(mount->root, "/") == 0)
			continue;
		if (strcmp(name, "console") == 0 || (text_starts(name, "tty") && text_to_u32(name + 3, &number) == 0))
			r = add_terminal(image, mount->device, mount->root + 1, number);
	}
	table_clear(&inside);
	table_clear(&host);
	return r;
}

/* ---- standard descriptors ---- */

int image_file_mount(pid_t pid, const char *fd_number)
{
	char path[64];
	auto_free char *text = NULL;
	size_t length;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%.20s", pid, fd_number);
	if (file_read(AT_FDCWD, path, 1 << 20, &text, &length) < 0)
		return -1;
	const char *line = strstr(text, "mnt_id:");
	return line ? atoi(line + strlen("mnt_id:")) : -1;
}

char *image_file_key(pid_t pid, const char *fd_number)
{
	char path[64], *key;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%.20s", pid, fd_number);
	if (stat(path, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)))
		return NULL;
	int mount = image_file_mount(pid, fd_number);
	if (mount < 0)
		return NULL;
	return asprintf(&key, "file[%x:%llx]", (unsigned)mount, (unsigned long long)st.st_ino) < 0 ? NULL : key;
}

static bool is_terminal(const char *link)
{
	return text_starts(link, "/dev/pts/") || text_starts(link, "/dev/console");
}

/* What init's caller has given it: pipes, and files that are not in the container. */
static int collect_stdio(struct image *image, const struct running *running)
{
	for (unsigned fd = 0; fd < 3; fd++) {
		char path[64], number[4], link[256];
		snprintf(number, sizeof(number), "%u", fd);
		snprintf(path, sizeof(path), "/proc/%d/fd/%u", running->init_pid, fd);
		ssize_t n = readlink(path, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = '\0';
		bool is_pipe = text_starts(link, "pipe:");
		auto_free char *key = is_pipe ? strdup(link) : is_terminal(link) ? NULL : image_file_key(running->init_pid, number);
		if (!key)
			continue;
		struct image_stdio *item = vector_add(&image->stdio);
		if (!item)
			return -ENOMEM;
		*item = (struct image_stdio){ .fd = fd, .is_external = !is_pipe, .key = take_ptr(key) };
	}
	return 0;
}

/* ---- interfaces ---- */

static int find_network(struct image *image, const struct running *running)
{
	struct stat st;
	char path[64];

	if (!running->spec->namespaces.share[NAMESPACE_NET])
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", running->init_pid);
	if (stat(path, &st) < 0)
		return -errno;
	image->network = st.st_ino;
	return 0;
}

static int take_host_name(const char *kind, const char *argument, void *data)
{
	return strcmp(kind, RESOURCE_LINK) == 0 ? string_list_add(data, argument) : 0;
}

static int add_link(struct image *image, const struct link_use_list *uses, const char *host_name, unsigned place)
{
	vector_for_each (use, uses) {
		if (strcmp(use->host_name, host_name) != 0)
			continue;
		struct image_link *item = vector_add(&image->links);
		if (!item || !(item->inside_name = strdup(use->name)))
			return -ENOMEM;
		item->place = place;
		item->index = use->index;
		return 0;
	}
	return 0; /* the container has removed it */
}

static int collect_links(struct image *image, const struct running *running, const struct container_id *id,
	struct error *err)
{
	struct link_use_list uses = { 0 };
	struct string_list names = { 0 };
	auto_close int fd = openat(running->dir.fd, "journal", O_RDONLY | O_CLOEXEC);

	if (!(spec_new_namespaces(running->spec) & 1U << NAMESPACE_NET))
		return 0;
	int r = engine_network_use(id, true, &uses, err);
	if (r < 0)
		return r;
	r = fd < 0 ? -errno : journal_read_backwards(fd, take_host_name, &names);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = add_link(image, &uses, names.items[i], (unsigned)(names.count - 1 - i)); /* the last is given first */
	string_list_clear(&names);
	link_use_list_clear(&uses);
	return r < 0 ? error_set(err, r, "look at the interfaces of %s", id->name) : 0;
}

/* What has ended meanwhile is passed over. */
static int collect_profiles(struct image *image, const struct running *running)
{
	struct memory_pids pids = { 0 };
	int r = lsm_has_apparmor() ? running_processes(running, &pids) : 0;

	for (size_t i = 0; r >= 0 && i < pids.count; i++) {
		auto_free char *label = NULL;
		if (security_read_label(pids.items[i], &label) == 0 && label && !string_list_has(&image->profiles, label))
			r = string_list_add(&image->profiles, label);
	}
	free(pids.items);
	return r < 0 ? r : 0;
}

int image_collect(struct image *image, const struct running *running, const struct container_id *id, struct error *err)
{
	int r = collect_mounts(image, running);

	if (r == 0 && !container_has_supervisor(id))
		r = collect_stdio(image, running) ?: find_network(image, running);
	if (r < 0)
		return error_set(err, r, "look at the mounts of %s", id->name);
	r = collect_profiles(image, running);
	if (r < 0)
		return error_set(err, r, "look at the AppArmor profiles of %s", id->name);
	image->is_frozen = cgroup_is_frozen(&running->cgroups) > 0;
	return collect_links(image, running, id, err);
}
