/* Containers out of a checkpoint: the caller's side, and the supervisor's step beside criu. */
#include "engine/restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/checkpoint.h"
#include "engine/criu.h"
#include "engine/oci_internal.h"
#include "engine/placement.h"
#include "engine/start.h"
#include "engine/supervisor_call.h"
#include "kernel/lsm.h"
#include "memory/image.h"
#include "kernel/pidfd.h"

#define RESTORE_LOG "restore.log"

/* ---- the caller ---- */

int checkpoint_is_complete(const char *directory)
{
	auto_free char *path = NULL;

	return text_format(&path, "%s/%s", directory, IMAGE_FILE) == 0 && access(path, F_OK) == 0;
}

int checkpoint_spec(const char *directory, struct spec **ret_spec, struct error *err)
{
	auto_free char *path = NULL, *text = NULL;
	size_t length;
	int r = text_format(&path, "%s/%s", directory, IMAGE_SPEC);

	r = r < 0 ? r : file_read(AT_FDCWD, path, 64 << 20, &text, &length);
	if (r < 0)
		return error_set(err, r, "%s is no whole checkpoint: %s/%s", directory, directory, IMAGE_SPEC);
	return spec_parse_flat(text, length, ret_spec, err);
}

static bool has_newline(const char *text)
{
	return text && strchr(text, '\n');
}

static int describe(const struct checkpoint_restore *restore, char **ret, struct error *err)
{
	const struct checkpoint_limits *limits = &restore->limits;
	const char *work_wish = restore->work_directory ?: restore->directory;
	char directory[PATH_MAX], work[PATH_MAX];

	if (!realpath(restore->directory, directory))
		return error_set(err, errno, "open directory %s", restore->directory);
	if (!realpath(work_wish, work))
		return error_set(err, errno, "open directory %s", work_wish);
	if (has_newline(directory) || has_newline(work) || has_newline(restore->action_script) ||
		has_newline(restore->lsm_profile) || has_newline(restore->lsm_mount_context))
		return error_set(err, EINVAL, "%s: a name with a newline", directory);
	auto_free char *program = criu_program(restore->criu);
	int r = text_format(ret, "directory %s\nwork %s\ncriu %s\naction %s\nlazy %d\nclose %d\nverbose %d\nno-connections %d\n"
		"no-outside-sockets %d\nno-file-locks %d\nno-groups %d\nno-network %d\nlsm-profile %s\nlsm-mount-context %s\n", directory, work, program ?: "criu",
		restore->action_script ?: "", restore->lazy_pages, restore->tcp_close, restore->verbose, limits->no_connections,
		limits->no_outside_sockets, limits->no_file_locks, limits->no_groups, limits->no_network, restore->lsm_profile ?: "",
		restore->lsm_mount_context ?: "");
	return r < 0 ? error_set(err, r, "prepare the restore") : 0;
}

int checkpoint_describe_restore(const struct checkpoint_restore *restore, char **ret_text, struct error *err)
{
	if (geteuid() != 0)
		return error_set_kind(err, ERROR_PERMISSION, EPERM, "criu restores containers for root alone");
	if (!checkpoint_is_complete(restore->directory))
		return error_set_kind(err, ERROR_NOT_FOUND, 0, "%s is no whole checkpoint: %s/%s is missing", restore->directory,
			restore->directory, IMAGE_FILE);
	return describe(restore, ret_text, err);
}

int checkpoint_restore(const struct spec *spec, const struct start_options *options,
	const struct checkpoint_restore *restore, struct start_result *ret_result, struct error *err)
{
	auto_free char *text = NULL;
	int r = checkpoint_describe_restore(restore, &text, err);

	return r < 0 ? r : supervisor_start(spec, options, text, ret_result, err);
}

/* ---- the supervisor ---- */

static int take_line(struct restore *restore, const char *name, const char *value)
{
	const struct {
		const char *name;
		char **text;
		bool *flag;
	} lines[] = { { "directory", &restore->directory, NULL }, { "work", &restore->work, NULL }, { "criu", &restore->criu, NULL },
		{ "action", &restore->action_script, NULL }, { "lazy", NULL, &restore->lazy_pages },
		{ "close", NULL, &restore->tcp_close }, { "verbose", NULL, &restore->verbose },
		{ "no-connections", NULL, &restore->limits.no_connections },
		{ "no-outside-sockets", NULL, &restore->limits.no_outside_sockets },
		{ "no-file-locks", NULL, &restore->limits.no_file_locks }, { "no-groups", NULL, &restore->limits.no_groups },
		{ "no-network", NULL, &restore->limits.no_network }, { "lsm-profile", &restore->lsm_profile, NULL },
		{ "lsm-mount-context", &restore->lsm_mount_context, NULL } };

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		if (strcmp(name, lines[i].name) != 0)
			continue;
		if (lines[i].text)
			return text_replace(lines[i].text, *value ? value : NULL);
		*lines[i].flag = *value == '1';
	}
	return 0;
}

