#include "kernel/idmap.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

#include <fcntl.h>
#include <sys/wait.h>

static int ask_helper(pid_t pid, bool is_gid, const char *text)
{
	struct string_list command = { 0 };
	char number[16];
	snprintf(number, sizeof(number), "%d", pid);
	int r = string_list_add(&command, is_gid ? "newgidmap" : "newuidmap");
	if (r == 0)
		r = string_list_add(&command, number);
	if (r == 0)
		r = text_split(text, " \n", &command);
	if (r == 0 && !vector_add(&command))
		r = -ENOMEM;
	pid_t helper = 0;
	if (r == 0)
		r = process_spawn(command.items, NULL, NULL, &helper);
	int status = 0;
	if (r == 0)
		r = process_wait(helper, &status);
	if (r == 0 && status != 0)
		r = WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EPERM;
	string_list_clear(&command);
	return r;
}

int idmap_write(pid_t pid, bool is_gid, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, is_gid ? "gid_map" : "uid_map");
	int r = file_write_text(-1, path, text);
	return r == -EPERM && geteuid() != 0 ? ask_helper(pid, is_gid, text) : r;
}
