/* A container as one archive. */
#include "base/file.h"
#include "base/process.h"
#include "engine/mapped.h"
#include "liblxc/extra.h"
#include "liblxc/internal.h"
#include "liblxc/paths.h"
#include "storage/storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What tar finds the root at. */
#define ROOT_FD	 100
#define ROOT_PATH "/proc/self/fd/100/."

struct export {
	struct lxc_container *c;
	const struct spec *spec;
	int out_fd;
	int root_fd; /* the directory that is packed; -1: opened by who packs it */
	struct string_list command; /* ends in NULL */
};

/* ---- what is put in beside the root ---- */

static int write_metadata(const struct export *export, const char *directory)
{
	auto_free char *text = NULL, *file = NULL, *config = NULL, *config_file = NULL;
	struct utsname machine = { 0 };
	(void)uname(&machine);
	int r = text_format(&text, "format = wabe-container-1\nname = %s\npath = %s/%s\nmachine = %s\nidmap = %s\ntime = %lld\n",
		export->c->name, export->c->config_path, export->c->name, machine.machine,
		export->spec->idmaps.count ? "yes" : "no", (long long)time(NULL));
	r = r ?: text_format(&file, "%s/metadata", directory);
	r = r ?: text_format(&config_file, "%s/config", directory);
	r = r ?: lxc_config_text(self(export->c)->config, &config);
	r = r ?: file_write(-1, file, O_WRONLY | O_CREAT | O_EXCL, 0600, text, strlen(text));
	return r ?: file_write(-1, config_file, O_WRONLY | O_CREAT | O_EXCL, 0600, config, strlen(config));
}

static int add_companions(struct export *export)
{
	auto_free char *directory = container_path(export->c, "");
	auto_closedir DIR *dir = directory ? opendir(directory) : NULL;
	int r = dir ? string_list_add(&export->command, "-C") : -errno;
	r = r ?: string_list_add(&export->command, directory);
	for (struct dirent *entry; r == 0 && (entry = readdir(dir));) {
		auto_free char *option = NULL;
		struct stat info;
		const char *name = entry->d_name;
		if (strcmp(name, "metadata") == 0 || !is_companion(dirfd(dir), name, &info)) /* the archive has one of its own */
			continue;
		r = text_format(&option, "--add-file=%s", name);
		r = r ?: string_list_add(&export->command, option);
	}
	return r;
}

/*
 * Owners by number, and all that a file has, ACLs as attributes (--acls would write the host's names of users);
 * the root's names get "rootfs" in front, targets of links stay.
 */
static int fill_command(struct export *export, const char *directory, const char *compression)
{
	static const char *const fixed[] = { "tar", "-c", "--format=posix", "--numeric-owner", "--xattrs", "--xattrs-include=*",
		"--sparse", "--one-file-system", "--warning=no-file-ignored", "--transform=flags=rh;s,^\\.$,rootfs,;s,^\\./,rootfs/,",
		"-f", "-" };
	auto_free char *option = NULL;
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(fixed) / sizeof(*fixed); i++)
		r = string_list_add(&export->command, fixed[i]);
	if (r == 0 && strcmp(compression, "none") != 0) {
		r = text_format(&option, "--%s", compression);
		r = r ?: string_list_add(&export->command, option);
	}
	r = r ?: string_list_add(&export->command, "-C");
	r = r ?: string_list_add(&export->command, directory);
	r = r ?: string_list_add(&export->command, "metadata");
	r = r ?: string_list_add(&export->command, "config");
	r = r ?: add_companions(export);
	r = r ?: string_list_add(&export->command, "-C");
	r = r ?: string_list_add(&export->command, ROOT_PATH);
	r = r ?: string_list_add(&export->command, ".");
	return r < 0 ? r : vector_add(&export->command) ? 0 : -ENOMEM;
}

/* ---- the run ---- */

static void exec_tar(const struct export *export, int root_fd) __attribute__((noreturn));

static void exec_tar(const struct export *export, int root_fd)
{
	if (dup2(root_fd, ROOT_FD) < 0 || dup2(export->out_fd, STDOUT_FILENO) < 0)
		_exit(127);
	execvp(export->command.items[0], export->command.items);
	_exit(127);
}

static int run_tar(void *data, struct error *err)
{
	const struct export *export = data;
	int status = 0;
	auto_close int own_fd = export->root_fd < 0 ? storage_open_root(export->spec, err) : -1;
	if (export->root_fd < 0 && own_fd < 0)
		return own_fd;
	pid_t pid = fork();
	if (pid == 0)
		exec_tar(export, own_fd < 0 ? export->root_fd : own_fd);
	if (pid < 0)
		return error_set(err, errno, "run tar");
	int r = process_wait(pid, &status);
	if (r < 0)
		return error_set(err, r, "wait for tar");
	if (status == 0)
		return 0;
	return error_set_kind(err, ERROR_KERNEL, 0, "tar failed with status %d",
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int export_container(struct export *export, const char *compression, struct error *err)
{
	const char *temporary = getenv("TMPDIR");
	char directory[PATH_MAX];
	struct lxc_container *c = export->c;
	if (access(c->configfile, F_OK) < 0)
		return error_set_kind(err, ERROR_NOT_FOUND, ENOENT, "container %s is not defined", c->name);
	if (c->is_running(c)) {
		int r = error_set_kind(err, ERROR_BUSY, EBUSY, "%s is running", c->name);
		(void)error_hint(err, "stop it first");
		return r;
	}
	if (geteuid() == 0) { /* a volume is mounted with the rights of the host's root */
		export->root_fd = storage_open_root(export->spec, err);
		if (export->root_fd < 0)
			return export->root_fd;
	}
	int r = 0;
	(void)snprintf(directory, sizeof(directory), "%s/lxc-export-XXXXXX", temporary && *temporary == '/' ? temporary : "/tmp");
	if (!mkdtemp(directory)) /* of a path that was cut off too */
		return error_set(err, errno, "make the directory %s", directory);
	r = write_metadata(export, directory);
	r = r ?: fill_command(export, directory, compression);
	r = r < 0 ? error_set(err, r, "export %s", c->name) : engine_run_inside(export->spec, run_tar, export, err);
	(void)storage_remove_tree(directory, NULL, NULL);
	return r;
}

int extra_export(struct lxc_container *c, int out_fd, const char *compression)
{
	struct error err = { 0 };
	auto_lock(c);
	struct export export = { .c = c, .spec = lxc_config_spec(self(c)->config), .root_fd = -1, .out_fd = out_fd };
	auto_close int source_fd = container_open_source(c, &err);
	int r = source_fd < 0 ? source_fd : export_container(&export, compression, &err);
	r = r ?: container_check_source(c, source_fd, &err);
	close_fd(&export.root_fd);
	string_list_clear(&export.command);
	return r < 0 ? container_fault(c, &err, r) : 0;
}
