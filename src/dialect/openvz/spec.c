/* A container of OpenVZ as a spec: what its configuration asks for, and what makes it a safe one. */
#include "base/cleanup.h"
#include "base/paths.h"
#include "base/text.h"
#include "dialect/openvz/limits.h"
#include "dialect/openvz/network.h"
#include "dialect/openvz/params.h"
#include "spec/mount_options.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static int add_setting(struct spec *spec, bool is_v2, const char *file, const char *value, bool is_optional)
{
	struct spec_cgroup_setting *setting = vector_add(&spec->cgroup.settings);
	if (!setting)
		return -ENOMEM;
	setting->is_v2 = is_v2;
	setting->optional = is_optional;
	return text_replace(&setting->file, file) ?: text_replace(&setting->value, value);
}

static int add_mount(struct spec *spec, const char *line)
{
	struct spec_mount *entry = vector_add(&spec->mounts.entries);
	int r = entry ? mount_line_parse(line, entry) : -ENOMEM;
	return r < 0 ? r : 0;
}

/* ---- identity, files, ids ---- */

static int fill_identity(const struct vz_ct *ct, struct spec *spec)
{
	const char *hostname = vz_ct_get(ct, "HOSTNAME");
	int r = text_replace(&spec->identity.dialect, VZ_DIALECT);
	r = r ?: text_replace(&spec->identity.name, ct->name);
	r = r ?: text_replace(&spec->identity.base_path, ct->conf_dir);
	r = r ?: text_replace(&spec->identity.config_file, ct->conf_path);
	if (hostname && *hostname)
		r = r ?: text_replace(&spec->identity.hostname, hostname);
	r = r ?: string_list_add(&spec->process.argv, "/sbin/init");
	return r;
}

static int fill_root(const struct vz_ct *ct, const char *root, bool is_mapped, struct spec *spec)
{
	struct vz_pair pair;
	bool is_ploop = vz_ct_is_ploop(ct, NULL);
	const char *space = vz_ct_get(ct, "DISKSPACE"), *inodes = vz_ct_get(ct, "DISKINODES");
	int r = text_replace(&spec->rootfs.store, "dir");
	r = r ?: text_replace(&spec->rootfs.path, root);
	if (is_mapped)
		r = r ?: text_replace(&spec->rootfs.options, "idmap=container");
	spec->rootfs.unmanaged = true;
	if (is_ploop)
		spec->rootfs.user_quota = vz_ct_get(ct, "QUOTAUGIDLIMIT") && strcmp(vz_ct_get(ct, "QUOTAUGIDLIMIT"), "0") != 0;
	if (is_ploop || !vz_ct_is(ct, "DISK_QUOTA", true))
		return r; /* the image's size is its limit */
	/* the soft limit would be what df shows: there is one limit, the hard one */
	if (space && vz_parse_pair(space, VZ_DISK_SPACE, &pair) == 0 && pair.limit < VZ_UNLIMITED / 1024)
		spec->rootfs.size_limit = (uint64_t)pair.limit * 1024;
	if (inodes && vz_parse_pair(inodes, VZ_DISK_INODES, &pair) == 0 && pair.limit < VZ_UNLIMITED)
		spec->rootfs.inode_limit = (uint64_t)pair.limit;
	return r;
}

static int fill_ids(const struct vz_ct *ct, struct spec *spec)
{
	const uint32_t bases[2] = { vz_ct_uid_base(ct), vz_ct_gid_base(ct) };
	for (int i = 0; i < 2 && bases[0] > 0; i++) {
		struct spec_idmap *map = vector_add(&spec->idmaps);
		if (!map)
			return -ENOMEM;
		*map = (struct spec_idmap){ .is_gid = i == 1, .outside = bases[i], .count = VZ_ID_RANGE };
	}
	return 0;
}

/* ---- what it may do ---- */

/* The last word about a capability, or NULL: "NAME:on NAME:off". */
static const char *find_switch(const char *list, const char *name)
{
	size_t length = strlen(name);
	for (; list && *list; list += strcspn(list, " ,\t")) {
		list += strspn(list, " ,\t");
		if (strncasecmp(list, name, length) == 0 && list[length] == ':')
			return list + length + 1;
	}
	return NULL;
}

