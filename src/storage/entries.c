#include "storage/entries.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <string.h>

DIR *entries_open(int dir_fd)
{
	auto_close int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir)
		(void)take_fd(&fd);
	return dir;
}

struct dirent *entries_next(DIR *dir)
{
	struct dirent *entry;
	do
		entry = readdir(dir);
	while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	return entry;
}
