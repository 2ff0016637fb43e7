/*
 * Host name, name servers and passwords of the system inside. Files are written below its own root (chroot, or in its
 * namespaces), by a new file that takes the old one's place: links and devices that its root has put there lead nowhere else.
 */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MAX_FILE 65536

/* A regular file of at most MAX_FILE bytes, or "". */
static char *read_plain(const char *path)
{
	struct stat info;
	char *text = NULL;
	size_t length;
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || file_read_fd(fd, MAX_FILE, &text, &length) < 0)
		return strdup("");
	return text;
}

static int write_plain(const char *path, const char *text)
{
	char temporary[128];
	(void)snprintf(temporary, sizeof(temporary), "%s.vz-new", path);
	(void)unlink(temporary);
	int r = file_write(-1, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644, text, strlen(text));
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(temporary);
	return r;
}

/* The file without the lines that start with prefix, and with line (NULL: none) at its end. */
static int replace_line(const char *path, const char *prefix, const char *line)
{
	auto_free char *text = read_plain(path);
	char *result = NULL, *next = text;
	size_t size;
	FILE *out = text ? open_memstream(&result, &size) : NULL;
	if (!out)
		return -ENOMEM;
	for (char *item; (item = strsep(&next, "\n"));)
		if (!text_starts(item, prefix) && (*item || next))
			fprintf(out, "%s\n", item);
	if (line)
		fprintf(out, "%s\n", line);
	int r = fclose(out) == 0 ? write_plain(path, result) : -ENOMEM;
	free(result);
	return r;
}

static bool exists(const char *path)
{
	struct stat info;
	return lstat(path, &info) == 0;
}

/* Red Hat of before systemd has it in /etc/sysconfig/network, all others in /etc/hostname. */
static int write_hostname(const char *name)
{
	auto_free char *line = NULL, *hosts = NULL, *sysconfig = NULL;
	const char *dot = strchr(name, '.');
	if (text_format(&line, "%s\n", name) < 0 || text_format(&sysconfig, "HOSTNAME=\"%s\"", name) < 0)
		return -ENOMEM;
	int r = dot ? text_format(&hosts, "127.0.1.1\t%s %.*s", name, (int)(dot - name), name) :
		      text_format(&hosts, "127.0.1.1\t%s", name);
	if (exists("/etc/sysconfig/network"))
		r = r ?: replace_line("/etc/sysconfig/network", "HOSTNAME=", sysconfig);
	r = r ?: write_plain("/etc/hostname", line);
	return r ?: replace_line("/etc/hosts", "127.0.1.1\t", hosts);
}

static int write_resolver(const struct vz_inside *inside)
{
	auto_free char *text = read_plain("/etc/resolv.conf");
	struct string_list servers = { 0 };
	char *result = NULL, *next = text;
	size_t size;
	FILE *out = text ? open_memstream(&result, &size) : NULL;
	if (!out)
		return -ENOMEM;
	for (char *item; (item = strsep(&next, "\n"));) {
		bool is_search = text_starts(item, "search") || text_starts(item, "domain");
		if (*item && !(inside->nameservers && text_starts(item, "nameserver")) && !(inside->search && is_search))
			fprintf(out, "%s\n", item);
	}
	if (inside->search && *inside->search)
		fprintf(out, "search %s\n", inside->search);
	int r = text_split(inside->nameservers ?: "", " \t", &servers);
	for (size_t i = 0; i < servers.count; i++)
		fprintf(out, "nameserver %s\n", servers.items[i]);
	string_list_clear(&servers);
	r = fclose(out) == 0 ? r : -ENOMEM;
	r = r ?: write_plain("/etc/resolv.conf", result);
	free(result);
	return r;
}

struct work {
	const struct vz_inside *inside;
	bool is_live;
};

/* With the container's root as "/". */
static int write_files(void *payload)
{
	const struct work *work = payload;
	const struct vz_inside *inside = work->inside;
	int r = 0;
	(void)umask(022);
	if (inside->hostname && work->is_live && sethostname(inside->hostname, strlen(inside->hostname)) < 0)
		r = -errno;
	if (inside->hostname && *inside->hostname)
		r = r ?: write_hostname(inside->hostname);
	if (inside->nameservers || inside->search)
		r = r ?: write_resolver(inside);
	return r < 0 ? -r & 127 : 0;
}

