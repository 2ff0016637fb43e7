/* Mount sources that need the host's rights: opened as detached mounts, which init inherits. */
#include "engine/oci_sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/placement.h"
#include "kernel/idmap.h"
#include "kernel/mount.h"

/* An ordinary user has no rights here that init would lack. */
static bool has_user_namespace(const struct start *start)
{
	return (start->spec->idmaps.count > 0 || start->spec->namespaces.share[NAMESPACE_USER]) && geteuid() == 0;
}

bool oci_has_sources(const struct start *start)
{
	vector_for_each (entry, &start->spec->mounts.entries)
		if (entry->idmap)
			return true;
	return has_user_namespace(start);
}

bool oci_has_container_maps(const struct start *start)
{
	vector_for_each (entry, &start->spec->mounts.entries)
		if (entry->idmap && strcmp(entry->idmap, "container") == 0)
			return true;
	return false;
}

/* "maps:u:0:100000:65536;g:...": the lines for uid_map (kind 'u') or gid_map. */
static int map_lines(const char *maps, char kind, char **ret)
{
	struct string_list parts = { 0 };
	int r = text_split(maps + strlen("maps:"), ";", &parts);

	for (size_t i = 0; r == 0 && i < parts.count; i++) {
		unsigned inside, outside, count;
		char what;
		auto_free char *old = NULL;
		if (sscanf(parts.items[i], "%c:%u:%u:%u", &what, &inside, &outside, &count) != 4 || what != kind)
			continue;
		old = take_ptr(*ret);
		r = text_format(ret, "%s%u %u %u\n", old ?: "", inside, outside, count);
	}
	string_list_clear(&parts);
	return r == 0 && !*ret ? -EINVAL : r;
}

static int open_mapped(const struct spec *spec, const struct spec_mount *entry, struct error *err)
{
	bool is_recursive = entry->flags_set & MS_REC;
	auto_free char *uids = NULL, *gids = NULL;
	char path[32];

	if (!text_starts(entry->idmap, "maps:"))
		return rootfs_open_idmapped(spec, &entry->origin, entry->source, is_recursive, entry->idmap, err);
	int r = map_lines(entry->idmap, 'u', &uids);
	r = r ?: map_lines(entry->idmap, 'g', &gids);
	pid_t pid = r < 0 ? r : idmap_hold(uids, gids);
	if (pid < 0)
		return spec_error(err, pid, spec, &entry->origin, "make the id map of %s", entry->source);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	int fd = rootfs_open_idmapped(spec, &entry->origin, entry->source, is_recursive, path, err);
	idmap_release(pid);
	return fd;
}

static int open_one(const struct start *start, const struct spec_mount *entry, struct error *err)
{
	if (entry->idmap)
		return open_mapped(start->spec, entry, err);
	int fd = mount_clone_tree(AT_FDCWD, entry->source, entry->flags_set & MS_REC);
	return fd < 0 ? spec_error(err, fd, start->spec, &entry->origin, "mount source %s", entry->source) : fd;
}

int oci_open_sources(struct start *start, struct error *err)
{
	const struct spec *spec = start->spec;
	const size_t count = spec->mounts.entries.count;

	int r = placement_make_sources(start, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		const struct spec_mount *entry = &spec->mounts.entries.items[i];
		if (!(has_user_namespace(start) || entry->idmap) || entry->flags_set & MS_REMOUNT || !(entry->flags_set & MS_BIND))
			continue;
		start->mount_fds[i] = open_one(start, entry, err);
		if (start->mount_fds[i] < 0)
			return start->mount_fds[i];
	}
	return 0;
}
