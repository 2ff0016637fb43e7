/* lxc-info --security: namespaces, ids and what the program may do. */
#include "tools/lxc/security_view.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel/capability.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { LINK_SIZE = 64 };

/* "pid:[4026531836]"; false: not readable or not in this kernel. */
static bool read_namespace(const char *pid, enum namespace_kind kind, char ret[LINK_SIZE])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, namespace_name(kind));
	ssize_t length = readlink(path, ret, LINK_SIZE - 1);
	ret[length < 0 ? 0 : length] = '\0';
	return length > 0;
}

void view_namespaces(struct security_view *view)
{
	static const char *const shared[NAMESPACE_KINDS] = {
		[NAMESPACE_USER] = "its root is the host's root", [NAMESPACE_MOUNT] = "its mounts are the host's",
		[NAMESPACE_PID] = "it sees and signals the host's processes", [NAMESPACE_UTS] = "it can name the host",
		[NAMESPACE_IPC] = "it reaches the host's shared memory and queues",
		[NAMESPACE_NET] = "it has the host's network", [NAMESPACE_CGROUP] = "it sees the paths of the host's groups",
		[NAMESPACE_TIME] = "the host's clocks; to set them takes CAP_SYS_TIME of the host" };
	char pid[16], own[LINK_SIZE], host[LINK_SIZE], caller[LINK_SIZE];

	snprintf(pid, sizeof(pid), "%d", (int)view->program);
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++) {
		const char *name = namespace_name(kind);
		bool has_caller = read_namespace("self", kind, caller);
		if (!read_namespace(pid, kind, own)) {
			view_add(view, "namespace", name, has_caller ? VERDICT_UNKNOWN : VERDICT_SHARED,
				has_caller ? "can not be read" : "this kernel has none");
			continue;
		}
		/* pid 1 is not every caller's to look at */
		bool is_shared = strcmp(own, caller) == 0 || (read_namespace("1", kind, host) && strcmp(own, host) == 0);
		if (!is_shared)
			view->own_namespaces |= 1U << kind;
		view_add(view, "namespace", name, is_shared ? VERDICT_SHARED : VERDICT_ISOLATED, "%s%s%s", own,
			is_shared ? ": " : "", is_shared ? shared[kind] : "");
	}
}

/* ---- ids ---- */

static bool find_owner(pid_t pid, unsigned *ret_uid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && ioctl(fd, NS_GET_OWNER_UID, ret_uid) == 0;
}

static void read_ids(struct security_view *view, const char *file, const char *name)
{
	auto_free char *map = view_read(view->program, file);
	unsigned long inside, outside, count;
	bool has_host_zero = false, is_empty = true;
	char text[256] = "", owner[48] = "";
	unsigned owner_uid;

	for (char *line = map; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		if (sscanf(line, "%lu %lu %lu", &inside, &outside, &count) != 3)
			continue;
		has_host_zero |= outside == 0;
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%lu-%lu are the host's %lu-%lu",
			is_empty ? "" : ", ", inside, inside + count - 1, outside, outside + count - 1);
		is_empty = false;
	}
	if (!map || is_empty)
		return view_add(view, "ids", name, VERDICT_UNKNOWN, map ? "no map" : "can not be read");
	if (view_has_own(view, NAMESPACE_USER) && find_owner(view->program, &owner_uid))
		snprintf(owner, sizeof(owner), "; the namespace is of uid %u", owner_uid);
	bool is_shared = has_host_zero || !view_has_own(view, NAMESPACE_USER);
	view_add(view, "ids", name, is_shared ? VERDICT_SHARED : VERDICT_ISOLATED, "%s%s", text, owner);
}

/* ---- rights ---- */

static uint64_t read_mask(const char *status, const char *key)
{
	char value[32];

	view_status(status, key, value, sizeof(value));
	return strtoull(value, NULL, 16);
}