static int fork_below(const struct work *work, const char *root, uint32_t uid, uint32_t gid, pid_t *ret_pid)
{
	pid_t pid = fork();
	if (pid == 0) {
		if (chdir(root) < 0 || chroot(".") < 0)
			_exit(errno & 127);
		(void)setfsgid(gid); /* what is made belongs to the container's root */
		(void)setfsuid(uid);
		_exit(write_files((void *)work));
	}
	*ret_pid = pid;
	return pid < 0 ? -errno : 0;
}

int vz_write_inside(const struct vz *vz, const struct vz_inside *inside, const char *root, struct error *err)
{
	struct work work = { inside, root == NULL };
	struct container_id id = vz_id(vz);
	struct stat info;
	int status = 0, r;
	pid_t pid;
	if (root) {
		r = stat(root, &info) < 0 ? -errno : fork_below(&work, root, info.st_uid, info.st_gid, &pid);
	} else {
		struct attach_options options = { .namespaces = -1, .move_to_cgroup = true, .drop_capabilities = true,
			.apply_lsm = true, .personality = -1, .uid = (uid_t)-1, .gid = (gid_t)-1, .initial_cwd = "/",
			.stdin_fd = STDIN_FILENO, .stdout_fd = STDOUT_FILENO, .stderr_fd = STDERR_FILENO };
		r = engine_attach(&id, write_files, &work, &options, &pid, err);
		if (r < 0)
			return r;
	}
	r = r < 0 ? r : process_wait(pid, &status);
	if (r >= 0 && status != 0)
		r = WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
	return r < 0 ? error_set(err, r, "write the files of the system inside") : 0;
}

char *vz_inherit(const char *value, const char *word)
{
	if (!value)
		return NULL;
	if (strcmp(value, "inherit") != 0)
		return strdup(value);
	auto_free char *text = read_plain("/etc/resolv.conf");
	char *result = NULL, *next = text;
	size_t size, length = strlen(word);
	FILE *out = text ? open_memstream(&result, &size) : NULL;
	if (!out)
		return NULL;
	for (char *item; (item = strsep(&next, "\n"));)
		if (strncmp(item, word, length) == 0 && (item[length] == ' ' || item[length] == '\t'))
			fprintf(out, "%s%s", ftell(out) ? " " : "", text_trim(item + length));
	if (fclose(out) == 0)
		return result;
	free(result);
	return NULL;
}

/* ---- passwords ---- */

static const char set_password[] =
	"IFS= read -r line || exit 1; user=${line%%:*}; "
	"if ! grep -q \"^$user:\" /etc/passwd; then useradd -m \"$user\" 2>/dev/null || adduser -D \"$user\" || exit 1; fi; "
	"printf '%s\\n' \"$line\" | chpasswd >/dev/null";

int vz_set_password(const struct vz *vz, const char *text)
{
	const char *colon = strchr(text, ':');
	struct error err = { 0 };
	int status = 0, pipe_fds[2];
	if (!colon || colon == text || strchr(text, '\n'))
		return vz_fail(vz, VZ_BAD_VALUE, "Bad parameter for --userpasswd: USER:PASSWORD is expected");
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return vz_fail(vz, VZ_SYSTEM, "Unable to set the password: %s", strerror(errno));
	int r = write_full(pipe_fds[1], text, strlen(text)); /* far less than a pipe takes */
	r = r ?: write_full(pipe_fds[1], "\n", 1);
	close(pipe_fds[1]);
	struct vz_program program = { .shell_line = set_password, .stdin_fd = pipe_fds[0], .home = "/" };
	r = r ?: vz_run(vz, &program, &status, &err);
	close(pipe_fds[0]);
	if (r < 0 || status != 0)
		return vz_fail(vz, VZ_PASSWORD, "Unable to set the password of %.*s", (int)(colon - text), text);
	return VZ_OK;
}
