/* Keys of the rootfs, its mounts, the console's sizes, and namespaces. */
#include "base/cleanup.h"
#include "base/paths.h"
#include "base/namespace_kind.h"
#include "base/text.h"
#include "dialect/lxc/keys.h"
#include "spec/mount_options.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- lxc.rootfs.path ---- */

/* The kind of storage that text names up to length; NULL: none. */
static const char *find_store(const char *text, size_t length)
{
	static const char *const stores[] = { "dir", "zfs", "lvm", "rbd", "btrfs", "overlay", "overlayfs", "loop", "nbd",
		NULL };
	for (int i = 0; stores[i]; i++)
		if (strlen(stores[i]) == length && strncmp(stores[i], text, length) == 0)
			return stores[i];
	return NULL;
}

int rootfs_path_set(struct key_call *call)
{
	struct spec_rootfs *rootfs = &call->spec->rootfs;
	size_t length = strcspn(call->value, ":/");
	const char *store = call->value[length] == ':' ? find_store(call->value, length) : NULL;
	const char *path = store ? call->value + length + 1 : call->value;
	rootfs->origin = call->origin;
	if (strlen(path) >= PATH_MAX)
		return key_fault(call, "the path is too long", NULL);
	/* lxc.rootfs.backend of 2.0 may stand before the path */
	if ((store || rootfs->path) && text_replace(&rootfs->store, store) < 0)
		return -ENOMEM;
	return text_replace(&rootfs->path, path);
}

int rootfs_backend_set(struct spec *spec, const char *value)
{
	const char *store = find_store(value, strlen(value));
	return store ? text_replace(&spec->rootfs.store, store) : 0; /* "best" and the like: found by looking */
}

int rootfs_path_get(const struct spec *spec, const char *suffix, FILE *out)
{
	(void)suffix;
	fputs(spec->rootfs.path ?: "", out); /* without its kind, as LXC does */
	return 0;
}

void rootfs_path_clear(struct spec *spec, const char *suffix)
{
	(void)suffix;
	(void)text_replace(&spec->rootfs.store, NULL); /* can not fail */
	(void)text_replace(&spec->rootfs.path, NULL);
}

/* ---- lxc.rootfs.mount: reads as the built-in place when it is not set ---- */

int rootfs_mount_set(struct key_call *call)
{
	if (strlen(call->value) >= PATH_MAX)
		return key_fault(call, "the path is too long", NULL);
	return text_replace(&call->spec->rootfs.mount, call->value);
}

int rootfs_mount_get(const struct spec *spec, const char *suffix, FILE *out)
{
	(void)suffix;
	fputs(spec->rootfs.mount ?: WABE_ROOTFS_MOUNT, out);
	return 0;
}

void rootfs_mount_clear(struct spec *spec, const char *suffix)
{
	(void)suffix;
	(void)text_replace(&spec->rootfs.mount, NULL); /* can not fail */
}

/* Options that only make sense below a rootfs. */
int rootfs_options_set(struct key_call *call)
{
	struct string_list options = { 0 };
	bool is_bad = false, is_bad_idmap = false;
	int r = text_split(call->value, ",", &options);
	vector_for_each (option, &options) {
		is_bad |= text_starts(*option, "create=") || text_equal(*option, "optional") || text_equal(*option, "relative");
		is_bad_idmap |= text_starts(*option, "idmap=") && !text_equal(*option, "idmap=container") &&
				!text_starts(*option, "idmap=/");
	}
	string_list_clear(&options);
	if (r < 0)
		return r;
	if (is_bad_idmap)
		return key_fault(call, "idmap= is neither container nor the path of a user namespace", NULL);
	return is_bad ? key_fault(call, "create=, optional and relative are for lxc.mount.entry", NULL) :
			text_replace(&call->spec->rootfs.options, call->value);
}

/* ---- lxc.mount.entry ---- */

int mount_entry_set(struct key_call *call)
{
	struct spec_mount entry = { 0 };
	int r = mount_line_parse(call->value, &entry);
	if (r == -EINVAL)
		return key_fault(call, "is no mount entry", "write SOURCE TARGET TYPE OPTIONS 0 0, blanks in a name as \\040");
	if (r <= 0)
		return r;
	struct spec_mount *slot = vector_add(&call->spec->mounts.entries);
	if (!slot) {
		mount_line_clear(&entry);
		return -ENOMEM;
	}
	*slot = entry;
	slot->origin = call->origin;
	return 0;
}

int mount_entry_get(const struct spec *spec, const char *suffix, FILE *out)
{
	(void)suffix;
	vector_for_each (entry, &spec->mounts.entries)
		fprintf(out, "%s\n", entry->line);
	return 0;
}

void mount_entry_clear_all(struct spec *spec, const char *suffix)
{
	(void)suffix;
	spec_clear_mounts(spec);
}

/* ---- lxc.mount.auto ---- */

static int parse_shmounts(struct key_call *call, const char *value)
{
	struct spec_mounts *mounts = &call->spec->mounts;
	const char *colon = strchr(value, ':');
	auto_free char *host = strndup(value, colon ? (size_t)(colon - value) : strlen(value));
	if (!host)
		return -ENOMEM;
	if (*host != '/')
		return key_fault(call, "shmounts needs an absolute path on the host", NULL);
	return text_replace(&mounts->shmounts_host, host) ?:
		       text_replace(&mounts->shmounts_container, colon ? colon + 1 : "/dev/.lxc-mounts");
}