static void add_capabilities(struct security_view *view, const char *name, uint64_t mask)
{
	auto_free char *names = view_capabilities(mask);
	bool is_all = names && strcmp(names, "all") == 0, has_users = view_has_own(view, NAMESPACE_USER);

	view_add(view, "capabilities", name,
		has_users || !mask ? VERDICT_ISOLATED : is_all ? VERDICT_UNLIMITED : VERDICT_LIMITED, "%s%s", names ?: "?",
		has_users && mask ? ", in its own user namespace" : "");
}

static void add_filters(struct security_view *view, const char *status)
{
	char value[16], filters[16];

	view_status(status, "NoNewPrivs", value, sizeof(value));
	view_add(view, "process", "no_new_privs", *value == '1' ? VERDICT_LIMITED : VERDICT_UNLIMITED, "%s",
		*value == '1' ? "set-uid programs give nothing" : "not set: set-uid programs work");
	view_status(status, "Seccomp", value, sizeof(value));
	view_status(status, "Seccomp_filters", filters, sizeof(filters));
	if (*value == '0' || !*value)
		view_add(view, "process", "seccomp", VERDICT_UNLIMITED, "%s", *value ? "no filter" : "this kernel has none");
	else
		view_add(view, "process", "seccomp", VERDICT_LIMITED, "mode %s, filters: %s", value, *filters ? filters : "?");
}

/* ---- security modules ---- */

static void add_label(struct security_view *view, const char *module)
{
	char file[64];

	snprintf(file, sizeof(file), "attr/%s/current", module);
	auto_free char *label = view_read(view->program, file);
	if (!label)
		label = view_read(view->program, "attr/current"); /* selinux has no folder of its own */
	if (!label || !*label)
		return view_add(view, "security module", module, VERDICT_UNKNOWN, "no label can be read");
	label[strcspn(label, "\n")] = '\0';
	bool is_free = text_starts(label, "unconfined") || strstr(label, "(complain)") || strstr(label, ":unconfined_t:");
	view_add(view, "security module", module, is_free ? VERDICT_UNLIMITED : VERDICT_LIMITED, "%s", label);
}

static void read_modules(struct security_view *view)
{
	static const char *const labelling[] = { "apparmor", "selinux", "smack" };
	auto_free char *list = NULL;
	size_t length;
	bool has_any = false;

	bool is_known = file_read(AT_FDCWD, "/sys/kernel/security/lsm", 4096, &list, &length) == 0;
	for (size_t i = 0; i < sizeof(labelling) / sizeof(*labelling); i++) {
		bool has = is_known && text_list_has(list, labelling[i], strlen(labelling[i]));
		if (!is_known && i == 0) { /* securityfs need not be mounted */
			auto_free char *enabled = NULL;
			has = file_read(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16, &enabled, &length) == 0 &&
			      *enabled == 'Y';
		} else if (!is_known && i == 1) {
			has = access("/sys/fs/selinux/enforce", F_OK) == 0;
		}
		if (has)
			add_label(view, labelling[i]);
		has_any |= has;
	}
	if (!has_any)
		view_add(view, "security module", "label", VERDICT_UNLIMITED, "the kernel has none that labels processes");
	if (is_known && !text_list_has(list, "landlock", strlen("landlock")))
		view_add(view, "security module", "landlock", VERDICT_UNLIMITED, "the kernel has none");
	else
		view_add(view, "security module", "landlock", VERDICT_UNKNOWN, "the kernel tells nobody a process' rules");
}

/* ---- keys and terminal ---- */

static void read_keyrings(struct security_view *view, const char *status)
{
	char uids[64];
	unsigned uid = 0;

	view_status(status, "Uid", uids, sizeof(uids));
	(void)sscanf(uids, "%u", &uid); /* as the host has it */
	bool is_own = view_has_own(view, NAMESPACE_USER);
	view_add(view, "keyring", "session", VERDICT_UNKNOWN, "the kernel tells nobody whose it is (lxc.keyring.session)");
	view_add(view, "keyring", "user", is_own ? VERDICT_ISOLATED : VERDICT_SHARED, is_own ?
		"that of its user namespace" : "that of uid %u of the host", uid);
}

