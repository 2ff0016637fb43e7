/* What LXC 0.7 to 2.0 called the keys, and the nearest known key for an unknown one. */
#include "base/text.h"
#include "dialect/lxc/keys.h"

#include <inttypes.h>
#include <string.h>

static const struct {
	const char *old, *modern; /* modern NULL: no effect any more */
} legacy_names[] = {
	{ "lxc.aa_allow_incomplete", "lxc.apparmor.allow_incomplete" },
	{ "lxc.aa_profile", "lxc.apparmor.profile" },
	{ "lxc.console", "lxc.console.path" },
	{ "lxc.devttydir", "lxc.tty.dir" },
	{ "lxc.haltsignal", "lxc.signal.halt" },
	{ "lxc.id_map", "lxc.idmap" },
	{ "lxc.init_cmd", "lxc.init.cmd" },
	{ "lxc.init_gid", "lxc.init.gid" },
	{ "lxc.init_uid", "lxc.init.uid" },
	{ "lxc.kmsg", NULL },
	{ "lxc.logfile", "lxc.log.file" },
	{ "lxc.loglevel", "lxc.log.level" },
	{ "lxc.mount", "lxc.mount.fstab" },
	{ "lxc.pivotdir", NULL },
	{ "lxc.pts", "lxc.pty.max" },
	{ "lxc.rebootsignal", "lxc.signal.reboot" },
	{ "lxc.rootfs", "lxc.rootfs.path" },
	{ "lxc.rootfs.backend", NULL },
	{ "lxc.se_context", "lxc.selinux.context" },
	{ "lxc.seccomp", "lxc.seccomp.profile" },
	{ "lxc.stopsignal", "lxc.signal.stop" },
	{ "lxc.syslog", "lxc.log.syslog" },
	{ "lxc.tty", "lxc.tty.max" },
	{ "lxc.utsname", "lxc.uts.name" },
};

/* lxc.network.KEY, lxc.network.N.KEY: the tail of lxc.net.N. */
static const char *network_tail(const char *tail)
{
	if (strcmp(tail, "ipv4") == 0)
		return "ipv4.address";
	return strcmp(tail, "ipv6") == 0 ? "ipv6.address" : tail;
}

static const char *modern_network(const char *name, uint32_t *legacy_link, char *buffer, size_t size)
{
	const char *tail = name + strlen("lxc.network");
	uint32_t index, none = 0;
	const char *key;
	uint32_t *link = legacy_link ?: &none;
	if (*tail == '\0')
		return "lxc.net";
	tail++;
	if (net_split(tail, &index, &key) == 0) {
		(void)snprintf(buffer, size, "lxc.net.%" PRIu32 "%s%s", index, key ? "." : "", key ? network_tail(key) : "");
		return buffer;
	}
	if (strcmp(tail, "type") == 0)
		++*link;
	(void)snprintf(buffer, size, "lxc.net.%" PRIu32 ".%s", *link ? *link - 1 : 0, network_tail(tail));
	return buffer;
}

const char *key_modern(const char *name, uint32_t *legacy_link, char *buffer, size_t size)
{
	if (text_starts(name, "lxc.network") && (name[11] == '.' || name[11] == '\0'))
		return modern_network(name, legacy_link, buffer, size);
	if (text_starts(name, "lxc.limit.")) {
		(void)snprintf(buffer, size, "lxc.prlimit.%s", name + strlen("lxc.limit."));
		return buffer;
	}
	for (size_t i = 0; i < sizeof(legacy_names) / sizeof(*legacy_names); i++)
		if (strcmp(legacy_names[i].old, name) == 0)
			return legacy_names[i].modern;
	return name;
}

/* ---- the nearest key ---- */

#define LONGEST 64

unsigned key_distance(const char *a, const char *b)
{
	unsigned row[LONGEST + 1];
	size_t length = strlen(b);
	if (strlen(a) > LONGEST || length > LONGEST)
		return LONGEST;
	for (unsigned j = 0; j <= length; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= length; j++) {
			unsigned replace = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			unsigned insert = row[j - 1] + 1, delete = row[j] + 1;
			row[j] = replace < insert ? replace : insert;
			if (delete < row[j])
				row[j] = delete;
		}
	}
	return row[length];
}

const char *key_nearest(const char *name)
{
	const char *nearest = NULL;
	unsigned least = (unsigned)strlen(name) / 3 + 1;
	for (const struct key *key = lxc_keys; key->name; key++) {
		unsigned far = key_distance(name, key->name);
		if (far < least) {
			least = far;
			nearest = key->name;
		}
	}
	return nearest;
}
