/*
 * wabe-apparmor: loads and removes the AppArmor profiles of containers. Set-uid root, because the kernel lets root alone
 * load policy: so that a container of an ordinary user has a profile, too. Its caller may be an attacker:
 * - The rules are written here. Of the caller are two switches and a name that begins with its own user id.
 *   Only root may add lines (standard input).
 * - Nothing of the environment, the open files, the limits, the terminal or the directory is the caller's once it runs.
 * - The compiler runs as root with an empty environment, out of reach of the caller; what it made is kept where root
 *   alone can write, and loaded from there without it.
 * - A user has so many profiles and no more.
 *
 *   wabe-apparmor load [nesting] [userns] LABEL    prints the label to run under
 *   wabe-apparmor default                          loads the profile of containers that name none, unless it is there
 *   wabe-apparmor unload LABEL
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/process.h"
#include "security/apparmor.h"

#define POLICY	     "/sys/kernel/security/apparmor"
#define CACHE	     "/run/wabe/apparmor"
#define CACHE_MAGIC  0x31617077U /* "wpa1" */
#define MAX_RAW	     (64 * 1024)
#define MAX_COMPILED (16 * 1024 * 1024)
#define MAX_PROFILES 128 /* of one user, loaded or kept */

struct request {
	uid_t uid; /* who asks */
	struct apparmor_profile profile;
	char namespace[APPARMOR_LABEL_MAX + 1];
	int cache_fd; /* the user's directory, locked */
};

/* A kept profile: this, its text, what the kernel takes. */
struct cache_header {
	uint32_t magic, text_length, compiled_length, padding;
};

static int fail(int number, const char *what, const char *name)
{
	if (number)
		dprintf(STDERR_FILENO, "%s%s%s: %s\n", what, name ? " " : "", name ? name : "", strerror(number));
	else
		dprintf(STDERR_FILENO, "%s%s%s\n", what, name ? " " : "", name ? name : "");
	return EXIT_FAILURE;
}

/* ---- the process ---- */

/* 0 to 2 open, nothing else; the rest as a boot script would have it. */
static int shed_caller(void)
{
	static const int limits[] = { RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_STACK };

	for (;;) { /* or a file opened below would be one that is written to */
		int fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return -errno;
		if (fd > STDERR_FILENO)
			break;
	}
	if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0 || setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		const rlim_t value = limits[i] == RLIMIT_NOFILE ? 1024 : limits[i] == RLIMIT_STACK ? 8 << 20 : RLIM_INFINITY;
		const struct rlimit limit = { value, value };
		(void)setrlimit(limits[i], &limit); /* as far as the kernel lets */
	}
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, number == SIGXFSZ || number == SIGPIPE ? SIG_IGN : SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid(); /* signals of the terminal end here; fails for a group leader */
	(void)clearenv();
	umask(077);
	return chdir("/") < 0 ? -errno : 0;
}

/* ---- cache ---- */

static int open_directory_of_root(int at_fd, const char *path, mode_t mode)
{
	struct stat st;

	if (mkdirat(at_fd, path, mode) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_uid != 0 || st.st_mode & 022) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

/* Locked: two calls of one user wait for each other. fd or -errno. */
static int open_cache(uid_t uid)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", (unsigned)uid);
	umask(022); /* what others may look at */
	auto_close int run_fd = open_directory_of_root(AT_FDCWD, "/run/wabe", 0755);
	if (run_fd < 0)
		return run_fd;
	auto_close int all_fd = open_directory_of_root(run_fd, "apparmor", 0700);
	int fd = all_fd < 0 ? all_fd : open_directory_of_root(all_fd, name, 0700);
	if (fd >= 0)
		(void)flock(fd, LOCK_EX);
	return fd;
}

static void cache_name(const char *text, char *buffer, size_t size)
{
	(void)snprintf(buffer, size, "%016llx", (unsigned long long)hash_fnv1a64(text, strlen(text)));
}

/* What the text was compiled to, malloc'ed; or anything else than 0: it must be compiled. */
static int load_cached(int cache_fd, const char *text, char **ret, size_t *ret_length)
{
	struct cache_header header;
	auto_free char *data = NULL;
	char name[20];
	size_t length, text_length = strlen(text);

	cache_name(text, name, sizeof(name));
	int r = file_read(cache_fd, name, MAX_COMPILED, &data, &length);
	if (r < 0 || length < sizeof(header))
		return -EBADMSG;
	memcpy(&header, data, sizeof(header));
	if (header.magic != CACHE_MAGIC || header.text_length != text_length ||
		length != sizeof(header) + text_length + header.compiled_length ||
		memcmp(data + sizeof(header), text, text_length) != 0)
		return -EBADMSG;
	memmove(data, data + sizeof(header) + text_length, header.compiled_length);
	*ret_length = header.compiled_length;
	*ret = take_ptr(data);
	return 0;
}

