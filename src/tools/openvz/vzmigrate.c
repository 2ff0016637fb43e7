/* vzmigrate: moves a container to another host. The engine of that is src/migrate, as for lxc-migrate. */
#include "migrate/migrate.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "tools/openvz/vz.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

enum { KEY_VIA = 256, KEY_ONLINE, KEY_NO_LAZY, KEY_CHECK, KEY_RESUME, KEY_ABORT, KEY_FORCE, KEY_RECEIVE, KEY_SSH, KEY_HELP, EXIT_ON_ITS_WAY = 75 /* EX_TEMPFAIL of sysexits.h */ };

static const char help[] =
	"Usage: vzmigrate [--online] [-r yes|no] [-v] [--ssh=OPTIONS] HOST CTID\n"
	"       vzmigrate --via=COMMAND [--online] [-r yes|no] [-v] CTID\n"
	"       vzmigrate --resume|--abort [--force] CTID\n"
	"Moves a container to another host: its files while it runs, then it is stopped here and started there.\n"
	"\n"
	"  --online                  With its memory and its connections (criu 4.2 or newer on both hosts): it is not stopped\n"
	"  --no-lazy                 With --online: let it run there when all of its memory is in its place, not before\n"
	"  -r, --remove-area yes|no  Remove it here afterwards (default yes); the configuration stays as CTID.conf.migrated\n"
	"  -v                        Say how far it is\n"
	"  --check-only              Only say what is missing at the target\n"
	"  --ssh=OPTIONS             More options for ssh\n"
	"  --via=COMMAND             To where the shell command leads, which must run vzmigrate --receive there\n"
	"  --resume                  Go on with a migration that was cut off\n"
	"  --abort                   Take it back; one that has arrived is ended\n"
	"  --force                   With --abort: although the target knows nothing of it any more\n"
	"  --receive                 Be the other end, on standard input and output\n"
	"\n"
	"Exit status 0: done; 75: on its way, and the target can not be asked: --resume or --abort; else it is here as it was.\n";

/* ---- what the engine of migrations leaves to the dialect ---- */

static int locate(void *data, const char *name, struct migrate_place *ret, struct error *err)
{
	struct vz *vz = data;
	uint32_t id = vz_parse_id(name);
	if (id == 0)
		return error_set_kind(err, ERROR_USAGE, EINVAL, "%s is no CTID", name);
	vz_ct_clear(&vz->ct);
	int r = vz_ct_open(&vz->ct, id, err);
	if (r < 0)
		return r;
	r = text_format(&ret->directory, "%s/%s.migration", vz->ct.conf_dir, vz->ct.name);
	ret->config = strdup(vz->ct.conf_path);
	ret->id = vz_id(vz);
	return r < 0 || !ret->config ? error_set(err, ENOMEM, "find container %s", name) : 0;
}

/* Files may have the container's ids for the host: no other container may have the same. */
static int check_ids(const struct vz *vz, struct pairs *answer)
{
	struct vz_ids ids = { 0 };
	int count = vz_list(&ids), r = 0;
	uint32_t base = vz_ct_uid_base(&vz->ct);
	for (int i = 0; base && r == 0 && i < count; i++) {
		struct vz_ct other;
		char line[96];
		bool has_same = vz_ct_open_with(&other, ids.items[i], NULL, NULL) == 0 && ids.items[i] != vz->ct.id &&
				vz_ct_uid_base(&other) == base;
		vz_ct_clear_own(&other);
		if (!has_same)
			continue;
		(void)snprintf(line, sizeof(line), "ids from %" PRIu32 ": container %" PRIu32 " has them", base, ids.items[i]);
		r = pairs_add(answer, "missing", line);
	}
	free(ids.items);
	return r;
}

static int adapt(void *data, const struct migrate_place *place, const char *text, const char *from_directory, char **ret_text,
	char **ret_root, struct pairs *answer, struct error *err)
{
	struct vz *vz = data;
	(void)place, (void)from_directory; /* paths are of VZDIR, or absolute and the same */
	vz_conf_clear(&vz->ct.own);
	int r = vz_conf_parse(&vz->ct.own, text);
	*ret_text = strdup(text);
	*ret_root = vz_ct_path(&vz->ct, "VE_PRIVATE");
	r = r ?: *ret_text && *ret_root ? check_ids(vz, answer) : -ENOMEM;
	return r < 0 ? error_set(err, r, "read the configuration of %s", vz->ct.name) : 0;
}

