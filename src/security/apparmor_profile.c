/*
 * The text of a container's AppArmor profile: all that a system does, but for what reaches the host. A denial beats a
 * permission in this language, so what is allowed inside a denied directory is left out of the denial's pattern.
 */
#include "security/apparmor.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/text.h"

/* ---- names ---- */

static bool is_plain_character(char c)
{
	return isalnum((unsigned char)c) || strchr("._/+-", c);
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (!is_plain_character(*text))
			return false;
	return true;
}

/* "uid" and a digit: how a name would look like a user's. */
static bool looks_like_uid(const char *name)
{
	return strncmp(name, "uid", 3) == 0 && isdigit((unsigned char)name[3]);
}

void apparmor_label(uid_t uid, const char *name, const char *base_path, char *buffer, size_t size)
{
	char prefix[24] = "lxc-";

	if (uid != 0)
		snprintf(prefix, sizeof(prefix), "lxc-uid%u-", (unsigned)uid);
	bool fits = snprintf(buffer, size, "%s%s_<%s>", prefix, name, base_path) <= APPARMOR_LABEL_MAX;
	if (fits && is_plain(name) && is_plain(base_path) && !looks_like_uid(name))
		return;
	snprintf(buffer, size, "%s%016llx_<%016llx>", prefix, (unsigned long long)hash_fnv1a64(name, strlen(name)),
		(unsigned long long)hash_fnv1a64(base_path, strlen(base_path)));
}

bool apparmor_label_is_of(uid_t uid, const char *label)
{
	char prefix[24] = "lxc-";

	if (strlen(label) > APPARMOR_LABEL_MAX)
		return false;
	if (uid != 0)
		snprintf(prefix, sizeof(prefix), "lxc-uid%u-", (unsigned)uid);
	size_t length = strlen(prefix);
	if (strncmp(label, prefix, length) != 0 || (uid == 0 && looks_like_uid(label + length)))
		return false;
	const char *path = strstr(label + length, "_<"), *end = label + strlen(label) - 1;
	if (!path || path == label + length || *end != '>' || end <= path + 2)
		return false;
	for (const char *c = label + length; c < end; c++)
		if (!is_plain_character(*c) && c != path + 1)
			return false;
	return true;
}

/* ---- text ---- */

/* Grows; a failed allocation is kept until the end. */
struct output {
	char *data;
	size_t length, size;
	bool has_failed;
};

static void put(struct output *out, const char *text)
{
	size_t length = strlen(text);

	if (out->length + length + 1 > out->size) {
		size_t size = (out->length + length + 1) * 2;
		char *data = realloc(out->data, size);
		if (!data) {
			out->has_failed = true;
			return;
		}
		out->data = data;
		out->size = size;
	}
	memcpy(out->data + out->length, text, length + 1);
	out->length += length;
}