/* Removes the rest where more than MAX_PROFILES are kept: each can be compiled again. */
static void limit_cache(int cache_fd)
{
	size_t count = 0;
	int fd = openat(cache_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_name[0] != '.' && ++count >= MAX_PROFILES)
			(void)unlinkat(cache_fd, entry->d_name, 0); /* gone is fine */
	closedir(dir);
}

/* Best effort: without it the next start compiles again. */
static void save_cached(int cache_fd, const char *text, const char *compiled, size_t length)
{
	struct cache_header header = { CACHE_MAGIC, (uint32_t)strlen(text), (uint32_t)length, 0 };
	char name[20];

	cache_name(text, name, sizeof(name));
	limit_cache(cache_fd);
	auto_close int fd = openat(cache_fd, "new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	int r = write_full(fd, &header, sizeof(header));
	r = r ?: write_full(fd, text, header.text_length);
	r = r ?: write_full(fd, compiled, length);
	if (r < 0 || renameat(cache_fd, "new", cache_fd, name) < 0)
		(void)unlinkat(cache_fd, "new", 0); /* nothing more can be done about it */
}

/* ---- compiler ---- */

static const char *find_compiler(void)
{
	static const char *const paths[] = { "/usr/sbin/apparmor_parser", "/sbin/apparmor_parser" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

/* 0 with *ret malloc'ed; -EINVAL: the compiler does not take it, and has said why if is_last. */
static int compile(const char *compiler, const char *text, bool is_last, char **ret, size_t *ret_length)
{
	char quiet[] = "-q", skip_cache[] = "-K", to_stdout[] = "-S";
	char *argv[] = { (char *)compiler, quiet, skip_cache, to_stdout, NULL }, *envp[] = { NULL };
	auto_close int in_fd = memfd_create("profile", MFD_CLOEXEC);
	auto_close int out_fd = memfd_create("compiled", MFD_CLOEXEC);
	pid_t pid;
	int status;

	if (in_fd < 0 || out_fd < 0)
		return -errno;
	int r = write_full(in_fd, text, strlen(text));
	if (r == 0 && lseek(in_fd, 0, SEEK_SET) < 0)
		r = -errno;
	r = r ?: process_spawn(argv, envp, (int[3]){ in_fd, out_fd, is_last ? STDERR_FILENO : -1 }, &pid);
	r = r ?: process_wait(pid, &status);
	if (r < 0)
		return r;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return -EINVAL;
	r = lseek(out_fd, 0, SEEK_SET) < 0 ? -errno : file_read_fd(out_fd, MAX_COMPILED, ret, ret_length);
	return r == 0 && *ret_length == 0 ? -EINVAL : r;
}

/* Compiled, by the cache or the compiler. An exit status. */
static int get_compiled(struct request *request, char **ret, size_t *ret_length)
{
	const char *compiler = NULL;
	int r = -EINVAL;

	request->profile.names_new_classes = access(POLICY "/features/namespaces/userns_create", F_OK) == 0;
	for (;;) {
		auto_free char *text = NULL;
		if (apparmor_profile_text(&request->profile, &text) < 0)
			return fail(ENOMEM, "write the profile", NULL);
		if (load_cached(request->cache_fd, text, ret, ret_length) == 0)
			return 0;
		compiler = compiler ?: find_compiler();
		if (!compiler)
			return fail(0, "apparmor_parser is missing: install the package apparmor", NULL);
		/* a kernel may know what its parser does not yet */
		bool is_last = !request->profile.names_new_classes;
		r = compile(compiler, text, is_last, ret, ret_length);
		if (r == 0)
			save_cached(request->cache_fd, text, *ret, *ret_length);
		if (r != -EINVAL || is_last)
			break;
		request->profile.names_new_classes = false;
	}
	return r < 0 ? fail(-r, "compile the profile with", compiler) : 0;
}

/* ---- kernel ---- */

/* Counts the loaded profiles whose names begin like this user's; sets *ret_has when label is one. */
static size_t count_loaded(const char *prefix, const char *label, bool *ret_has)
{
	auto_free char *text = NULL;
	size_t length, count = 0, prefix_length = strlen(prefix), label_length = strlen(label);

	*ret_has = false;
	if (file_read(AT_FDCWD, POLICY "/profiles", MAX_COMPILED, &text, &length) < 0)
		return 0;
	for (char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		count += strncmp(line, prefix, prefix_length) == 0;
		if (strncmp(line, label, label_length) == 0 && line[label_length] == ' ')
			*ret_has = true;
	}
	return count;
}

static int write_policy(const char *file, const char *data, size_t length)
{
	auto_close int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, data, length); /* a policy is taken in one write or not at all */
	return n < 0 ? -errno : (size_t)n == length ? 0 : -EIO;
}

/* The directory of the namespace of policies that goes with a label; returns its name in there. */
static const char *namespace_path(const char *label, char path[PATH_MAX])
{
	int start = snprintf(path, PATH_MAX, POLICY "/policy/namespaces/");

	snprintf(path + start, PATH_MAX - (size_t)start, "%s", label);
	for (char *c = path + start; *c; c++)
		if (*c == '/')
			*c = '-';
	return path + start;
}

/* A namespace of policies in which root's container has its own; where the kernel can stack them. */
static void make_namespace(struct request *request)
{
	char path[PATH_MAX];

	if (request->uid != 0 || access(POLICY "/features/domain/stack", F_OK) < 0)
		return;
	snprintf(request->namespace, sizeof(request->namespace), "%s", namespace_path(request->profile.label, path));
	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		request->profile.policy_namespace = request->namespace;
}

static void remove_namespace(const char *label)
{
	char path[PATH_MAX];

	(void)namespace_path(label, path);
	(void)rmdir(path); /* most have none */
}

/* ---- the three acts ---- */

static int read_raw(struct request *request, char **ret)
{
	size_t length;
	int r = file_read_fd(STDIN_FILENO, MAX_RAW, ret, &length);

	if (r < 0)
		return fail(-r, "read further lines", NULL);
	if (length)
		request->profile.raw = *ret;
	return 0;
}

static int load(struct request *request)
{
	auto_free char *compiled = NULL;
	size_t length;

	int status = get_compiled(request, &compiled, &length);
	if (status)
		return status;
	int r = write_policy(POLICY "/.replace", compiled, length);
	return r < 0 ? fail(-r, "load profile", request->profile.label) : 0;
}

static int act_load(struct request *request, char **arguments)
{
	auto_free char *raw = NULL;
	char prefix[24] = "lxc-";
	bool is_there;
	int status = 0;

	for (; arguments[0] && arguments[1]; arguments++) {
		if (strcmp(arguments[0], "nesting") == 0)
			request->profile.allow_nesting = true;
		else if (strcmp(arguments[0], "userns") == 0)
			request->profile.has_user_namespace = true;
		else
			return fail(0, "not understood", NULL);
	}
	if (!arguments[0] || !apparmor_label_is_of(request->uid, arguments[0]))
		return fail(0, "this is no profile of the user", NULL);
	request->profile.label = arguments[0];
	if (request->uid == 0)
		status = read_raw(request, &raw);
	else
		snprintf(prefix, sizeof(prefix), "lxc-uid%u-", (unsigned)request->uid);
	if (request->uid != 0 && count_loaded(prefix, arguments[0], &is_there) >= MAX_PROFILES && !is_there)
		return fail(0, "the user has too many profiles loaded: stop a container", NULL);
	if (status == 0) {
		make_namespace(request);
		status = load(request);
	}
	if (status == 0 && request->profile.policy_namespace)
		dprintf(STDOUT_FILENO, "%s//&:%s:unconfined\n", arguments[0], request->namespace);
	else if (status == 0)
		dprintf(STDOUT_FILENO, "%s\n", arguments[0]);
	else
		remove_namespace(arguments[0]);
	return status;
}

static int act_default(struct request *request)
{
	bool is_there;

	(void)count_loaded("", APPARMOR_DEFAULT, &is_there);
	request->profile.label = APPARMOR_DEFAULT;
	int status = is_there ? 0 : load(request);
	if (status == 0) /* spares ordinary users, who may not look what is loaded, a call for each start */
		(void)file_write(AT_FDCWD, APPARMOR_DEFAULT_MARK, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644, "", 0);
	return status;
}

static int act_unload(struct request *request, const char *label)
{
	if (!label || !apparmor_label_is_of(request->uid, label))
		return fail(0, "this is no profile of the user", NULL);
	int r = write_policy(POLICY "/.remove", label, strlen(label));
	if (request->uid == 0)
		remove_namespace(label);
	return r < 0 && r != -ENOENT ? fail(-r, "remove profile", label) : 0;
}

int main(int argc, char **argv)
{
	struct request request = { .uid = getuid() };

	if (argc < 2 || argc > 6)
		return fail(0, "usage: wabe-apparmor load [nesting] [userns] LABEL | default | unload LABEL", NULL);
	int r = shed_caller();
	if (r < 0)
		return fail(-r, "become root (is the program set-uid?)", NULL);
	request.cache_fd = open_cache(request.uid);
	if (request.cache_fd < 0)
		return fail(-request.cache_fd, "open " CACHE, NULL);
	if (access(POLICY, F_OK) < 0)
		return fail(0, "AppArmor takes no policy here: mount securityfs at /sys/kernel/security", NULL);
	if (strcmp(argv[1], "load") == 0)
		return act_load(&request, argv + 2);
	if (strcmp(argv[1], "default") == 0)
		return act_default(&request);
	if (strcmp(argv[1], "unload") == 0)
		return act_unload(&request, argv[2]);
	return fail(0, "not understood", NULL);
}