static int reopen(struct vz *vz, struct error *err)
{
	uint32_t id = vz->ct.id;
	vz_ct_clear(&vz->ct);
	return vz_ct_open(&vz->ct, id, err);
}

static int start(void *data, const struct migrate_place *place, const char *images, bool is_lazy, struct error *err)
{
	struct vz *vz = data;
	int r = reopen(vz, err);
	if (r == 0 && (images ? vz_restore(vz, images, is_lazy) : vz_start(vz, false, false)) != VZ_OK)
		r = error_set_kind(err, ERROR_KERNEL, 0, "container %s does not start", place->id.name);
	return r;
}

static int stop(void *data, const struct migrate_place *place, int timeout_s, struct error *err)
{
	(void)timeout_s; /* vzctl has its own */
	return vz_stop(data, false, false) == VZ_OK ? 0 :
						      error_set_kind(err, ERROR_KERNEL, 0, "container %s does not stop", place->id.name);
}

static int destroy(void *data, const struct migrate_place *place, const char *config, bool is_shared, struct error *err)
{
	(void)is_shared; /* there is no such option */
	struct vz *vz = data;
	vz_conf_clear(&vz->ct.own);
	int r = vz_conf_load(&vz->ct.own, config, err);
	if (r == 0 && vz_is_mounted(vz))
		(void)vz_umount(vz);
	if (r == 0 && vz_command_destroy(vz) != VZ_OK)
		r = error_set_kind(err, ERROR_KERNEL, 0, "remove container %s", place->id.name);
	return r;
}

static bool is_companion(int dir_fd, const char *name, struct stat *ret_info)
{
	(void)dir_fd, (void)name, (void)ret_info;
	return false;
}

/* ---- what the user sees ---- */

static void print_progress(void *data, const struct migrate_progress *progress)
{
	if (strcmp(progress->step, "pages") == 0)
		vz_detail(data, progress->duration_us ? "pages: %" PRIu64 " MiB filled" : "pages: %" PRIu64 " MiB to fill",
			progress->bytes >> 20);
	else if (progress->duration_us)
		vz_detail(data, "%s, pass %u: %" PRIu64 " bytes in %" PRIu64 " ms", progress->step, progress->pass, progress->bytes,
			progress->duration_us / 1000);
	else
		vz_detail(data, "%s", progress->step);
}

static void print_line(void *data, const char *line)
{
	(void)vz_fail(data, 0, "%s", line);
}

/* What the host runs for it is the administrator's to bring there. */
static void warn_of_scripts(const struct vz *vz)
{
	static const char *const words[] = { "mount", "umount", "start", "stop", "premount", "postumount" };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		auto_free char *path = NULL;
		if (text_format(&path, "%s/%s.%s", vz->ct.conf_dir, vz->ct.name, words[i]) == 0 && access(path, F_OK) == 0)
			(void)vz_fail(vz, 0, "Warning: action script %s is not moved", path);
	}
}

/* ---- calls ---- */

struct call {
	struct vz vz;
	struct migrate_request request;
	const char *ssh_options;
	bool resumes, aborts, receives;
};

static struct migrate_front front_of(struct vz *vz)
{
	return (struct migrate_front){ .data = vz, .locate = locate, .adapt = adapt, .start = start, .stop = stop,
		.destroy = destroy, .is_companion = is_companion };
}

