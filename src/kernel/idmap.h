#pragma once
#include <stdbool.h>
#include <sys/types.h>

/*
 * Writes lines of "INSIDE OUTSIDE COUNT" into the uid_map or gid_map of pid's user namespace. Without the right
 * to do so (-EPERM) newuidmap(1) or newgidmap(1) is asked, which look into /etc/subuid and /etc/subgid.
 * The caller's own group alone is written without: setgroups(2) is denied in the namespace then.
 * 0 or -errno; -ENOENT: the helper is needed and not installed.
 */
int idmap_write(pid_t pid, bool is_gid, const char *text);

/*
 * A child that does nothing but hold a user namespace with these maps: its pid, or -errno. It ends with its maker, or by
 * idmap_release.
 */
pid_t idmap_hold(const char *uids, const char *gids);
void idmap_release(pid_t pid);
