/* wabe-supervisor: reads the spec in the run directory that it is given, starts and watches the container. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sys/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "engine/supervise.h"
#include "engine/supervisor_call.h"

static const struct option long_options[] = {
	{ "run-fd", required_argument, NULL, 'r' },
	{ "adopt", no_argument, NULL, 'a' },
	{ "restore", no_argument, NULL, 'R' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "close-all-fds", no_argument, NULL, 'c' },
	{ "container-status", no_argument, NULL, 's' },
	{ "command", required_argument, NULL, 'n' },
	{ "pidfile", required_argument, NULL, 'p' },
	{ 0 },
};

static int parse(int argc, char **argv, struct supervisor_options *options)
{
	int run_fd = -1, c;

	options->report_fd = 4;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 'r': run_fd = atoi(optarg); break;
		case 'a': options->adopt = true; break;
		case 'R': options->restore = true; break;
		case 'f': options->foreground = true; break;
		case 'c': options->close_all_fds = true; break;
		case 's': options->container_status = true; break;
		case 'n':
			options->command = optarg;
			options->print_errors = true;
			options->report_fd = -1;
			break;
		case 'p': options->pidfile = optarg; break;
		default: return -EINVAL;
		}
	}
	return run_fd;
}

/* In the background: nobody's terminal. Who spawned it has seen to it that it is nobody's child. */
static int detach(void)
{
	(void)setsid(); /* fails only for a session leader, which a fresh child is not */
	int null_fd = open("/dev/null", O_RDWR); /* one of the three itself when the caller had it closed */
	for (int fd = 0; fd < 3; fd++)
		if (null_fd < 0 || dup2(null_fd, fd) < 0)
			return -errno;
	if (null_fd > STDERR_FILENO)
		close(null_fd);
	return chdir("/") < 0 ? -errno : 0;
}

/*
 * What the caller had open is not ours: its pipes would not end before the container does. An fd that a service manager
 * passed on (LISTEN_FDS) is the container's. In vain before 5.9, which has no close_range.
 */
static void close_inherited(int run_fd, int report_fd)
{
	const char *listen = getenv("LISTEN_FDS");
	int32_t count = 0;
	const int kept[] = { run_fd < report_fd ? run_fd : report_fd, run_fd < report_fd ? report_fd : run_fd };
	int first = STDERR_FILENO + 1;

	if (listen && text_to_i32(listen, &count) == 0 && count > 0)
		first += count;
	for (int i = 0; i < 2; i++) {
		if (first < kept[i])
			(void)close_range((unsigned)first, (unsigned)kept[i] - 1, 0);
		if (first <= kept[i])
			first = kept[i] + 1;
	}
	(void)close_range((unsigned)first, ~0U, 0);
}

static int load(struct start *start, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	char link[32];
	int r = file_read(start->dir.fd, "spec", 64 << 20, &text, &length);

	if (r < 0)
		return error_set(err, r, "read the spec in the run directory");
	r = spec_parse_flat(text, length, &start->spec, err);
	if (r < 0)
		return r;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", start->dir.fd);
	ssize_t n = readlink(link, start->dir.path, sizeof(start->dir.path) - 1);
	if (n < 0)
		return error_set(err, errno, "find the run directory");
	start->dir.path[n] = '\0';
	const struct spec_identity *identity = &start->spec->identity;
	start->id = (struct container_id){ .dialect = identity->dialect, .base_path = identity->base_path,
		.name = identity->name };
	return 0;
}

/* lxc.ephemeral: what has run and ended is removed. lxc-destroy lies beside this program. */
static void destroy_container(const struct start *start)
{
	static const char supervisor[] = WABE_SUPERVISOR;
	char path[PATH_MAX], tool[] = "lxc-destroy", path_option[] = "-P", name_option[] = "-n";
	int length = (int)(strrchr(supervisor, '/') - supervisor);
	pid_t pid;

	snprintf(path, sizeof(path), "%.*s/lxc-tools", length, supervisor);
	char *argv[] = { path, tool, path_option, (char *)start->id.base_path, name_option, (char *)start->id.name, NULL };
	int r = process_spawn(argv, NULL, (int[3]){ -1, -1, -1 }, &pid);
	r = r < 0 ? r : process_wait(pid, NULL);
	if (r < 0)
		log_error(start->log, "remove the ephemeral container: %s", strerror(-r));
}

int main(int argc, char **argv)
{
	struct supervisor_options options = { 0 };
	struct start start = { .options = &options, .control_fd = -1, .netns_fd = -1, .cgroup_fd = -1, .init_pidfd = -1,
		.init_stat_fd = -1 };
	struct error err;
	struct log log;

	process_prefault_stack();
	int run_fd = parse(argc, argv, &options);
	if (run_fd < 0) {
		fprintf(stderr, "wabe-supervisor: is started by the lxc commands and liblxc, not by hand\n");
		return 2;
	}
	(void)prctl(PR_SET_NAME, "wabe-supervisor"); /* executed by descriptor, its name would be a number */
	fcntl(run_fd, F_SETFD, FD_CLOEXEC);
	if (options.report_fd >= 0)
		fcntl(options.report_fd, F_SETFD, FD_CLOEXEC);
	start.dir.fd = run_fd;
	if (options.close_all_fds || !options.foreground)
		close_inherited(run_fd, options.report_fd);
	umask(022);
	int r = options.foreground ? 0 : detach();
	if (r == 0)
		r = load(&start, &err);
	if (r < 0) {
		fprintf(stderr, "wabe-supervisor: %s\n", err.what);
		return EXIT_FAILURE;
	}
	const struct spec_log *wish = &start.spec->log;
	if (wish->file && log_open(&log, wish->file, log_level_from_name(wish->level),
				  options.command ? options.command : "lxc-start", start.id.name) == 0)
		start.log = &log;
	int status = supervise(&start);
	/* one that did not start is kept: there may be something to repair */
	bool has_run = status == EXIT_SUCCESS || (options.container_status && start.init_pid > 0);
	if (start.spec->lifecycle.ephemeral && has_run && strcmp(start.id.dialect, "lxc") == 0)
		destroy_container(&start);
	return status;
}