static void read_terminal(struct security_view *view)
{
	auto_free char *text = view_read(view->program, "stat");
	const char *end = text ? strrchr(text, ')') : NULL; /* the name before it may hold anything */
	int number = 0;
	char path[64];
	struct stat info, host;

	if (!end || sscanf(end, ") %*c %*d %*d %*d %d", &number) != 1)
		return view_add(view, "process", "terminal", VERDICT_UNKNOWN, "can not be read");
	if (number == 0)
		return view_add(view, "process", "terminal", VERDICT_ISOLATED, "none controls it");
	/* stat's device number: man 5 proc_pid_stat */
	dev_t device = makedev((unsigned)number >> 8 & 0xfff, ((unsigned)number & 0xff) | ((unsigned)number >> 12 & 0xfff00));
	for (int fd = 0; fd < 16; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)view->program, fd);
		if (stat(path, &info) < 0 || !S_ISCHR(info.st_mode) || info.st_rdev != device)
			continue;
		bool is_host = (stat("/dev/pts", &host) == 0 && host.st_dev == info.st_dev) ||
			       (stat("/dev", &host) == 0 && host.st_dev == info.st_dev);
		return view_add(view, "process", "terminal", is_host ? VERDICT_SHARED : VERDICT_ISOLATED, "%u:%u of %s",
			major(device), minor(device), is_host ? "the host" : "its own devpts");
	}
	view_add(view, "process", "terminal", VERDICT_UNKNOWN, "%u:%u, which it has not open", major(device), minor(device));
}

void view_process(struct security_view *view)
{
	auto_free char *status = view_read(view->program, "status");

	read_ids(view, "uid_map", "users");
	read_ids(view, "gid_map", "groups");
	if (!status)
		return view_add(view, "process", "status", VERDICT_UNKNOWN, "can not be read");
	add_capabilities(view, "bounding", read_mask(status, "CapBnd"));
	add_capabilities(view, "permitted", read_mask(status, "CapPrm"));
	add_capabilities(view, "ambient", read_mask(status, "CapAmb"));
	add_filters(view, status);
	read_modules(view);
	read_keyrings(view, status);
	read_terminal(view);
}

/* ---- the container's other processes ---- */

struct rights {
	uint64_t bounding, permitted;
	bool no_new_privs, has_filter;
	char label[128], namespaces[NAMESPACE_KINDS][LINK_SIZE];
};

static bool read_rights(pid_t pid, struct rights *ret)
{
	auto_free char *status = view_read(pid, "status"), *label = view_read(pid, "attr/current");
	char value[16], number[16];

	if (!status)
		return false;
	*ret = (struct rights){ .bounding = read_mask(status, "CapBnd"), .permitted = read_mask(status, "CapPrm") };
	view_status(status, "NoNewPrivs", value, sizeof(value));
	ret->no_new_privs = *value == '1';
	view_status(status, "Seccomp", value, sizeof(value));
	ret->has_filter = *value != '0' && *value;
	snprintf(ret->label, sizeof(ret->label), "%.*s", label ? (int)strcspn(label, "\n") : 0, label ?: "");
	snprintf(number, sizeof(number), "%d", (int)pid);
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		(void)read_namespace(number, kind, ret->namespaces[kind]); /* "" is equal to nothing but itself */
	return true;
}

/*
 * The container's top group: "N:controllers:PATH" of the first hierarchy in which it has another than its supervisor, up
 * to lxc.payload.NAME if that is in it. "": it has none of its own.
 */
