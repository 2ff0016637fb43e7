#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Subordinate ids: what /etc/subuid and /etc/subgid give to a user. */

#define SUBUID_FILE "/etc/subuid"
#define SUBGID_FILE "/etc/subgid"

/*
 * The range with that number (from 0 on) of the lines "OWNER:FIRST:COUNT" in file whose owner is the user: by its name
 * or by its number. name: NULL when it is not known. Empty ranges and lines of another form do not count.
 * 0; -ENOENT: there is no such range; -errno of reading the file.
 */
int subid_find(const char *file, uid_t uid, const char *name, size_t number, uint32_t *ret_first, uint32_t *ret_count);

/* Does the file give all of first to first + count - 1 to the user, in however many ranges? */
bool subid_has(const char *file, uid_t uid, const char *name, uint32_t first, uint32_t count);

/* The user's name from /etc/passwd alone (no name service: that needs shared libraries), malloc'ed; NULL: none. */
char *subid_user_name(uid_t uid);
