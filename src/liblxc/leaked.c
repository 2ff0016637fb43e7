/*
 * Names that LXC's library exports by accident: no header declares them, and no program outside LXC is known to use
 * them. They are here so that a package's or a program's list of symbols finds what it found (dpkg-shlibdeps, abidiff).
 */
#include "base/file.h"
#include "liblxc/internal.h"
#include "liblxc/paths.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- data ---- */

/* Nothing is logged by these: their level is LXC's "not set". */
struct category {
	const char *name;
	int level;
	void *appender;
	const struct category *parent;
};

#define CATEGORY(word) \
	extern struct category lxc_log_category_##word; \
	struct category lxc_log_category_##word = { #word, 9, NULL, NULL }

CATEGORY(af_unix);
CATEGORY(apparmor);
CATEGORY(attach);
CATEGORY(btrfs);
CATEGORY(caps);
CATEGORY(cgfsng);
CATEGORY(cgroup);
CATEGORY(cgroup2_devices);
CATEGORY(cgroup_utils);
CATEGORY(commands);
CATEGORY(commands_utils);
CATEGORY(conf);
CATEGORY(confile);
CATEGORY(confile_utils);
CATEGORY(criu);
CATEGORY(dir);
CATEGORY(error);
CATEGORY(execute);
CATEGORY(freezer);
CATEGORY(idmap_utils);
CATEGORY(log);
CATEGORY(loop);
CATEGORY(lsm);
CATEGORY(lvm);
CATEGORY(lxc);
CATEGORY(lxccontainer);
CATEGORY(lxclock);
CATEGORY(mainloop);
CATEGORY(monitor);
CATEGORY(mount_utils);
CATEGORY(namespace);
CATEGORY(nbd);
CATEGORY(network);
CATEGORY(nl);
CATEGORY(overlay);
CATEGORY(parse);
CATEGORY(process_utils);
CATEGORY(rbd);
CATEGORY(rexec);
CATEGORY(ringbuf);
CATEGORY(rsync);
CATEGORY(seccomp);
CATEGORY(selinux);
CATEGORY(start);
CATEGORY(state);
CATEGORY(storage);
CATEGORY(storage_utils);
CATEGORY(sync);
CATEGORY(terminal);
CATEGORY(utils);
CATEGORY(zfs);

extern struct lxc_conf *current_config;
struct lxc_conf *current_config;
extern int lxc_log_fd;
int lxc_log_fd = -EBADF;
extern bool lxc_log_use_global_fd;
bool lxc_log_use_global_fd;
extern const void *lxc_network_info[32];
const void *lxc_network_info[32];

/* ---- definitions of a command line ---- */

struct list {
	void *element;
	struct list *next, *previous;
};

struct definition {
	char *key, *value;
};

bool lxc_config_define_add(struct list *defines, char *argument);
bool lxc_config_define_load(struct list *defines, struct lxc_container *c);
void lxc_config_define_free(struct list *defines);

bool lxc_config_define_add(struct list *defines, char *argument)
{
	char *equal = argument ? strchr(argument, '=') : NULL;
	auto_free struct list *entry = calloc(1, sizeof(*entry));
	auto_free struct definition *definition = calloc(1, sizeof(*definition));
	if (!equal || !entry || !definition)
		return false;
	definition->key = strndup(argument, (size_t)(equal - argument));
	definition->value = strdup(equal + 1);
	if (!definition->key || !definition->value) {
		free(definition->key);
		free(definition->value);
		return false;
	}
	entry->element = take_ptr(definition);
	entry->next = defines;
	entry->previous = defines->previous;
	defines->previous->next = entry;
	defines->previous = entry;
	(void)take_ptr(entry);
	return true;
}

bool lxc_config_define_load(struct list *defines, struct lxc_container *c)
{
	bool is_good = true;
	for (struct list *entry = defines->next; is_good && entry != defines; entry = entry->next) {
		const struct definition *definition = entry->element;
		is_good = c->set_config_item(c, definition->key, definition->value);
	}
	lxc_config_define_free(defines);
	return is_good;
}

void lxc_config_define_free(struct list *defines)
{
	while (defines->next != defines) {
		struct list *entry = defines->next;
		struct definition *definition = entry->element;
		defines->next = entry->next;
		entry->next->previous = defines;
		free(definition->key);
		free(definition->value);
		free(definition);
		free(entry);
	}
}

/* ---- others ---- */

int lxc_config_parse_arch(const char *name, signed long *ret_personality);
bool lxc_is_valid_storage_type(const char *type);
void mod_all_rdeps(struct lxc_container *c, bool adds);
int write_id_mapping(int is_gid, pid_t pid, const char *text, size_t size);
int __safe_mount_beneath_at(int dir_fd, const char *source, const char *target, const char *type, unsigned int flags,
	const void *data);

int lxc_config_parse_arch(const char *name, signed long *ret_personality)
{
	struct error err = { 0 };
	struct lxc_config *config = lxc_config_new("arch", "/");
	int r = config ? lxc_config_set(config, "lxc.arch", name, "", &err) : -ENOMEM;
	if (r >= 0)
		*ret_personality = (signed long)lxc_config_spec(config)->process.personality;
	lxc_config_free(config);
	return r < 0 ? -EINVAL : 0;
}

bool lxc_is_valid_storage_type(const char *type)
{
	static const char *const types[] = { "dir", "btrfs", "loop", "lvm", "nbd", "overlay", "overlayfs", "rbd", "zfs" };
	for (size_t i = 0; type && i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

void mod_all_rdeps(struct lxc_container *c, bool adds)
{
	if (adds)
		container_add_name(c, c->name);
	else
		container_forget_origin(c);
}

int write_id_mapping(int is_gid, pid_t pid, const char *text, size_t size)
{
	char path[40];
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, is_gid ? "gid_map" : "uid_map");
	return file_write(-1, path, O_WRONLY, 0, text, size);
}

/* The target is looked up below dir_fd, without links. */
int __safe_mount_beneath_at(int dir_fd, const char *source, const char *target, const char *type, unsigned int flags,
	const void *data)
{
	char path[40];
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
	auto_close int fd = (int)syscall(SYS_openat2, dir_fd, target, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return mount(source, path, type, flags, data) < 0 ? -errno : 0;
}
