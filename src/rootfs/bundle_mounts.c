/* mounts[] of an OCI bundle. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/fd_pile.h"
#include "kernel/lsm.h"
#include "kernel/mount.h"
#include "kernel/path_in_root.h"
#include "rootfs/bundle.h"

/* One entry being mounted. */
struct job {
	const struct rootfs_context *root;
	const struct spec_mount *entry;
	int opened_fd; /* of the supervisor, borrowed; -1: none */
	struct fd_pile *pile;
	int *dev_fd; /* root->dev_fd: a tmpfs that was mounted just now, in which nobody has been */
};

/* What an entry is mounted on: fd itself, or name in it, which is no link. */
struct target {
	int fd;
	char name[NAME_MAX + 1];
};

static int fault(const struct job *job, int r, const char *act, struct error *err)
{
	return spec_error(err, r, job->root->spec, &job->entry->origin, "%s /%s", act, job->entry->target);
}

bool bundle_may_cover(const char *path)
{
	static const char *const files[] = { "cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo",
		"sys/kernel/ns_last_pid", "sys/crypto/fips_enabled", "sys/kernel/core_pattern" };

	if (strncmp(path, "proc/", 5) != 0)
		return strcmp(path, "proc") != 0;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (strcmp(path + 5, files[i]) == 0)
			return true;
	return false;
}

/* A mount over files of /proc could fake what the runtime does there (CVE-2019-16884). */
static int check_target(const struct job *job, int target_fd, struct error *err)
{
	struct statfs fs;

	if (fstatfs(target_fd, &fs) < 0)
		return fault(job, -errno, "look at", err);
	/* by the name that it is mounted under: a link of the image must not lead there from elsewhere */
	if (fs.f_type != PROC_SUPER_MAGIC || (text_starts(job->entry->target, "proc/") && bundle_may_cover(job->entry->target)))
		return 0;
	if (strcmp(job->entry->target, "proc") == 0)
		return 0; /* the whole: what it is of is looked at by who mounts */
	int r = fault(job, EPERM, "mount over", err);
	error_hint(err, "only files as cpuinfo and meminfo of /proc may be covered");
	return r;
}

