/* vzpid: which container a process belongs to, by its control group. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <string.h>

/* The name behind "lxc.payload." in the process's groups. */
char *vz_container_of(const char *pid)
{
	char path[64];
	auto_free char *text = NULL;
	size_t length;
	if (!*pid || pid[strspn(pid, "0123456789")] || strlen(pid) > 10)
		return NULL;
	(void)snprintf(path, sizeof(path), "/proc/%s/cgroup", pid);
	if (file_read(-1, path, 1 << 16, &text, &length) < 0)
		return NULL;
	const char *name = strstr(text, "lxc.payload.");
	if (!name)
		return strdup("0");
	name += strlen("lxc.payload.");
	return strndup(name, strcspn(name, "/\n"));
}

static void command_of(const char *pid, char *buffer, size_t size)
{
	char path[64];
	auto_free char *text = NULL;
	size_t length;
	(void)snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	*buffer = '\0';
	if (file_read(-1, path, 4096, &text, &length) == 0)
		(void)snprintf(buffer, size, "%.*s", (int)strcspn(text, "\n"), text);
}

/* The last number of NSpid: the process's own number inside. */
static unsigned inner_pid(const char *pid)
{
	char path[64];
	auto_free char *text = NULL;
	size_t length;
	(void)snprintf(path, sizeof(path), "/proc/%s/status", pid);
	char *line = file_read(-1, path, 1 << 16, &text, &length) == 0 ? strstr(text, "\nNSpid:") : NULL;
	if (!line)
		return 0;
	line += 1;
	line[strcspn(line, "\n")] = '\0';
	char *last = strrchr(line, '\t');
	return last ? (unsigned)strtoul(last + 1, NULL, 10) : 0;
}

static void print_one(const char *pid, bool has_inner)
{
	char command[64];
	auto_free char *container = vz_container_of(pid);
	if (!container) {
		fprintf(stderr, "vzpid: no process %s\n", pid);
		return;
	}
	command_of(pid, command, sizeof(command));
	if (has_inner)
		printf("%s\t%s\t%u\t%s\n", pid, container, inner_pid(pid), command);
	else
		printf("%s\t%s\t%s\n", pid, container, command);
}

int vzpid_main(int argc, char **argv)
{
	char word[32];
	bool has_inner = argc > 1 && strcmp(argv[1], "-p") == 0;
	int first = 1 + has_inner;
	if (first >= argc || strcmp(argv[first], "--help") == 0) {
		fprintf(first >= argc ? stderr : stdout, "Usage: vzpid [-p] PID...|-\nPrints the container of each process; -p: its number there, too.\n");
		return first >= argc;
	}
	puts(has_inner ? "Pid\tCTID\tCT/Pid\tName" : "Pid\tCTID\tName");
	if (strcmp(argv[first], "-") == 0)
		while (scanf("%31s", word) == 1)
			print_one(word, has_inner);
	else
		for (int i = first; i < argc; i++)
			print_one(argv[i], has_inner);
	return 0;
}
