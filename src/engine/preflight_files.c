/* Open files of a process that criu can not take along. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/preflight.h"
#include "kernel/mountinfo.h"

enum { MAJOR_MEMORY = 1, MAJOR_TTY = 4, MAJOR_TTY_AUX = 5, MAJOR_MISC = 10, MINOR_TUN = 200, MAJOR_PTS = 136, MAJOR_PTS_END = 143 };

/* criu: files.c, dump_one_file and the like. */
static const char *const known_anonymous[] = { "[eventfd]", "[eventpoll]", "[signalfd]", "[timerfd]", "inotify", "[fanotify]",
	"[pidfd]", "bpf-map" };
static const char *const socket_tables[] = { "unix", "tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp",
	"icmp6", "packet", "netlink" };

struct files {
	struct preflight *preflight;
	pid_t pid;
	char *mountinfo; /* of the process */
	char *sockets;	 /* all tables of its network namespace */
};

static bool has_mount(const struct files *files, int id)
{
	char start[16];
	size_t length = (size_t)snprintf(start, sizeof(start), "%d ", id);

	for (const char *line = files->mountinfo; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, start, length) == 0)
			return true;
	return false;
}

/* As a column of a table of sockets. */
static bool has_socket(const struct files *files, const char *inode)
{
	size_t length = strlen(inode);

	for (const char *at = files->sockets; at && (at = strstr(at, inode)); at += length)
		if (at > files->sockets && at[-1] == ' ' && (at[length] == ' ' || at[length] == '\n' || !at[length]))
			return true;
	return false;
}

static bool is_known_anonymous(const char *name)
{
	for (size_t i = 0; i < sizeof(known_anonymous) / sizeof(*known_anonymous); i++)
		if (strcmp(name, known_anonymous[i]) == 0)
			return true;
	return false;
}

static bool is_known_device(dev_t number)
{
	unsigned kind = major(number);

	return kind == MAJOR_MEMORY || kind == MAJOR_TTY || kind == MAJOR_TTY_AUX || (kind >= MAJOR_PTS && kind <= MAJOR_PTS_END) ||
	       (kind == MAJOR_MISC && minor(number) == MINOR_TUN);
}

/* In the container's devpts; a restored one has its console through a mount that is nobody's any more. */
static bool is_own_terminal(pid_t pid, dev_t device)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/root/dev/pts", pid);
	return stat(path, &st) == 0 && st.st_dev == device;
}

/* What init's caller has given it, and gives again. */
static bool is_given(const struct files *files, const char *number)
{
	auto_free char *key = image_file_key(files->pid, number);

	vector_for_each (file, &files->preflight->image->stdio)
		if (key && strcmp(file->key, key) == 0)
			return true;
	return false;
}

static int check_path(const struct files *files, const char *number, const char *link)
{
	char path[320];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", files->pid, number);
	if (stat(path, &st) < 0)
		return 0;
	if (is_given(files, number))
		return 0;
	if (S_ISBLK(st.st_mode) || (S_ISCHR(st.st_mode) && !is_known_device(st.st_rdev)))
		return preflight_add(files->preflight, files->pid, "device %s is open", link);
	if (S_ISCHR(st.st_mode) && major(st.st_rdev) >= MAJOR_PTS && major(st.st_rdev) <= MAJOR_PTS_END)
		return is_own_terminal(files->pid, st.st_dev) ?
			0 :
			preflight_add(files->preflight, files->pid, "terminal %s of the host is open (as %s)", link, number);
	int mount = image_file_mount(files->pid, number);
	if (mount >= 0 && !has_mount(files, mount) && !text_starts(link, "/memfd:") && !text_starts(link, "/dev/zero (deleted)") &&
		!text_starts(link, "/SYSV"))
		return preflight_add(files->preflight, files->pid, "file %s of the host is open (as %s)", link, number);
	return 0;
}

/* systemd watches the link /etc/localtime itself; criu follows it and finds another file (criu/fsnotify.c). */
static int check_watches(const struct files *files, const char *number)
{
	char path[320], entry[64];
	auto_free char *text = NULL;
	size_t length;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/root/etc/localtime", files->pid);
	if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", files->pid, number);
	if (file_read(AT_FDCWD, path, 1 << 20, &text, &length) < 0)
		return 0;
	snprintf(entry, sizeof(entry), " ino:%llx sdev:", (unsigned long long)st.st_ino);
	return strstr(text, entry) ?
		preflight_add(files->preflight, files->pid, "it watches the link /etc/localtime, make it a file: cp --remove-destination "
							    "$(realpath /etc/localtime) /etc/localtime, and start again") :
		0;
}

static int check_file(const struct files *files, const char *number)
{
	char path[320], link[512], inode[32];

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", files->pid, number);
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return 0;
	link[n] = '\0';
	if (*link == '/')
		return check_path(files, number, link);
	if (strcmp(link, "anon_inode:inotify") == 0)
		return check_watches(files, number);
	if (text_starts(link, "anon_inode:") && !is_known_anonymous(link + strlen("anon_inode:")))
		return preflight_add(files->preflight, files->pid, "it uses %s (as %s), which criu does not know",
			link + strlen("anon_inode:"), number);
	if (sscanf(link, "socket:[%31[0-9]", inode) == 1 && !has_socket(files, inode))
		return preflight_add(files->preflight, files->pid, "socket %s is of a family that criu does not know, or of another network",
			number);
	return 0;
}

static void read_sockets(struct files *files)
{
	size_t size;
	FILE *out = open_memstream(&files->sockets, &size);

	for (size_t i = 0; out && i < sizeof(socket_tables) / sizeof(*socket_tables); i++) {
		char path[64];
		auto_free char *text = NULL;
		size_t length;
		snprintf(path, sizeof(path), "/proc/%d/net/%s", files->pid, socket_tables[i]);
		if (file_read(AT_FDCWD, path, 64 << 20, &text, &length) == 0)
			fputs(text, out);
	}
	if (out)
		fclose(out);
}

int preflight_files(struct preflight *preflight, pid_t pid)
{
	struct files files = { .preflight = preflight, .pid = pid };
	char path[64];
	size_t length;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	auto_closedir DIR *stream = opendir(path);
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	if (!stream || file_read(AT_FDCWD, path, 64 << 20, &files.mountinfo, &length) < 0)
		return 0; /* it has ended */
	read_sockets(&files);
	for (struct dirent *entry; r == 0 && (entry = readdir(stream));)
		if (*entry->d_name != '.')
			r = check_file(&files, entry->d_name);
	free(files.mountinfo);
	free(files.sockets);
	return r;
}
