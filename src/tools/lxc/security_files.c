/* lxc-info --security: the root file system, the kernel's files, and what the program has open. */
#include "tools/lxc/security_view.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/mountinfo.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Calls each for every mount of the program, in the kernel's order, as long as it gives true. */
static void for_each_mount(const struct security_view *view, bool (*each)(const struct mountinfo *mount, void *data), void *data)
{
	auto_free char *text = strdup(view->mountinfo);
	char *rest = text;
	struct mountinfo mount;
	int r;

	while (rest && (r = mountinfo_next(&rest, &mount)) != 0)
		if (r > 0 && !each(&mount, data))
			return;
}

static bool has_option(const char *options, const char *option)
{
	return text_list_has(options, option, strlen(option));
}

static bool is_read_only(const struct mountinfo *mount)
{
	return has_option(mount->options, "ro") || has_option(mount->super_options, "ro");
}

/* ---- which mount a path is on ---- */

struct search {
	const char *path;
	bool is_found, is_read_only;
	size_t length;
	char text[512]; /* "ext4 /dev/vda1 rw,relatime" */
	char type[32];
};

/* The longest target that the path lies below; of two at one target the later covers the earlier. */
static bool look(const struct mountinfo *mount, void *data)
{
	struct search *search = data;
	size_t length = strlen(mount->target);
	bool is_root = strcmp(mount->target, "/") == 0;

	if (length < search->length && search->is_found)
		return true;
	if (!is_root && (strncmp(search->path, mount->target, length) != 0 ||
				(search->path[length] != '/' && search->path[length] != '\0')))
		return true;
	search->is_found = true;
	search->is_read_only = is_read_only(mount);
	search->length = length;
	snprintf(search->type, sizeof(search->type), "%s", mount->type);
	snprintf(search->text, sizeof(search->text), "%s %s %s", mount->type, mount->source, mount->options);
	return true;
}

static void find_mount(const struct security_view *view, const char *path, struct search *ret)
{
	*ret = (struct search){ .path = path };
	for_each_mount(view, look, ret);
}

/* Is there a PATH of the program's view? */
static bool exists(const struct security_view *view, const char *path)
{
	char whole[128];
	struct stat info;

	snprintf(whole, sizeof(whole), "/proc/%d/root%s", (int)view->program, path);
	return stat(whole, &info) == 0;
}

static void read_root(struct security_view *view)
{
	struct search root, dev;
	struct stat own, host;
	char path[64];

	find_mount(view, "/", &root);
	if (!root.is_found)
		view_add(view, "files", "root", VERDICT_UNKNOWN, "its mounts can not be read");
	else
		view_add(view, "files", "root", view->has_host_root ? VERDICT_SHARED : VERDICT_ISOLATED, "%s%s",
			view->has_host_root ? "the host's: " : "", root.text);
	find_mount(view, "/dev", &dev);
	snprintf(path, sizeof(path), "/proc/%d/root/dev", (int)view->program);
	bool is_host = stat(path, &own) == 0 && stat("/dev", &host) == 0 && own.st_dev == host.st_dev;
	if (dev.is_found)
		view_add(view, "files", "/dev", is_host ? VERDICT_SHARED : VERDICT_ISOLATED, "%s%s", is_host ? "the host's: " : "",
			dev.text);
}

/* ---- the kernel's files ---- */

static void read_kernel_paths(struct security_view *view)
{
	static const char *const paths[] = { "/proc/sysrq-trigger", "/proc/sys/kernel", "/proc/sys/vm", "/proc/sys/net",
		"/proc/bus", "/proc/fs", "/proc/irq", "/sys" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct search search;
		find_mount(view, paths[i], &search);
		bool is_kernel = strcmp(search.type, "proc") == 0 || strcmp(search.type, "sysfs") == 0;
		if (!exists(view, paths[i]) || !search.is_found) {
			view_add(view, "kernel files", paths[i], VERDICT_ISOLATED, "not there");
			continue;
		}
		bool has_users = view_has_own(view, NAMESPACE_USER);
		bool is_net = strcmp(paths[i], "/proc/sys/net") == 0 && view_has_own(view, NAMESPACE_NET);
		bool is_safe = search.is_read_only || !is_kernel;
		view_add(view, "kernel files", paths[i],
			is_safe ? VERDICT_LIMITED : is_net || has_users ? VERDICT_ISOLATED : VERDICT_UNLIMITED, "%s%s",
			search.is_read_only ? "read-only" : is_kernel ? "writable" : "not of the kernel",
			is_safe ? "" : is_net ? ": of its network namespace" : has_users ? ", but for what is the host's root's" : "");
	}
}

/* Hierarchies of control groups that the program sees. */
struct hierarchies {
	int count, writable, whole;
};

/* The kernel shows the mount's root as this caller's namespace has it: the container's own group, or more. */
static bool look_for_groups(const struct mountinfo *mount, void *data)
{
	struct hierarchies *hierarchies = data;

	if (strcmp(mount->type, "cgroup") != 0 && strcmp(mount->type, "cgroup2") != 0)
		return true;
	hierarchies->count++;
	hierarchies->writable += !is_read_only(mount);
	hierarchies->whole += !is_read_only(mount) && !strstr(mount->root, "/lxc.payload");
	return true;
}

