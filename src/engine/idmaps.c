/* The id maps of a container, written by root or by an ordinary user. */
#include "engine/idmaps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/subid.h"
#include "kernel/idmap.h"

/* Why newuidmap said no: the first range that is not the user's. */
static void explain(const struct spec *spec, bool is_gid, struct error *err)
{
	const char *file = is_gid ? SUBGID_FILE : SUBUID_FILE, *what = is_gid ? "group" : "user";
	uid_t uid = getuid();
	auto_free char *name = subid_user_name(uid);

	vector_for_each (map, &spec->idmaps) {
		if (map->is_gid != is_gid || (map->count == 1 && map->outside == (is_gid ? getgid() : uid)) ||
			subid_has(file, uid, name, map->outside, map->count))
			continue;
		uint32_t last = map->outside + (map->count - 1), first, count;
		(void)spec_error(err, EPERM, spec, &map->origin, "%s does not give %s ids %u to %u to %s", file, what,
			map->outside, last, name ?: "this user");
		if (subid_find(file, uid, name, 0, &first, &count) == 0)
			error_hint(err, "use ids from its %u:%u, or add some as root: usermod --add-sub%cids %u-%u %s", first, count,
				what[0], map->outside, last, name ?: "USER");
		else
			error_hint(err, "as root: usermod --add-sub%cids %u-%u %s", what[0], map->outside, last, name ?: "USER");
		return;
	}
	error_hint(err, "new%cidmap refuses: it must be set-uid root, and not run below no_new_privs or a nosuid mount", what[0]);
}

static int fault(const struct spec *spec, bool is_gid, int r, struct error *err)
{
	r = spec_error(err, r, spec, &spec->idmaps.items[0].origin, "write %s_map", is_gid ? "gid" : "uid");
	if (geteuid() != 0 && r == -ENOENT)
		error_hint(err, "install newuidmap and newgidmap (package uidmap): only they may map ids of an ordinary user");
	else if (geteuid() != 0 && r == -EPERM)
		explain(spec, is_gid, err);
	return r;
}

uint32_t idmaps_self(const struct spec *spec, bool is_gid, uint32_t own)
{
	uint32_t free_id = 0;

	vector_for_each (map, &spec->idmaps) {
		if (map->is_gid != is_gid)
			continue;
		if (own >= map->outside && own - map->outside < map->count)
			return map->inside + (own - map->outside);
		if (map->inside + map->count > free_id)
			free_id = map->inside + map->count;
	}
	return free_id;
}

static int write_map(const struct spec *spec, pid_t pid, bool is_gid, bool with_self)
{
	uint32_t own = is_gid ? getegid() : geteuid();
	char text[4096];
	size_t used = 0;

	vector_for_each (map, &spec->idmaps) {
		if (map->is_gid != is_gid || used >= sizeof(text))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u %u %u\n", map->inside, map->outside, map->count);
		with_self &= own < map->outside || own - map->outside >= map->count;
	}
	if (with_self && used < sizeof(text))
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u %u 1\n", idmaps_self(spec, is_gid, own), own);
	if (used == 0)
		return 0;
	return used >= sizeof(text) ? -E2BIG : idmap_write(pid, is_gid, text);
}

int idmaps_write(const struct spec *spec, pid_t pid, bool with_self, struct error *err)
{
	for (int is_gid = 0; is_gid < 2; is_gid++) {
		int r = write_map(spec, pid, is_gid, with_self);
		if (r < 0)
			return fault(spec, is_gid, r, err);
	}
	return 0;
}

/* Has this process' user namespace (map_file: /proc/self/uid_map or gid_map) all ids that the container would be? */
static bool has_ids(const struct spec *spec, const char *map_file, bool is_gid)
{
	auto_free char *text = NULL;
	size_t length;
	if (file_read(-1, map_file, 1 << 20, &text, &length) < 0)
		return false;
	vector_for_each (map, &spec->idmaps) {
		bool is_found = map->is_gid != is_gid;
		for (const char *line = text; line && *line && !is_found; line = strchr(line, '\n'), line += line != NULL) {
			unsigned long first, count;
			is_found = sscanf(line, "%lu %*u %lu", &first, &count) == 2 && map->outside >= first &&
				   map->outside - first + map->count <= count;
		}
		if (!is_found)
			return false;
	}
	return true;
}

bool idmaps_are_usable(const struct spec *spec)
{
	auto_free char *maximum = NULL;
	size_t length;
	if (access("/proc/self/ns/user", F_OK) < 0)
		return false;
	if (file_read(-1, "/proc/sys/user/max_user_namespaces", 64, &maximum, &length) == 0 && atol(maximum) == 0)
		return false;
	return has_ids(spec, "/proc/self/uid_map", false) && has_ids(spec, "/proc/self/gid_map", true);
}