static void put_format(struct output *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put_format(struct output *out, const char *fmt, ...)
{
	char text[1024]; /* two labels at most */
	va_list arguments;

	va_start(arguments, fmt);
	vsnprintf(text, sizeof(text), fmt, arguments);
	va_end(arguments);
	put(out, text);
}

static bool is_known_prefix(const char *const *names, size_t index, size_t length)
{
	for (size_t i = 0; i < index; i++)
		if (strncmp(names[i], names[index], length) == 0 && strlen(names[i]) > length)
			return true;
	return false;
}

static void put_other_characters(struct output *out, const char *const *names, size_t index, size_t length)
{
	const char *name = names[index];
	char set[64] = "";
	size_t count = 0;

	for (const char *const *other = names; *other; other++)
		if (strncmp(*other, name, length) == 0 && (*other)[length] && !strchr(set, (*other)[length]) && count < 60)
			set[count++] = (*other)[length];
	put_format(out, "%s%.*s[^%s]**", index + length ? "," : "", (int)length, name, set);
}

/*
 * A denial of all that begins with before but for names and what is below them; a name that ends in '*' stands for all
 * that begin so. No name may be the beginning of another one. What is not allowed is listed by the first character in
 * which it differs: this language has no other way to say "not this word".
 */
static void deny_all_but(struct output *out, const char *before, const char *const *names, const char *after)
{
	put_format(out, "  deny %s{", before);
	for (size_t i = 0; names[i]; i++) {
		size_t length = strcspn(names[i], "*");

		for (size_t n = 0; n < length; n++)
			if (!is_known_prefix(names, i, n))
				put_other_characters(out, names, i, n);
		if (!names[i][length])
			put_format(out, ",%s?**", names[i]);
	}
	put_format(out, "}%s,\n", after);
}

static const char permitted[] =
	"  capability,\n"
	"  dbus,\n"
	"  file,\n"
	"  network,\n"
	"  unix,\n"
	"  umount,\n"
	"  mount,\n"
	"\n"
	"  # from all, to the container's own\n"
	"  signal (receive),\n"
	"  signal (send) peer=@{profile_name},\n"
	"  ptrace (readby, tracedby),\n"
	"  ptrace (read, trace) peer=@{profile_name},\n";

/* Known to the parsers from 4.0 on, mediated by kernels from 6.7 on. */
static const char new_classes[] =
	"  userns,\n"
	"  mqueue,\n"
	"  io_uring,\n";

/* The host's memory, keys and switches: neither read nor written. */
static const char secrets[] =
	"\n  # the host's memory and switches\n"
	"  deny /proc/{sysrq-trigger,kcore,kmem,mem,vmcore} rwklx,\n"
	"  deny /proc/acpi/** rwklx,\n"
	"  deny /proc/{bus,driver,fs,irq,scsi,tty}/** wklx,\n"
	"  deny /proc/{mtrr,config.gz,latency_stats,timer_stats,sched_debug} wklx,\n"
	"  deny /dev/{mem,kmem,port} rwklx,\n"
	"  deny /sys/kernel/debug/{,**} rwklx,\n"
	"  deny /sys/kernel/tracing/{,**} rwklx,\n"
	"  deny /sys/firmware/efi/efivars/** rwklx,\n"
	"  deny /sys/fs/cgroup/{,**/}release_agent wklx,\n";

/* A path is all that the denials know: no second one for the same files. */
static const char other_paths[] =
	"  deny mount / -> **,\n"
	"  deny mount /proc{,/**} -> **,\n"
	"  deny mount /sys{,/**} -> **,\n";

/*
 * File systems of memory and of programs anywhere, the kernel's own at their place alone. By denials: parsers before 3.0.10
 * and 3.1.3 widen permissions without a source to mounts of all kinds (CVE-2016-1585).
 */
static void put_denied_mounts(struct output *out)
{
	static const char *const types[] = { "cgroup*", "devpts", "fuse*", "hugetlbfs", "mqueue", "overlay", "proc", "ramfs",
		"sysfs", "tmpfs", NULL };
	static const char *const proc[] = { "proc/", NULL }, *const sys[] = { "sys/", NULL };
	static const char *const cgroup[] = { "sys/fs/cgroup/*", NULL };
	static const char *const fuse[] = { "sys/fs/fuse/connections/", NULL };

	put(out, "\n  # file systems that are the host's, and those of the kernel elsewhere\n");
	deny_all_but(out, "mount fstype=", types, "");
	deny_all_but(out, "mount fstype=proc -> /", proc, "");
	deny_all_but(out, "mount fstype=sysfs -> /", sys, "");
	deny_all_but(out, "mount fstype=cgroup* -> /", cgroup, "");
	deny_all_but(out, "mount fstype=fusectl -> /", fuse, "");
	put(out, "  deny mount fstype=(proc,sysfs,cgroup*,fusectl) -> /,\n");
	put(out, other_paths);
}

static void deny_changes_but(struct output *out, const char *directory, const char *const *names)
{
	deny_all_but(out, directory, names, " wklx");
}

static void put_denied_files(struct output *out, bool has_policy)
{
	static const char *const proc_sys[] = { "kernel", "net", NULL };
	static const char *const proc_sys_kernel[] = { "domainname", "hostname", "msg*", "sem*", "shm*", NULL };
	static const char *const sys[] = { "class", "devices", "fs", NULL };
	static const char *const sys_and_policy[] = { "class", "devices", "fs", "kernel", NULL };
	static const char *const net[] = { "net", NULL }, *const virtual[] = { "virtual", NULL };
	static const char *const cgroup[] = { "cgroup", NULL };
	static const char *const security[] = { "security", NULL }, *const apparmor[] = { "apparmor", NULL };

	put(out, secrets);
	put(out, "\n  # settings of the kernel that are not the container's own\n");
	deny_changes_but(out, "/proc/sys/", proc_sys);
	deny_changes_but(out, "/proc/sys/kernel/", proc_sys_kernel);
	deny_changes_but(out, "/sys/", has_policy ? sys_and_policy : sys);
	deny_changes_but(out, "/sys/class/", net);
	deny_changes_but(out, "/sys/devices/", virtual);
	deny_changes_but(out, "/sys/devices/virtual/", net);
	deny_changes_but(out, "/sys/fs/", cgroup);
	if (has_policy) {
		deny_changes_but(out, "/sys/kernel/", security);
		deny_changes_but(out, "/sys/kernel/security/", apparmor);
	} else {
		put(out, "  deny /sys/kernel/security/{,**} rwklx,\n");
	}
}

int apparmor_profile_text(const struct apparmor_profile *profile, char **ret)
{
	const char *namespace = profile->policy_namespace;
	struct output out = { 0 };

	put_format(&out, "profile \"%s\" flags=(attach_disconnected,mediate_deleted) {\n", profile->label);
	put(&out, permitted);
	if (profile->names_new_classes)
		put(&out, new_classes);
	if (namespace) {
		put(&out, "\n  # profiles of its own, that narrow this one\n");
		put_format(&out, "  signal (send) peer=\":%s:**\",\n", namespace);
		put_format(&out, "  ptrace (read, trace) peer=\":%s:**\",\n", namespace);
		put_format(&out, "  change_profile -> \":%s:*\",\n", namespace);
		put_format(&out, "  change_profile -> \":%s://*\",\n", namespace);
	}
	put_denied_files(&out, namespace != NULL);
	if (profile->allow_nesting || profile->has_user_namespace)
		put(&out, "\n  pivot_root,\n");
	else
		put_denied_mounts(&out);
	if (profile->raw) {
		put(&out, "\n  # lxc.apparmor.raw\n");
		put(&out, profile->raw);
		put(&out, "\n");
	}
	put(&out, "}\n");
	if (out.has_failed) {
		free(out.data);
		return -ENOMEM;
	}
	*ret = out.data;
	return 0;
}