static void find_top_group(const struct security_view *view, char *ret, size_t size)
{
	auto_free char *own = view_read(view->program, "cgroup");
	auto_free char *others = view_read(view->supervisor > 0 ? view->supervisor : getpid(), "cgroup");

	*ret = '\0';
	for (const char *line = own; others && line && *line; line = strchr(line, '\n'), line += line != NULL) {
		size_t length = strcspn(line, "\n");
		snprintf(ret, size, "%.*s\n", (int)length, line);
		const char *same = strstr(others, ret);
		ret[length < size ? length : size - 1] = '\0';
		if (same && (same == others || same[-1] == '\n')) {
			*ret = '\0';
			continue;
		}
		char *payload = strstr(ret, "/lxc.payload.");
		if (payload)
			payload[1 + strcspn(payload + 1, "/")] = '\0';
		return;
	}
}

/* Is a process with these groups in group or below it? */
static bool is_below(const char *cgroups, const char *group)
{
	const char *line = cgroups && *group ? strstr(cgroups, group) : NULL;

	return line && (line == cgroups || line[-1] == '\n') && strchr("/\n", line[strlen(group)]);
}

/* What of it is more than init's, as words; "" when nothing is. host: the namespaces of the caller. */
static void compare_rights(const struct rights *own, const struct rights *init, const struct rights *host, char *text, size_t size)
{
	*text = '\0';
	/* in a user namespace below the container's a process has all of them, and they mean nothing above it */
	bool is_comparable = strcmp(own->namespaces[NAMESPACE_USER], init->namespaces[NAMESPACE_USER]) == 0 ||
			     strcmp(own->namespaces[NAMESPACE_USER], host->namespaces[NAMESPACE_USER]) == 0;
	if (is_comparable && ((own->bounding & ~init->bounding) || (own->permitted & ~init->bounding)))
		snprintf(text, size, " capabilities");
	if (init->no_new_privs && !own->no_new_privs)
		snprintf(text + strlen(text), size - strlen(text), " no_new_privs");
	if (init->has_filter && !own->has_filter)
		snprintf(text + strlen(text), size - strlen(text), " seccomp");
	if (strcmp(own->label, init->label) != 0 && text_starts(own->label, "unconfined"))
		snprintf(text + strlen(text), size - strlen(text), " label");
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		if (strcmp(own->namespaces[kind], init->namespaces[kind]) != 0 &&
		    strcmp(own->namespaces[kind], host->namespaces[kind]) == 0)
			snprintf(text + strlen(text), size - strlen(text), " %s", namespace_name(kind));
}

void view_others(struct security_view *view)
{
	struct rights init, host, own;
	auto_closedir DIR *proc = opendir("/proc");
	char group[4096];
	int processes = 0, stronger = 0;
	char first[192] = "";

	if (!proc || !read_rights(view->program, &init) || !read_rights(getpid(), &host))
		return view_add(view, "process", "others", VERDICT_UNKNOWN, "can not be read");
	find_top_group(view, group, sizeof(group));
	for (struct dirent *entry; (entry = readdir(proc));) {
		char more[128], pid_namespace[LINK_SIZE];
		int pid = atoi(entry->d_name);
		if (pid <= 0 || pid == view->supervisor)
			continue;
		bool is_inside = view_has_own(view, NAMESPACE_PID) && read_namespace(entry->d_name, NAMESPACE_PID, pid_namespace) &&
				 strcmp(pid_namespace, init.namespaces[NAMESPACE_PID]) == 0;
		auto_free char *cgroups = is_inside ? NULL : view_read(pid, "cgroup");
		if ((!is_inside && !is_below(cgroups, group)) || !read_rights(pid, &own))
			continue;
		processes++;
		/* the tiny init: it holds nothing but CAP_KILL, and its bounding set is of no use to it */
		if (pid == view->init && view->init != view->program)
			continue;
		compare_rights(&own, &init, &host, more, sizeof(more));
		if (!*more || stronger++)
			continue;
		auto_free char *name = view_read(pid, "comm");
		snprintf(first, sizeof(first), "; pid %d (%.*s) is outside of:%s", pid, name ? (int)strcspn(name, "\n") : 0,
			name ?: "", more);
	}
	view_add(view, "process", "others", stronger ? VERDICT_SHARED : VERDICT_ISOLATED,
		"%d processes, %d with more rights than the first%s", processes, stronger, first);
}