static int fill_capabilities(const struct vz_ct *ct, struct spec *spec)
{
	/* in a user namespace of its own the others mean nothing to the host; these are asked for before other ways are tried */
	static const char *const apart[] = { "sys_rawio", "sys_module", "sys_time", NULL };
	static const char *const shared[] = { "mac_admin", "mac_override", "sys_time", "sys_module", "sys_rawio", "syslog",
		"wake_alarm", "block_suspend", NULL };
	const char *list = vz_ct_get(ct, "CAPABILITY");
	int r = 0;
	for (const char *const *name = spec->idmaps.count ? apart : shared; r == 0 && *name; name++) {
		const char *word = find_switch(list, *name);
		if (!word || !text_starts(word, "on"))
			r = string_list_add(&spec->process.cap_drop, *name);
	}
	struct string_list words = { 0 };
	r = r ?: text_split(list ?: "", " ,\t", &words);
	for (size_t i = 0; r == 0 && i < words.count; i++) {
		char *colon = strchr(words.items[i], ':');
		if (!colon || strcmp(colon, ":off") != 0)
			continue;
		*colon = '\0';
		for (char *at = words.items[i]; *at; at++)
			*at = (char)tolower((unsigned char)*at);
		const char *name = words.items[i];
		/* these two are OpenVZ's own and have no equal */
		if (strcmp(name, "setveid") != 0 && strcmp(name, "ve_admin") != 0 && !string_list_has(&spec->process.cap_drop, name))
			r = string_list_add(&spec->process.cap_drop, name);
	}
	string_list_clear(&words);
	return r;
}

static const char *const usual_devices[] = { "c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 5:0 rwm",
	"c 5:1 rwm", "c 5:2 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 136:* rwm", "c 10:229 rwm", NULL };

/* "rwq" as the control group has it: q is nothing there. */
static void rights_of(const char *text, char ret[4])
{
	size_t length = 0;
	if (strchr(text, 'r'))
		ret[length++] = 'r';
	if (strchr(text, 'w'))
		ret[length++] = 'w';
	ret[length++] = 'm';
	ret[length] = '\0';
}

static int allow(struct spec *spec, char kind, const char *numbers, const char *rights)
{
	char value[64], letters[4];
	rights_of(rights, letters);
	(void)snprintf(value, sizeof(value), "%c %s %s", kind, numbers, letters);
	return add_setting(spec, false, "devices.allow", value, true);
}

/* DEVNODES: the host's node is bound in, and may be used. */
static int add_node(struct spec *spec, const char *word)
{
	auto_free char *name = strndup(word, strcspn(word, ":")), *line = NULL, *path = NULL;
	const char *rights = strchr(word, ':');
	char numbers[32];
	struct stat info;
	if (!name || !rights)
		return name ? 0 : -ENOMEM;
	if (strstr(name, "..") || strpbrk(name, " \t\\"))
		return 0;
	if (text_format(&path, "/dev/%s", name) < 0 ||
		text_format(&line, "/dev/%s dev/%s none bind,optional,create=file 0 0", name, name) < 0)
		return -ENOMEM;
	if (strcmp(rights, ":none") == 0 || stat(path, &info) < 0 || !(S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)))
		return 0;
	(void)snprintf(numbers, sizeof(numbers), "%u:%u", major(info.st_rdev), minor(info.st_rdev));
	int r = add_mount(spec, line);
	return r ?: allow(spec, S_ISCHR(info.st_mode) ? 'c' : 'b', numbers, rights + 1);
}

/* DEVICES: "c:10:200:rw", "b:8:all:r". */
static int add_numbers(struct spec *spec, const char *word)
{
	char kind, major_text[16], minor_text[16], rights[8], numbers[40];
	if (sscanf(word, "%c:%15[^:]:%15[^:]:%7s", &kind, major_text, minor_text, rights) != 4 || (kind != 'b' && kind != 'c') ||
		strcmp(rights, "none") == 0)
		return 0;
	(void)snprintf(numbers, sizeof(numbers), "%s:%s", major_text, strcmp(minor_text, "all") == 0 ? "*" : minor_text);
	return allow(spec, kind, numbers, rights);
}

