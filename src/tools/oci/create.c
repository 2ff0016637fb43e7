/* wabe create, wabe run: config.json becomes a spec, which the engine carries out in this process. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "dialect/oci/oci.h"
#include "engine/oci_ready.h"
#include "engine/oci_supervise.h"
#include "engine/restore.h"
#include "tools/oci/wabe.h"

#define MAX_CONFIG (64 << 20)

#define CREATE_OPTIONS                                                                                       \
	TEXT("bundle", 'b', bundle, "DIR", "Directory with config.json (the current one)"),                  \
	TEXT("config", 'f', config, "FILE", "Another file than config.json of the bundle"),                  \
	TEXT("console-socket", 0, console_socket, "PATH", "Socket that is sent the terminal's master"),      \
	TEXT("pid-file", 0, pid_file, "FILE", "Write the pid of the container's first process to FILE"),     \
	FLAG("no-pivot", 0, no_pivot, "Move the root instead of pivot_root(2), for callers on a ramfs"),     \
	FLAG("no-new-keyring", 0, no_new_keyring, "Keep the caller's session keyring"),                      \
	TEXT("pidfd-socket", 0, pidfd_socket, "PATH", "Socket that is sent a pidfd of the first process"),      \
	NUMBER("preserve-fds", 0, preserve_fds, "N", "Pass the N file descriptors from 3 on into the container")

static const struct value_option create_options[] = { CREATE_OPTIONS, OPTIONS_END };
static const struct value_option run_options[] = { CREATE_OPTIONS,
	FLAG("detach", 'd', detach, "Return when the container runs"),
	FLAG("keep", 0, keep, "Keep the state when the container has ended"),
	FLAG("no-subreaper", 0, no_subreaper, NULL), OPTIONS_END };

static int read_config(const struct wabe_call *call, struct spec *spec, struct error *err)
{
	const struct wabe_options *options = &call->options;
	const char *given = options->bundle ? options->bundle : ".";
	auto_free char *bundle = *given == '/' ? strdup(given) : realpath(given, NULL), *file = NULL, *text = NULL;
	struct stat st;
	size_t length;

	if (!bundle)
		return error_set(err, errno, "bundle %s", given);
	int r = options->config ? text_replace(&file, options->config) : text_format(&file, "%s/config.json", bundle);
	if (r < 0)
		return error_set(err, r, "read the bundle");
	r = file_read(AT_FDCWD, file, MAX_CONFIG, &text, &length);
	if (r < 0)
		return error_set(err, r, "read %s", file);
	r = oci_parse_config(spec, file, bundle, text, length, err);
	if (r < 0)
		return r;
	if (lstat(spec->rootfs.path, &st) < 0)
		return spec_error(err, errno, spec, &spec->rootfs.origin, "rootfs %s", spec->rootfs.path);
	if (S_ISDIR(st.st_mode) && !(spec->oci.root_propagation & MS_SHARED))
		return 0;
	/* a link of the caller's: it is mounted where it leads; and of what is shared the mounts above are looked for */
	auto_free char *root = realpath(spec->rootfs.path, NULL);
	if (!root || stat(root, &st) < 0 || !S_ISDIR(st.st_mode))
		return spec_error(err, root ? ENOTDIR : errno, spec, &spec->rootfs.origin, "rootfs %s", spec->rootfs.path);
	return text_replace(&spec->rootfs.path, root) < 0 ? error_set(err, ENOMEM, "read the bundle") : 0;
}

/* cgroupsPath is SLICE:PREFIX:NAME, where the unit is PREFIX-NAME.scope. */
static int name_unit(const struct wabe_call *call, struct spec *spec, struct error *err)
{
	const char *path = spec->cgroup.dir_container;
	auto_free char *copy = NULL;
	char *rest, *slice = NULL, *prefix = NULL, *name = NULL;

	int r = path && *path ? text_replace(&copy, path) : text_format(&copy, ":wabe:%s", call->arguments[0]);
	if (r < 0)
		return error_set(err, r, "prepare the container");
	rest = copy;
	slice = strsep(&rest, ":");
	prefix = strsep(&rest, ":");
	name = strsep(&rest, ":");
	if (!prefix || !name || !*name || rest || strpbrk(copy, "/ ") || text_ends(name, ".slice")) {
		(void)error_set_kind(err, ERROR_CONFIG, 0, "linux.cgroupsPath %s: systemd wants SLICE:PREFIX:NAME", path ?: "");
		return -EINVAL;
	}
	slice = *slice ? slice : oci_is_rootless() ? (char *)"user.slice" : (char *)"system.slice";
	slice = strcmp(slice, "-") == 0 ? (char *)"-.slice" : slice;
	r = text_format(&spec->oci.systemd_unit, "%s %s%s%s.scope", slice, prefix, *prefix ? "-" : "", name);
	return r < 0 ? error_set(err, r, "prepare the container") : 0;
}

