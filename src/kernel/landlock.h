#pragma once
#include <stdbool.h>

enum landlock_access { LANDLOCK_READ = 1, LANDLOCK_EXECUTE = 2, LANDLOCK_WRITE = 4 };

/* The version of Landlock that this kernel runs (5.13: 1), or 0: none. */
int landlock_version(void);

/*
 * A new set of rules, as an fd, or -errno. with_files: nothing on a file system is allowed but what is added. From
 * version 6 (6.12) on abstract sockets of those outside are shut; without files it takes that version.
 */
int landlock_create(int version, bool with_files);
#define LANDLOCK_SCOPES 6

/* Allows access (enum landlock_access, ored) to path and all below it. 0 or -errno. */
int landlock_allow(int ruleset_fd, int version, const char *path, unsigned access);

/* Restricts the caller and all its children for good. Sets no_new_privs when it may not do so otherwise. 0 or -errno. */
int landlock_restrict(int ruleset_fd);
