#pragma once
#include <dirent.h>

/* Shared by the files of this folder; not for others. */

/* The entries of the directory that dir_fd is open on (borrowed), from the first. NULL with errno. */
DIR *entries_open(int dir_fd);
/* The next one but "." and "..", or NULL. */
struct dirent *entries_next(DIR *dir);
