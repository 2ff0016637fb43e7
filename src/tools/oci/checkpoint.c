/* wabe checkpoint, restore: criu's work, with the options of runc and crun. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/checkpoint.h"
#include "tools/oci/wabe.h"

#define DEFAULT_IMAGE "checkpoint"

#define SHARED_OPTIONS                                                                                                 \
	TEXT("image-path", 0, image_path, "DIR", "Directory of the images (./checkpoint)"),                           \
	TEXT("work-path", 0, work_path, "DIR", "Directory of criu's log and figures (that of the images)"),           \
	FLAG("tcp-established", 0, tcp_established, "Keep established TCP connections"),                              \
	FLAG("tcp-close", 0, tcp_close, "Close established TCP connections"),                                         \
	FLAG("ext-unix-sk", 0, ext_unix_sk, "Allow unix sockets whose other end is outside"),                         \
	FLAG("file-locks", 0, file_locks, "Keep file locks"),                                                         \
	TEXT("empty-ns", 0, empty_ns, "network", "Without the network: the namespace comes back empty"),                    \
	FLAG("shell-job", 0, shell_job, NULL), /* init leads a session of its own */                                  \
	TEXT("manage-cgroups-mode", 0, cgroups_mode, "MODE", "soft (default): groups inside and limits too; ignore: not")

static const struct value_option checkpoint_options[] = { SHARED_OPTIONS,
	TEXT("parent-path", 0, parent_path, "DIR", "Images of the pre-dump before, relative to --image-path"),
	FLAG("leave-running", 0, leave_running, "The container runs on"),
	FLAG("pre-dump", 0, pre_dump, "Save only the memory; the container runs on"),
	TEXT("page-server", 0, page_server, "ADDRESS:PORT", "Send the memory to a criu page-server"),
	FLAG("tcp-skip-in-flight", 0, tcp_skip_in_flight, "Leave connections out that are being set up"),
	FLAG("link-remap", 0, link_remap, NULL), /* always so */
	OPTIONS_END };

static const struct value_option restore_options[] = { SHARED_OPTIONS,
	TEXT("bundle", 'b', bundle, "DIR", "Directory with config.json (the current one)"),
	TEXT("config", 'f', config, "FILE", "Another file than config.json of the bundle"),
	TEXT("console-socket", 0, console_socket, "PATH", "Socket that is sent the terminal's master"),
	TEXT("pid-file", 0, pid_file, "FILE", "Write the pid of the container's first process to FILE"),
	TEXT("pidfd-socket", 0, pidfd_socket, "PATH", "Socket that is sent a pidfd of the first process"),
	TEXT("lsm-profile", 0, lsm_profile, "TYPE:NAME", "AppArmor profile or SELinux context, instead of the saved one"),
	TEXT("lsm-mount-context", 0, lsm_mount_context, "CONTEXT", "SELinux context of mounts, instead of the saved one"),
	FLAG("detach", 'd', detach, "Return when the container runs"),
	FLAG("keep", 0, keep, "Keep the state when the container has ended"),
	FLAG("no-pivot", 0, no_pivot, NULL), /* criu makes the root */
	FLAG("no-subreaper", 0, no_subreaper, NULL), OPTIONS_END };

/* Absolute paths of the images and of criu's log. */
struct places {
	char *image, *work;
};

static void places_clear(struct places *places)
{
	free(places->image);
	free(places->work);
}

static int find_places(const struct wabe_call *call, struct places *ret, struct error *err)
{
	const struct wabe_options *options = &call->options;
	int r = call_absolute(options->image_path ? options->image_path : DEFAULT_IMAGE, &ret->image);

	r = r < 0 ? r : call_absolute(options->work_path, &ret->work);
	return r < 0 ? error_set(err, r, "find the directory of the images") : 0;
}

static int find_limits(const struct wabe_call *call, struct checkpoint_limits *ret, struct error *err)
{
	const struct wabe_options *options = &call->options;
	const char *mode = options->cgroups_mode ? options->cgroups_mode : "soft";
	bool ignores = strcmp(mode, "ignore") == 0;

	*ret = (struct checkpoint_limits){ .no_connections = !options->tcp_established,
		.no_outside_sockets = !options->ext_unix_sk,
		.no_file_locks = !options->file_locks,
		.no_network = options->empty_ns,
		.no_groups = ignores };
	if (options->empty_ns && strcmp(options->empty_ns, "network") != 0)
		return call_usage(call, err, "--empty-ns %s: only network is there", options->empty_ns);
	return ignores || strcmp(mode, "soft") == 0 ?
		       0 : call_usage(call, err, "--manage-cgroups-mode %s: only soft and ignore are there", mode);
}