/* ":ro" and the like behind a group's name; 0 or -EINVAL. */
static int parse_mode(const char *text, uint32_t plain, uint32_t *ret_mode)
{
	if (*text == '\0')
		*ret_mode = plain;
	else if (strcmp(text, ":mixed") == 0)
		*ret_mode = AUTO_MOUNT_MIXED;
	else if (strcmp(text, ":ro") == 0)
		*ret_mode = AUTO_MOUNT_RO;
	else if (strcmp(text, ":rw") == 0)
		*ret_mode = AUTO_MOUNT_RW;
	else
		return -EINVAL;
	return 0;
}

static int parse_cgroup(struct spec_mounts *mounts, char *word)
{
	bool is_v2 = text_starts(word, "cgroup2");
	bool is_full = text_starts(word, "cgroup-full");
	bool is_forced = text_ends(word, ":force");
	if (is_forced)
		word[strlen(word) - strlen(":force")] = '\0';
	const char *mode = word + strlen(is_v2 ? "cgroup2" : is_full ? "cgroup-full" : "cgroup");
	uint32_t value;
	if (parse_mode(mode, AUTO_MOUNT_UNSET_SUFFIX, &value) < 0)
		return -EINVAL;
	mounts->auto_cgroup = value;
	mounts->auto_cgroup_v2 = is_v2;
	mounts->auto_cgroup_full = is_full;
	mounts->auto_cgroup_force = is_forced;
	return 0;
}

static int parse_auto(struct key_call *call, char *word)
{
	struct spec_mounts *mounts = &call->spec->mounts;
	int r = -EINVAL;
	if (text_starts(word, "shmounts:"))
		return parse_shmounts(call, word + strlen("shmounts:"));
	if (text_starts(word, "proc"))
		r = parse_mode(word + 4, AUTO_MOUNT_MIXED, &mounts->auto_proc);
	else if (text_starts(word, "sys"))
		r = parse_mode(word + 3, AUTO_MOUNT_MIXED, &mounts->auto_sys);
	else if (text_starts(word, "cgroup"))
		r = parse_cgroup(mounts, word);
	return r < 0 ? key_fault(call, "unknown kind of automatic mount",
			       "use proc:mixed, sys:mixed, cgroup:mixed, shmounts: and the like") :
		       0;
}

int mount_auto_set(struct key_call *call)
{
	struct string_list words = { 0 };
	int r = text_split(call->value, " \t", &words);
	for (size_t i = 0; r == 0 && i < words.count; i++)
		r = parse_auto(call, words.items[i]);
	string_list_clear(&words);
	return r;
}

int mount_auto_get(const struct spec *spec, const char *suffix, FILE *out)
{
	static const char *const modes[] = { "", ":mixed", ":ro", ":rw", "" };
	const struct spec_mounts *mounts = &spec->mounts;
	const char *blank = "";
	(void)suffix;
	if (mounts->auto_proc) {
		fprintf(out, "proc%s", modes[mounts->auto_proc]);
		blank = " ";
	}
	if (mounts->auto_sys) {
		fprintf(out, "%ssys%s", blank, modes[mounts->auto_sys]);
		blank = " ";
	}
	if (mounts->auto_cgroup) {
		fprintf(out, "%s%s%s%s", blank, mounts->auto_cgroup_v2 ? "cgroup2" :
			mounts->auto_cgroup_full ? "cgroup-full" : "cgroup", modes[mounts->auto_cgroup],
			mounts->auto_cgroup_force ? ":force" : "");
		blank = " ";
	}
	if (mounts->shmounts_host)
		fprintf(out, "%sshmounts:%s:%s", blank, mounts->shmounts_host, mounts->shmounts_container);
	return 0;
}

void mount_auto_clear(struct spec *spec, const char *suffix)
{
	struct spec_mounts *mounts = &spec->mounts;
	(void)suffix;
	mounts->auto_proc = mounts->auto_sys = mounts->auto_cgroup = AUTO_MOUNT_NONE;
	mounts->auto_cgroup_full = mounts->auto_cgroup_v2 = mounts->auto_cgroup_force = false;
	(void)text_replace(&mounts->shmounts_host, NULL); /* can not fail */
	(void)text_replace(&mounts->shmounts_container, NULL);
}

/* ---- console sizes ---- */

/* At least a page, rounded up to a power of two, as the ring buffer wants it. */
int console_size_set(struct key_call *call)
{
	uint64_t *slot = (void *)((char *)call->spec + call->key->offset);
	uint64_t size = 128 * 1024;
	if (strcmp(call->value, "auto") != 0 && text_to_bytes(call->value, &size) < 0)
		return key_fault(call, "is no size", "write auto or a number with kB, MB or GB");
	if (size > UINT64_C(1) << 40)
		return key_fault(call, "the size is above 1 TB", NULL);
	uint64_t rounded = size ? (uint64_t)sysconf(_SC_PAGESIZE) : 0;
	while (rounded < size)
		rounded *= 2;
	*slot = rounded;
	return 0;
}

int console_size_get(const struct spec *spec, const char *suffix, FILE *out)
{
	(void)suffix;
	fprintf(out, "%" PRIu64, spec->console.log_size);
	return 0;
}

int console_buffer_get(const struct spec *spec, const char *suffix, FILE *out)
{
	(void)suffix;
	fprintf(out, "%" PRIu64, spec->console.buffer_size);
	return 0;
}

void console_size_clear(struct spec *spec, const char *suffix)
{
	(void)suffix;
	spec->console.log_size = 0;
}

void console_buffer_clear(struct spec *spec, const char *suffix)
{
	(void)suffix;
	spec->console.buffer_size = 0;
}