/* What keeps the memory from coming later is no fault: it comes at once. */
static void restore_at_once(struct start *start, struct error *why)
{
	start->restore->lazy_pages = false;
	start_warn(start, why);
}

static void begin_pages(struct start *start)
{
	struct error why;

	if (pages_begin(start, &why) < 0)
		restore_at_once(start, &why);
}

int restore_load(struct start *start, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read(start->dir.fd, RESTORE_FILE, 65536, &text, &length);

	if (r < 0)
		return error_set(err, r, "read the wish to restore in the run directory");
	start->restore = calloc(1, sizeof(*start->restore));
	if (!start->restore)
		return error_set(err, ENOMEM, "prepare the restore");
	struct restore *restore = start->restore;
	char *next = text;
	for (char *line; r == 0 && (line = strsep(&next, "\n"));) {
		const char *name = strsep(&line, " ");
		r = line ? take_line(restore, name, line) : 0;
	}
	r = r ?: restore->directory && restore->work && restore->criu ? 0 : -EBADMSG;
	r = r < 0 ? r : text_format(&restore->log, "%s/%s", restore->work, RESTORE_LOG);
	if (r < 0)
		return error_set(err, r, "prepare the restore");
	auto_close int dir_fd = open(restore->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return error_set(err, errno, "open directory %s", restore->directory);
	r = image_read(&restore->image, dir_fd, restore->directory, err);
	if (r == 0 && restore->lazy_pages)
		begin_pages(start);
	return r;
}

void restore_clear(struct start *start)
{
	struct restore *restore = start->restore;

	if (!restore)
		return;
	image_clear(&restore->image);
	free(restore->directory);
	free(restore->work);
	free(restore->criu);
	free(restore->action_script);
	free(restore->lsm_profile);
	free(restore->lsm_mount_context);
	free(restore->log);
	free(restore);
	start->restore = NULL;
}

/* From here on init is known: who finds the supervisor dead ends it. */
static int meet_init(struct start *start, pid_t pid, struct error *err)
{
	start->init_pidfd = process_pidfd(pid);
	if (start->init_pidfd < 0)
		return error_set(err, start->init_pidfd, "find the restored init");
	start->init_pid = pid;
	(void)process_start_ticks(pid, &start->init_start_ticks); /* our child: it can not be gone */
	return start_set_state(start, STATE_STARTING, err);
}

/*
 * A group of the v1 controller that has groups below does not take "deny a" (Linux, security/device_cgroup.c): then the rules come
 * before those, and so before the nodes are made, which needs 'm' for them.
 */
static bool rules_come_first(const struct restore *restore)
{
	if (!restore->limits.no_groups)
		vector_for_each (group, &restore->image.groups)
			if (strstr(group->controllers, "devices"))
				return true;
	return false;
}

static int serve_stage(const struct criu_stage *stage, void *data, struct error *err)
{
	struct start *start = data;

	if (strcmp(stage->name, "setup-namespaces") == 0) {
		int r = meet_init(start, stage->init_pid, err);
		return r ?: oci_run_early_hooks(start, err);
	}
	if (strcmp(stage->name, "post-setup-namespaces") == 0)
		return start->network ? network_adopt(start->network, start->init_pid, start->restore->criu_pid, err) : 0;
	if (strcmp(stage->name, "post-restore") != 0)
		return 0;
	/* all processes are there and stand still */
	const struct restore *restore = start->restore;
	int r = restore->limits.no_groups ? 0 : image_restore_groups(&restore->image, &start->cgroups, err);
	if (r == 0 && !rules_come_first(restore))
		r = cgroup_set_apply_devices(&start->cgroups, start->spec, -1, err);
	return r ?: start_set_state(start, STATE_RUNNING, err);
}

/*
 * With id maps criu's part inside opens the images as the container's root, and before its maps are written as the host's
 * root without capabilities: the one gets them as owner, the other keeps them by the group. They hold nothing but what the
 * container's root has had itself.
 */
static int give_images(int dir_fd, const struct cgroup_set *set, int depth)
{
	auto_close int copy_fd = dup(dir_fd);
	auto_closedir DIR *stream = copy_fd < 0 ? NULL : fdopendir(copy_fd);

	if (!stream)
		return -errno;
	(void)take_fd(&copy_fd); /* the stream's now */
	for (struct dirent *entry; (entry = readdir(stream));)
		if (text_ends(entry->d_name, ".img") &&
			(fchmodat(dir_fd, entry->d_name, 0640, 0) < 0 ||
				fchownat(dir_fd, entry->d_name, set->owner_uid, 0, AT_SYMLINK_NOFOLLOW) < 0))
			return -errno;
	if (fchmod(dir_fd, 0750) < 0 || fchown(dir_fd, set->owner_uid, 0) < 0)
		return -errno;
	auto_close int parent_fd = openat(dir_fd, MEMORY_PARENT, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* of a pre-dump */
	return parent_fd < 0 || depth >= 64 ? 0 : give_images(parent_fd, set, depth + 1);
}

/* The link to a pass leads through the directory in which both lie, whose owner is not the container's root. */
static int check_way_to_parent(int dir_fd, const char *directory, struct error *err)
{
	struct stat above;

	if (faccessat(dir_fd, MEMORY_PARENT, F_OK, AT_SYMLINK_NOFOLLOW) < 0 || fstatat(dir_fd, "..", &above, 0) < 0 || above.st_mode & S_IXOTH)
		return 0;
	(void)error_set_kind(err, ERROR_PERMISSION, EACCES, "the container's root must reach the pass before, and %s/.. is closed to it",
		directory);
	return error_hint(err, "chmod o+x %s/..", directory);
}

static int make_readable(struct start *start, struct error *err)
{
	const char *directory = start->restore->directory;
	auto_close int dir_fd = start->cgroups.has_owner ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (!start->cgroups.has_owner)
		return 0;
	int r = dir_fd < 0 ? -errno : give_images(dir_fd, &start->cgroups, 0);
	if (r < 0)
		return error_set(err, r, "give the images in %s to the container's root", directory);
	return check_way_to_parent(dir_fd, directory, err);
}

static void run_child(void *data, int channel_fd)
{
	struct start *start = data;
	struct error err = { 0 };
	char line[1200];

	(void)setsid(); /* a fresh child is no session leader */
	(void)restore_become_criu(start, channel_fd, &err);
	/* where criu's own reason would stand: criu_serve looks there */
	int fd = open(start->restore->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	dprintf(fd, "Error (wabe): %s\n", error_render(&err, line, sizeof(line)));
	_exit(EXIT_FAILURE);
}

/*
 * criu finds out when all is made and the network is unlocked. Of a stack (A//&:NAMESPACE:B) what the container loaded
 * into its own namespace comes with the images.
 */
static int check_profile(const char *label, struct error *err)
{
	auto_free char *parts = strdup(label);

	if (!parts)
		return error_set(err, ENOMEM, "prepare the restore");
	for (char *part = parts, *next; part; part = next) {
		next = strstr(part, "//&");
		if (next) {
			*next = '\0';
			next += strlen("//&");
		}
		if (*part == ':' || strcmp(part, "unconfined") == 0 || lsm_has_apparmor_profile(part) != 0)
			continue;
		(void)error_set_kind(err, ERROR_NOT_FOUND, 0, "the checkpoint needs AppArmor profile %.200s, which is not loaded", part);
		return error_hint(err, "load the profile with apparmor_parser");
	}
	return 0;
}

/* Before AppArmor's labels were written down, that of the configuration stood for them. */
static int check_profiles(const struct start *start, struct error *err)
{
	const struct restore *restore = start->restore;
	int r = 0;

	if (restore->lsm_profile)
		return text_starts(restore->lsm_profile, "apparmor:") ?
			check_profile(restore->lsm_profile + strlen("apparmor:"), err) : 0;
	vector_for_each (label, &restore->image.profiles)
		r = r ?: check_profile(*label, err);
	if (restore->image.profiles.count == 0 && start->labels.apparmor)
		r = check_profile(start->labels.apparmor, err);
	return r;
}

int restore_run(struct start *start, struct error *err)
{
	struct criu_process process;
	struct error why;
	int r = check_profiles(start, err);

	if (r < 0)
		return r;
	vector_for_each (link, &start->restore->image.links) {
		r = network_rename_inside(start->network, link->place, link->inside_name);
		if (r < 0)
			return error_set(err, r, "the checkpoint has an interface %s that the configuration does not have",
				link->inside_name);
	}
	r = rules_come_first(start->restore) ? cgroup_set_apply_devices(&start->cgroups, start->spec, -1, err) : 0;
	if (r == 0 && !start->restore->limits.no_groups)
		r = image_make_groups(&start->restore->image, &start->cgroups, err);
	r = r ?: make_readable(start, err);
	if (r == 0 && start->restore->lazy_pages && pages_await_server(start, &why) < 0)
		restore_at_once(start, &why);
	r = r ?: criu_fork(run_child, start, &process, err);
	if (r < 0)
		return r;
	process.is_patient = start->restore->lazy_pages;
	close_fd(&start->cgroup_fd);
	start->restore->criu_pid = process.pid;
	r = criu_serve(&process, serve_stage, start, start->restore->log, "restore", err);
	if (r == 0 && start->init_pid <= 0)
		r = error_set_kind(err, ERROR_INTERNAL, 0, "criu has restored no process");
	if (r == 0 && start->restore->lazy_pages)
		pages_go(start);
	if (r == 0 && start->restore->image.is_frozen)
		r = cgroup_freeze(&start->cgroups, 10000);
	return r;
}