static int fill_devices(const struct vz_ct *ct, struct spec *spec)
{
	struct string_list nodes = { 0 }, numbers = { 0 };
	int r = text_split(vz_ct_get(ct, "DEVNODES") ?: "", " \t", &nodes);
	r = r ?: text_split(vz_ct_get(ct, "DEVICES") ?: "", " \t", &numbers);
	if (spec->idmaps.count == 0) { /* with ids of its own it can make no node, and opens none of others */
		r = r ?: add_setting(spec, false, "devices.deny", "a", false);
		for (const char *const *rule = usual_devices; r == 0 && *rule; rule++)
			r = add_setting(spec, false, "devices.allow", *rule, false);
	}
	size_t before = spec->cgroup.settings.count;
	for (size_t i = 0; r == 0 && i < nodes.count; i++)
		r = add_node(spec, nodes.items[i]);
	for (size_t i = 0; r == 0 && spec->idmaps.count == 0 && i < numbers.count; i++)
		r = add_numbers(spec, numbers.items[i]);
	for (size_t i = before; spec->idmaps.count && i < spec->cgroup.settings.count; i++) {
		free(spec->cgroup.settings.items[i].file); /* all devices are allowed there */
		free(spec->cgroup.settings.items[i].value);
	}
	if (spec->idmaps.count)
		spec->cgroup.settings.count = before;
	string_list_clear(&nodes);
	string_list_clear(&numbers);
	return r;
}

static int fill_system(const struct vz_ct *ct, struct spec *spec)
{
	struct vz_pair pair;
	const char *terminals = vz_ct_get(ct, "NUMPTY");
	spec->mounts.auto_proc = AUTO_MOUNT_MIXED;
	spec->mounts.auto_sys = spec->idmaps.count ? AUTO_MOUNT_RW : AUTO_MOUNT_MIXED;
	spec->mounts.auto_cgroup = AUTO_MOUNT_MIXED;
	spec->console.tty_max = 4;
	spec->console.pty_max = 1024;
	if (terminals && vz_parse_pair(terminals, VZ_UBC_ITEMS, &pair) == 0 && pair.limit > 0 && pair.limit < 1 << 20)
		spec->console.pty_max = (uint32_t)pair.limit;
	/* that there is one, so that systemd mounts none; not writable, as writing ends FUSE mounts of the host */
	int r = add_mount(spec, "/sys/fs/fuse/connections sys/fs/fuse/connections none bind,ro,optional 0 0");
	return r ?: text_replace(&spec->security.seccomp_profile, WABE_CONFIG_DIR "/common.seccomp");
}

static int fill_limits(const struct vz_ct *ct, struct spec *spec)
{
	struct vz_limits limits = { 0 };
	int r = vz_limits(ct, NULL, false, &limits);
	for (size_t i = 0; r == 0 && i < limits.count; i++)
		r = add_setting(spec, limits.items[i].is_v2, limits.items[i].file, limits.items[i].value, true);
	free(limits.items);
	return r ?: vz_rlimits(ct, spec);
}

int vz_ct_spec(const struct vz_ct *ct, const char *root, bool is_mapped, struct spec **ret_spec, struct error *err)
{
	auto_spec struct spec *spec = spec_new();
	int r = spec ? fill_identity(ct, spec) : -ENOMEM;
	r = r ?: fill_ids(ct, spec);
	r = r ?: fill_root(ct, root, is_mapped && spec->idmaps.count, spec);
	r = r ?: fill_capabilities(ct, spec);
	r = r ?: fill_system(ct, spec);
	r = r ?: fill_devices(ct, spec);
	r = r ?: fill_limits(ct, spec);
	r = r ?: vz_network(ct, spec);
	if (r < 0)
		return error_set(err, r, "make the spec of container %s", ct->name);
	*ret_spec = take_ptr(spec);
	return 0;
}