static int receive(struct call *call)
{
	const struct migrate_front front = front_of(&call->vz);
	struct error err = { 0 };
	auto_close int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	auto_close int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (in < 0 || out < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return vz_fail(&call->vz, VZ_SYSTEM, "Unable to take the stream: %s", strerror(errno));
	return migrate_receive(&front, in, out, &err) < 0 ? vz_fail_error(&call->vz, VZ_SYSTEM, &err) : VZ_OK;
}

static int send_away(struct call *call)
{
	struct vz *vz = &call->vz;
	struct migrate_request *request = &call->request;
	const struct migrate_front front = front_of(vz);
	struct migrate_result result = { 0 };
	struct error err = { 0 };
	auto_free char *text = NULL, *area = vz_ct_path(&vz->ct, "VE_PRIVATE");
	size_t length;
	bool is_new = !call->resumes && !call->aborts;
	if (is_new && !vz->ct.has_conf)
		return vz_fail(vz, VZ_NO_CONFIG, "Container config file does not exist");
	if (vz->ct.has_conf && file_read(-1, vz->ct.conf_path, 1 << 20, &text, &length) < 0)
		return vz_fail(vz, VZ_BAD_CONFIG, "Unable to read %s", vz->ct.conf_path);
	request->name = vz->ct.name;
	request->text = text;
	request->root_path = area;
	if (is_new)
		warn_of_scripts(vz);
	int r = is_new ? migrate_send(&front, request, &result, &err) :
		call->resumes ? migrate_resume(&front, request, &result, &err) : migrate_abort(&front, request, &result, &err);
	if (r < 0)
		return vz_fail_error(vz, r == -EHOSTUNREACH ? EXIT_ON_ITS_WAY : VZ_SYSTEM, &err);
	if (!request->check)
		vz_say(vz, result.is_here ? "Container is here" : "Successfully completed, stood still for %" PRIu64 " ms",
			result.frozen_us / 1000);
	return VZ_OK;
}

static int take_option(struct call *call, int key, const char *value)
{
	switch (key) {
	case 'r':
		call->request.keep = strcmp(value, "no") == 0;
		return call->request.keep || strcmp(value, "yes") == 0 ? 0 : -1;
	case 'v':
		call->vz.verbose++;
		return 0;
	case KEY_VIA:
		call->request.via = value;
		return 0;
	case KEY_ONLINE:
		call->request.online = true;
		return 0;
	case KEY_NO_LAZY:
		call->request.no_lazy = true;
		return 0;
	case KEY_SSH:
		call->ssh_options = value;
		return 0;
	case KEY_CHECK:
		call->request.check = true;
		return 0;
	case KEY_FORCE:
		call->request.force = true;
		return 0;
	case KEY_RESUME:
		call->resumes = true;
		return 0;
	case KEY_ABORT:
		call->aborts = true;
		return 0;
	case KEY_RECEIVE:
		call->receives = true;
		return 0;
	default:
		return -1;
	}
}

static int run(struct call *call, int argc, char **argv)
{
	auto_free char *via = NULL;
	struct error err = { 0 };
	bool needs_host = !call->request.via && !call->resumes && !call->aborts;
	uint32_t id = argc == 1 + needs_host ? vz_find(argv[argc - 1]) : 0;
	if (id == 0 || (needs_host && strpbrk(argv[0], "'\\\n"))) {
		fputs(help, stderr);
		return VZ_SYNTAX;
	}
	if (needs_host && text_format(&via, "exec ssh -o BatchMode=yes -o ServerAliveInterval=15 %s -- '%s' vzmigrate --receive",
				  call->ssh_options ?: "", argv[0]) < 0)
		return VZ_SYSTEM;
	if (needs_host)
		call->request.via = via;
	int status = vz_ct_open(&call->vz.ct, id, &err) < 0 ? vz_fail_error(&call->vz, VZ_BAD_CONFIG, &err) : vz_lock(&call->vz);
	status = status ?: send_away(call);
	vz_unlock(&call->vz);
	return status;
}

int vzmigrate_main(int argc, char **argv)
{
	static const struct option options[] = { { "remove-area", 1, NULL, 'r' }, { "online", 0, NULL, KEY_ONLINE }, { "no-lazy", 0, NULL, KEY_NO_LAZY },
		{ "via", 1, NULL, KEY_VIA },
		{ "ssh", 1, NULL, KEY_SSH }, { "check-only", 0, NULL, KEY_CHECK }, { "resume", 0, NULL, KEY_RESUME },
		{ "abort", 0, NULL, KEY_ABORT }, { "force", 0, NULL, KEY_FORCE }, { "receive", 0, NULL, KEY_RECEIVE },
		{ "help", 0, NULL, KEY_HELP }, { NULL, 0, NULL, 0 } };
	struct call call = { .vz = { .command = "vzmigrate", .lock_fd = -1 },
		.request = { .timeout_s = 120, .stop_timeout_s = 120, .passes_max = 5, .progress = print_progress, .tell = print_line } };
	call.request.data = &call.vz;
	for (int key; (key = getopt_long(argc, argv, "r:v", options, NULL)) != -1;) {
		if (key == KEY_HELP) {
			fputs(help, stdout);
			return 0;
		}
		if (take_option(&call, key, optarg) < 0) {
			fputs(help, stderr);
			return VZ_SYNTAX;
		}
	}
	if (geteuid() != 0)
		return vz_fail(&call.vz, VZ_PERMISSION, "This program can only be run under root");
	process_outlive_signal(SIGPIPE);
	int status = call.receives ? receive(&call) : run(&call, argc - optind, argv + optind);
	vz_ct_clear(&call.vz.ct);
	return status;
}