/* A mount point in that tmpfs: it is not there yet, and what we have made is no link and no procfs. False: look yourself. */
static bool make_in_dev(const struct job *job, bool is_file, struct target *ret)
{
	const char *name = *job->dev_fd >= 0 && text_starts(job->entry->target, "dev/") ? job->entry->target + strlen("dev/") : "";

	if (!*name || strchr(name, '/') || strlen(name) > NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	/* the umask, 022, takes nothing away */
	if ((is_file ? mknodat(*job->dev_fd, name, S_IFREG | 0644, 0) : mkdirat(*job->dev_fd, name, 0755)) < 0)
		return false;
	ret->fd = *job->dev_fd;
	strcpy(ret->name, name);
	return true;
}

/* The descriptor stays open until the root is changed. */
static int open_target(const struct job *job, bool is_file, struct target *ret, struct error *err)
{
	if (make_in_dev(job, is_file, ret))
		return 0;
	int fd = path_create_in_root(job->root->root_fd, job->entry->target, is_file ? PATH_CREATE_FILE : PATH_CREATE_DIRECTORY);

	if (fd < 0)
		return fault(job, fd, "make the mount point", err);
	fd_pile_add(job->pile, fd);
	*ret = (struct target){ .fd = fd };
	return check_target(job, fd, err);
}

/* proc and sysfs only go on directories of the image itself, not where a link of it leads (CVE-2019-19921). */
static int open_plain_target(const struct job *job, struct target *ret, struct error *err)
{
	const char *path = job->entry->target;
	int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
	int fd = path_open_in_root(job->root->root_fd, path, flags, 0);

	if (fd == -ENOENT) {
		auto_close int made_fd = path_create_in_root(job->root->root_fd, path, PATH_CREATE_DIRECTORY);
		fd = made_fd < 0 ? made_fd : path_open_in_root(job->root->root_fd, path, flags, 0);
	}
	if (fd < 0) {
		(void)fault(job, fd, "mount on", err);
		if (fd == -ENOTDIR || fd == -ELOOP)
			error_hint(err, "it must be a directory of the image, not a link");
		return fd;
	}
	fd_pile_add(job->pile, fd);
	*ret = (struct target){ .fd = fd };
	return 0;
}

/* ---- bind ---- */

static int open_source(const struct job *job, struct error *err)
{
	const struct spec_mount *entry = job->entry;
	int fd = job->opened_fd >= 0 ? fcntl(job->opened_fd, F_DUPFD_CLOEXEC, 3) :
				       mount_clone_tree(AT_FDCWD, entry->source, entry->flags_set & MS_REC);

	if (fd < 0) {
		(void)spec_error(err, fd, job->root->spec, &entry->origin, "mount source %s", entry->source);
		return fd;
	}
	return fd;
}

/* A user namespace must leave the flags that the host has set. */
static int set_flags(const struct job *job, int fd, uint64_t set, uint64_t clear, bool is_recursive)
{
	int r = mount_set_flags(fd, set, clear, is_recursive);

	return r == -EPERM && job->root->has_user_namespace && clear ? mount_set_flags(fd, set, 0, is_recursive) : r;
}

static int set_attributes(const struct job *job, int fd, bool with_flags)
{
	const struct spec_mount *entry = job->entry;
	int r = with_flags ? set_flags(job, fd, entry->flags_set, entry->flags_clear, false) : 0;

	if (r == 0 && (entry->recursive_set || entry->recursive_clear))
		r = set_flags(job, fd, entry->recursive_set, entry->recursive_clear, true);
	return r;
}

static int mount_bind(const struct job *job, struct error *err)
{
	const struct spec_mount *entry = job->entry;
	struct stat st;
	struct statfs fs;
	auto_close int tree_fd = open_source(job, err);

	if (tree_fd < 0)
		return tree_fd;
	if (fstat(tree_fd, &st) < 0 || fstatfs(tree_fd, &fs) < 0)
		return fault(job, -errno, "look at the source of", err);
	if (strcmp(entry->target, "proc") == 0 && fs.f_type != PROC_SUPER_MAGIC)
		return fault(job, EPERM, "mount something that is no procfs on", err);
	struct target target;
	int r = open_target(job, !S_ISDIR(st.st_mode), &target, err);
	if (r < 0)
		return r;
	r = set_attributes(job, tree_fd, true);
	bool is_late = r == -ENOSYS; /* before 5.12 only once it is attached */
	if (r == 0 || is_late)
		r = mount_attach(tree_fd, target.fd, target.name);
	if (r == 0 && is_late)
		r = set_attributes(job, tree_fd, true);
	if (r == 0 && entry->propagation)
		r = mount_at_fd(NULL, tree_fd, NULL, entry->propagation, NULL);
	return r < 0 ? fault(job, r, "mount on", err) : 0;
}

/* ---- file systems ---- */

/* A tmpfs looks as the directory that it hides, unless a mode is given; SELinux' label goes to all. */
static int build_data(const struct job *job, const struct target *target, char **ret)
{
	const struct spec_mount *entry = job->entry;
	const char *label = job->root->spec->oci.mount_label;
	char mode[24] = "";
	struct stat st;

	if (strcmp(entry->type, "tmpfs") == 0 && (!entry->data || !strstr(entry->data, "mode=")) &&
		fstatat(target->fd, target->name, &st, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0)
		(void)snprintf(mode, sizeof(mode), "mode=%o", st.st_mode & 07777);
	bool has_label = label && *label && lsm_has_selinux();
	if (!*mode && !has_label)
		return text_replace(ret, entry->data);
	return text_format(ret, "%s%s%s%s%s%s%s", entry->data ?: "", entry->data && *mode ? "," : "", mode,
		has_label && (entry->data || *mode) ? "," : "", has_label ? "context=\"" : "", has_label ? label : "",
		has_label ? "\"" : "");
}

/* "gid=5" of a group that the user namespace has not. */
static void drop_gid(char *data)
{
	char *option = data ? strstr(data, "gid=") : NULL;

	if (!option)
		return;
	size_t length = strcspn(option, ",");
	length += option[length] == ',';
	memmove(option, option + length, strlen(option + length) + 1);
	size_t rest = strlen(data);
	if (rest > 0 && data[rest - 1] == ',')
		data[rest - 1] = '\0';
}

static int mount_new(const struct job *job, const struct target *target, uint64_t flags, char *data)
{
	const struct spec_mount *entry = job->entry;
	int r = mount_at_name(entry->source, target->fd, target->name, entry->type, flags, data && *data ? data : NULL);

	if (r == -EINVAL && strcmp(entry->type, "devpts") == 0 && data) {
		drop_gid(data);
		r = mount_at_name(entry->source, target->fd, target->name, entry->type, flags, *data ? data : NULL);
	}
	if (r == -EPERM && strcmp(entry->type, "sysfs") == 0) { /* the network namespace is the host's */
		auto_close int tree_fd = mount_clone_tree(AT_FDCWD, "/sys", true);
		r = tree_fd < 0 ? tree_fd : mount_set_flags(tree_fd, MS_RDONLY, 0, true);
		r = r ?: mount_attach(tree_fd, target->fd, target->name);
	}
	return r;
}

static bool is_dev(const struct spec_mount *entry)
{
	return strcmp(entry->target, "dev") == 0;
}

static int finish(const struct job *job, int below_fd, bool is_late_read_only)
{
	const struct spec_mount *entry = job->entry;

	if (!entry->propagation && !entry->copy_up && !entry->recursive_set && !entry->recursive_clear && !is_late_read_only)
		return 0;
	auto_close int fd = path_open_in_root(job->root->root_fd, entry->target, O_RDONLY | O_DIRECTORY, 0);
	int r = fd < 0 ? fd : 0;
	if (r == 0 && entry->copy_up)
		r = bundle_copy_up(below_fd, fd);
	if (r == 0 && is_late_read_only && !is_dev(entry))
		r = mount_set_flags(fd, MS_RDONLY, 0, false);
	r = r ?: set_attributes(job, fd, false);
	if (r == 0 && entry->propagation)
		r = mount_at_fd(NULL, fd, NULL, entry->propagation, NULL);
	return r;
}

static int mount_file_system(const struct job *job, struct error *err)
{
	const struct spec_mount *entry = job->entry;
	bool is_kernel_fs = strcmp(entry->type, "proc") == 0 || strcmp(entry->type, "sysfs") == 0;
	auto_free char *data = NULL;
	auto_close int below_fd = -1;
	struct target target;
	int r = is_kernel_fs ? open_plain_target(job, &target, err) : open_target(job, false, &target, err);

	if (r < 0)
		return r;
	if (strcmp(entry->target, "proc") == 0 && strcmp(entry->type, "proc") != 0)
		return fault(job, EPERM, "mount something that is no procfs on", err);
	if (entry->copy_up && (below_fd = path_open_in_root(job->root->root_fd, entry->target, O_RDONLY | O_DIRECTORY, 0)) < 0)
		return fault(job, below_fd, "read", err);
	/* what is to be filled yet becomes read-only later */
	bool is_late = entry->flags_set & MS_RDONLY && (entry->copy_up || is_dev(entry));
	uint64_t flags = entry->flags_set & ~(uint64_t)(MS_REC | (is_late ? MS_RDONLY : 0));
	r = build_data(job, &target, &data);
	r = r ?: mount_new(job, &target, flags, data);
	r = r ?: finish(job, below_fd, is_late);
	if (r == 0 && is_dev(entry) && strcmp(entry->type, "tmpfs") == 0 && !entry->copy_up)
		*job->dev_fd = path_open_in_root(job->root->root_fd, entry->target, O_PATH | O_DIRECTORY, 0);
	if (r < 0) {
		(void)spec_error(err, r, job->root->spec, &entry->origin, "mount %s on /%s", entry->type, entry->target);
		if (r == -ENODEV)
			error_hint(err, "this kernel has no such file system");
	}
	return r < 0 ? r : 0;
}

static int remount(const struct job *job, struct error *err)
{
	const struct spec_mount *entry = job->entry;
	auto_close int fd = path_open_in_root(job->root->root_fd, entry->target, O_PATH, 0);
	int r = fd < 0 ? fd : 0;

	if (r == 0)
		r = entry->flags_set & MS_BIND ? set_attributes(job, fd, true) :
						 mount_at_fd(entry->source, fd, entry->type, entry->flags_set, entry->data);
	return r < 0 ? fault(job, r, "remount", err) : 0;
}

static int mount_cgroup(const struct job *job, struct error *err)
{
	int r = rootfs_mount_cgroup_entry(job->root, job->entry->target, job->entry->flags_set & MS_RDONLY);

	return r < 0 ? fault(job, r, "mount the cgroups on", err) : 0;
}

static int run_job(const struct job *job, struct error *err)
{
	const struct spec_mount *entry = job->entry;

	if (entry->flags_set & MS_REMOUNT)
		return remount(job, err);
	if (entry->flags_set & MS_BIND)
		return mount_bind(job, err);
	if (!entry->type)
		return remount(job, err); /* propagation alone */
	if (strcmp(entry->type, "cgroup") == 0 || strcmp(entry->type, "cgroup2") == 0)
		return mount_cgroup(job, err);
	return mount_file_system(job, err);
}

int bundle_mount_entries(struct rootfs_context *root, struct error *err)
{
	const struct spec_mounts *mounts = &root->spec->mounts;
	int r = 0;

	root->dev_fd = -1;
	for (size_t i = 0; r == 0 && i < mounts->entries.count; i++) {
		fd_pile_make_room(&root->pile);
		struct job job = { root, &mounts->entries.items[i], root->mount_fds ? root->mount_fds[i] : -1, &root->pile, &root->dev_fd };
		if (is_dev(job.entry)) { /* another comes to lie over it */
			fd_pile_add(&root->pile, root->dev_fd);
			root->dev_fd = -1;
		}
		r = run_job(&job, err);
	}
	return r;
}