static void read_groups(struct security_view *view)
{
	struct hierarchies found = { 0 };

	for_each_mount(view, look_for_groups, &found);
	bool is_reached = found.whole && !view_has_own(view, NAMESPACE_USER);
	view_add(view, "kernel files", "control groups", is_reached ? VERDICT_UNLIMITED : VERDICT_ISOLATED,
		"%d hierarchies, %d writable, %d of them with more than its own groups", found.count, found.writable, found.whole);
}

struct names {
	char text[512];
	size_t count;
};

static void add_name(struct names *names, const struct mountinfo *mount)
{
	size_t used = strlen(names->text), length = strlen(mount->target);

	for (const char *at = names->text; (at = strstr(at, mount->target)); at += length)
		if ((at == names->text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return; /* one over the other */
	snprintf(names->text + used, sizeof(names->text) - used, "%s%s", names->count++ ? " " : "", mount->target);
}

static bool look_for_mask(const struct mountinfo *mount, void *data)
{
	bool is_below = text_starts(mount->target, "/proc/") ||
			(text_starts(mount->target, "/sys/") && !text_starts(mount->target, "/sys/fs/"));
	bool is_empty = (strcmp(mount->type, "tmpfs") == 0 && is_read_only(mount)) || text_ends(mount->root, "/null");

	if (is_below && is_empty)
		add_name(data, mount);
	return true;
}

/* File systems that show or set what is the kernel's, writable. */
static bool look_for_others(const struct mountinfo *mount, void *data)
{
	static const char *const types[] = { "debugfs", "tracefs", "securityfs", "configfs", "efivarfs", "pstore", "bpf",
		"binfmt_misc", "fusectl" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(mount->type, types[i]) == 0 && !is_read_only(mount))
			add_name(data, mount);
	return true;
}

/* A second procfs or sysfs, which nothing covers. */
static bool look_for_second(const struct mountinfo *mount, void *data)
{
	bool is_second = (strcmp(mount->type, "proc") == 0 && !text_starts(mount->target, "/proc")) ||
			 (strcmp(mount->type, "sysfs") == 0 && !text_starts(mount->target, "/sys"));

	if (is_second && !is_read_only(mount))
		add_name(data, mount);
	return true;
}

void view_files(struct security_view *view)
{
	struct names masks = { 0 }, others = { 0 }, second = { 0 };
	bool has_users = view_has_own(view, NAMESPACE_USER);

	read_root(view);
	read_kernel_paths(view);
	read_groups(view);
	for_each_mount(view, look_for_mask, &masks);
	view_add(view, "kernel files", "masked", masks.count ? VERDICT_LIMITED : has_users ? VERDICT_ISOLATED : VERDICT_UNLIMITED,
		"%s", masks.count ? masks.text : "none");
	for_each_mount(view, look_for_others, &others);
	view_add(view, "kernel files", "other file systems",
		!others.count ? VERDICT_ISOLATED : has_users ? VERDICT_LIMITED : VERDICT_SHARED, "%s",
		others.count ? others.text : "none is writable");
	for_each_mount(view, look_for_second, &second);
	if (second.count)
		view_add(view, "kernel files", "uncovered", has_users ? VERDICT_ISOLATED : VERDICT_UNLIMITED, "%s", second.text);
}

/* ---- open files ---- */

static bool look_for_id(const struct mountinfo *mount, void *data)
{
	int *id = data;

	if (mount->id == *id)
		*id = -1; /* found */
	return *id >= 0;
}

/* Is fd (a name in /proc/PID/fd) a file of a mount that the program does not see? Of the kernel's own: no. */
static bool leads_outside(const struct security_view *view, const char *fd, const char *target)
{
	char name[64], path[96];
	struct stat info;
	int id = -1;

	if (*target != '/' || text_starts(target, "/memfd:"))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)view->program, fd);
	if (stat(path, &info) == 0 && S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3))
		return false; /* null leads nowhere */
	snprintf(name, sizeof(name), "fdinfo/%s", fd);
	auto_free char *text = view_read(view->program, name);
	const char *line = text ? strstr(text, "mnt_id:") : NULL;
	if (!line || sscanf(line, "mnt_id: %d", &id) != 1)
		return false;
	for_each_mount(view, look_for_id, &id);
	return id >= 0;
}

void view_descriptors(struct security_view *view)
{
	char path[64], target[512], list[1024] = "";
	int count = 0, outside = 0, passed = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)view->program);
	auto_closedir DIR *dir = opendir(path);
	if (!dir)
		return view_add(view, "files", "open", VERDICT_UNKNOWN, "can not be read");
	for (struct dirent *entry; (entry = readdir(dir));) {
		ssize_t length = *entry->d_name == '.' ? -1 : readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';
		count++;
		if (atoi(entry->d_name) < 3 && (text_starts(target, "pipe:") || text_starts(target, "socket:")))
			passed++;
		if (!leads_outside(view, entry->d_name, target))
			continue;
		outside++;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), " %s=%s", entry->d_name, target);
	}
	/* a pipe or socket as standard input or output came with it: whoever holds the other end is not to be seen */
	view_add(view, "files", "open", outside || passed ? VERDICT_SHARED : VERDICT_ISOLATED,
		"%d open, %d of mounts that it does not see%s%s", count, outside, list,
		passed ? "; standard input or output is a pipe or socket" : "");
}