static bool is_by_systemd(const struct wabe_options *options)
{
	const char *manager = options->cgroup_manager;

	return manager ? strcmp(manager, "systemd") == 0 : options->systemd_cgroup;
}

static int complete(const struct wabe_call *call, struct spec *spec, struct error *err)
{
	const char *name = call->arguments[0], *notify = getenv("NOTIFY_SOCKET");
	struct spec_identity *identity = &spec->identity;
	char *path = spec->cgroup.dir_container;
	int r = is_by_systemd(&call->options) ? name_unit(call, spec, err) : 0;

	if (r < 0)
		return r;
	r = text_replace(&identity->name, name);
	r = r ?: text_replace(&identity->base_path, call->root);
	if (r == 0 && (!path || !*path))
		r = text_replace(&spec->cgroup.dir_container, name);
	if (r == 0 && notify && *notify == '/')
		r = text_replace(&spec->oci.notify_socket, notify);
	return r < 0 ? error_set(err, r, "prepare the container") : call_describe(call, spec, err);
}

static int write_wishes(const struct spec *spec, const char *restore, const struct rundir *dir, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = spec_to_flat_without_origins(spec, &text, &length);

	r = r ?: file_write(dir->fd, "spec", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, text, length);
	if (r == 0 && restore)
		r = file_write(dir->fd, RESTORE_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, restore, strlen(restore));
	return r < 0 ? error_set(err, r, "store the spec in %s", dir->path) : 0;
}

static int reserve(const struct container_id *id, struct rundir *dir, struct error *err)
{
	bool is_stale;
	int r = rundir_create(id, dir, &is_stale, err);

	if (r == 0 && (!is_stale || rundir_is_empty(dir)))
		return 0;
	if (r == 0)
		rundir_close(dir);
	else if (r != -EBUSY)
		return r;
	return error_set_kind(err, ERROR_BUSY, 0, "container with ID \"%s\" exists already", id->name);
}

int call_make(struct wabe_call *call, const char *restore, struct error *err)
{
	static struct spec *spec; /* until the process ends: its pages are shared with init, each would be copied to be freed */
	struct container_id id = { .dialect = "oci", .base_path = call->root, .name = call->arguments[0] };
	struct rundir dir;

	if (!(spec = spec_new()))
		return error_set(err, ENOMEM, "read the bundle");
	if (!oci_is_id(id.name))
		return call_usage(call, err, "\"%s\" is no container ID: use letters, digits and _+.-", id.name);
	int r = read_config(call, spec, err);
	r = r < 0 ? r : complete(call, spec, err);
	if (r == 0 && spec->oci.terminal && (spec->oci.detach || call->command == &command_create) && !spec->oci.console_socket)
		r = call_usage(call, err, "process.terminal is set, so somebody has to take the terminal: give --console-socket");
	r = r < 0 ? r : reserve(&id, &dir, err);
	if (r < 0)
		return r;
	r = oci_ready_prepare(spec, dir.fd, dir.path, err);
	r = r < 0 ? r : write_wishes(spec, restore, &dir, err);
	if (r < 0) {
		rundir_remove(&dir);
		return r;
	}
	return oci_supervise(&id, &dir, spec);
}

static int run(struct wabe_call *call, struct error *err)
{
	return call_make(call, NULL, err);
}

const struct command command_create = { .name = "create", .usage = "[OPTION]... ID", .options = create_options, .least = 1,
	.most = 1, .summary = "Make a container from a bundle; its program waits for `start`", .run = run };
const struct command command_run = { .name = "run", .usage = "[OPTION]... ID", .options = run_options, .least = 1, .most = 1,
	.summary = "Make a container and start its program", .run = run };