/* ---- checkpoint ---- */

static int find_page_server(struct wabe_call *call, struct checkpoint_dump *dump, struct error *err)
{
	char *address = call->options.page_server, *colon = address ? strrchr(address, ':') : NULL;

	if (!address)
		return 0;
	if (!colon || colon == address || !colon[1])
		return call_usage(call, err, "--page-server %s: use ADDRESS:PORT", address);
	*colon = '\0';
	dump->page_server_address = address;
	dump->page_server_port = colon + 1;
	return 0;
}

static int make_places(const struct places *places, struct error *err)
{
	int r = mkdir_parents(places->image, 0700);

	if (r < 0)
		return error_set(err, r, "make directory %s", places->image);
	r = places->work ? mkdir_parents(places->work, 0700) : 0;
	return r < 0 ? error_set(err, r, "make directory %s", places->work) : 0;
}

static int save(struct wabe_call *call, struct oci_container *container, const struct places *places, struct error *err)
{
	const struct wabe_options *options = &call->options;
	struct checkpoint_dump dump = { .directory = places->image,
		.work_directory = places->work,
		.parent = options->parent_path,
		.stop = !options->leave_running && !options->pre_dump,
		.tcp_close = options->tcp_close,
		.no_skip_in_flight = !options->tcp_skip_in_flight };

	if (container->status != OCI_RUNNING && container->status != OCI_PAUSED)
		return error_set_kind(err, ERROR_BUSY, 0, "container \"%s\" is %s, not running", container->id.name,
			oci_status_name(container->status));
	int r = find_limits(call, &dump.limits, err);
	r = r < 0 ? r : find_page_server(call, &dump, err);
	r = r < 0 ? r : make_places(places, err);
	if (r < 0)
		return r;
	r = options->pre_dump ? checkpoint_predump(&container->id, &dump, NULL, err) :
				checkpoint_dump(&container->id, &dump, NULL, err);
	return r < 0 || !dump.stop ? r : oci_delete(container, true, err);
}

static int run_checkpoint(struct wabe_call *call, struct error *err)
{
	struct oci_container container;
	struct places places = { 0 };
	int r = call_load(call, OCI_LOCK, &container, err);

	r = r < 0 ? r : find_places(call, &places, err);
	r = r < 0 ? r : save(call, &container, &places, err);
	oci_clear(&container);
	places_clear(&places);
	return r;
}

/* ---- restore ---- */

static int check_profile(const struct wabe_call *call, struct error *err)
{
	const char *profile = call->options.lsm_profile;

	if (!profile || text_starts(profile, "apparmor:") || text_starts(profile, "selinux:"))
		return 0;
	return call_usage(call, err, "--lsm-profile %s: use apparmor:NAME or selinux:CONTEXT", profile);
}

static int run_restore(struct wabe_call *call, struct error *err)
{
	struct checkpoint_restore restore = { .tcp_close = call->options.tcp_close,
		.lsm_profile = call->options.lsm_profile,
		.lsm_mount_context = call->options.lsm_mount_context };
	struct places places = { 0 };
	auto_free char *text = NULL;
	int r = find_places(call, &places, err);

	r = r < 0 ? r : check_profile(call, err);
	r = r < 0 ? r : find_limits(call, &restore.limits, err);
	restore.directory = places.image;
	restore.work_directory = places.work;
	r = r < 0 ? r : checkpoint_describe_restore(&restore, &text, err);
	r = r < 0 ? r : call_make(call, text, err);
	places_clear(&places);
	return r;
}

const struct command command_checkpoint = { .name = "checkpoint", .usage = "[OPTION]... ID", .options = checkpoint_options,
	.least = 1, .most = 1, .summary = "Save a running container to files, and end it", .run = run_checkpoint };
const struct command command_restore = { .name = "restore", .usage = "[OPTION]... ID", .options = restore_options, .least = 1,
	.most = 1, .summary = "Make a container out of a bundle and a checkpoint, its programs go on", .run = run_restore };
