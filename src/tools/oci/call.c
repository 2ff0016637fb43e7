/* What several commands of wabe need. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "dialect/oci/oci.h"
#include "kernel/lsm.h"
#include "tools/oci/wabe.h"

const struct value_option global_options[] = {
	TEXT("root", 0, root, "DIR", "Directory of the containers' states (/run/wabe/oci, or below XDG_RUNTIME_DIR)"),
	TEXT("log", 0, log, "FILE", "Write errors to FILE, too"),
	TEXT("log-format", 0, log_format, "FORMAT", "text (default) or json"),
	TEXT("cgroup-manager", 0, cgroup_manager, "NAME", "cgroupfs (default), systemd, or disabled: no cgroup is made"),
	TEXT("log-level", 0, log_level, NULL, NULL),
	TEXT("rootless", 0, rootless, NULL, NULL),
	FLAG("version", 'v', version, "Print the version"),
	FLAG("debug", 0, debug, NULL),
	FLAG("systemd-cgroup", 0, systemd_cgroup, "As --cgroup-manager systemd: the cgroup is a scope of systemd"),
	OPTIONS_END,
};

const struct command *const commands[] = { &command_create, &command_run, &command_start, &command_state, &command_kill,
	&command_delete, &command_exec, &command_list, &command_ps, &command_pause, &command_resume, &command_update,
	&command_events, &command_checkpoint, &command_restore, &command_spec, &command_features, NULL };

int call_usage(const struct wabe_call *call, struct error *err, const char *fmt, ...)
{
	char what[200];
	va_list arguments;

	va_start(arguments, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, arguments);
	va_end(arguments);
	int r = error_set_kind(err, ERROR_USAGE, 0, "%s", what);
	error_hint(err, "see wabe %s --help", call->command->name);
	return r;
}

int call_load(const struct wabe_call *call, unsigned flags, struct oci_container *ret, struct error *err)
{
	const char *name = call->arguments[0];

	if (!oci_is_id(name)) {
		*ret = (struct oci_container){ .dir = { .fd = -1 }, .init_pidfd = -1 };
		return error_set_kind(err, ERROR_NOT_FOUND, 0, "container \"%s\" does not exist: that is no container ID", name);
	}
	return oci_load(call->root, name, flags, ret, err);
}

/* LISTEN_FDS counts only for the process that LISTEN_PID names. */
static unsigned listen_fds(void)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint32_t number = 0, process = 0;

	if (!count || text_to_u32(count, &number) < 0 || number > 65536)
		return 0;
	if (pid && (text_to_u32(pid, &process) < 0 || (pid_t)process != getpid()))
		return 0;
	return number;
}

int call_absolute(const char *path, char **ret)
{
	auto_free char *here = NULL;

	if (!path || *path == '/')
		return text_replace(ret, path);
	here = getcwd(NULL, 0);
	return here ? text_format(ret, "%s/%s", here, path) : -errno;
}

/* Less protection than was asked for is none. */
static int check_apparmor(const struct spec *spec, struct error *err)
{
	const char *profile = spec->security.apparmor_profile;

	if (!profile || !*profile || strcmp(profile, "unconfined") == 0 || lsm_has_apparmor())
		return 0;
	return error_set_kind(err, ERROR_UNSUPPORTED, 0, "process.apparmorProfile %s: this kernel does not run AppArmor", profile);
}

int call_describe(const struct wabe_call *call, struct spec *spec, struct error *err)
{
	const struct wabe_options *options = &call->options;
	struct spec_oci *oci = &spec->oci;
	unsigned listened = listen_fds();

	oci->preserve_fds = (uint32_t)options->preserve_fds + listened;
	oci->listen = listened > 0;
	for (unsigned fd = 3; fd < 3 + oci->preserve_fds; fd++)
		if (fcntl((int)fd, F_GETFD) < 0)
			return call_usage(call, err, "file descriptor %u is to be preserved, but is not open", fd);
	int r = check_apparmor(spec, err);
	if (r < 0)
		return r;
	oci->detach = options->detach;
	oci->keep = options->keep;
	oci->no_pivot = options->no_pivot;
	oci->no_new_keyring = spec->process.keep_session_keyring = options->no_new_keyring;
	oci->no_cgroups = options->cgroup_manager && strcmp(options->cgroup_manager, "disabled") == 0;
	oci->log_json = call->sink->oci.log_json;
	r = text_replace(&oci->command, call->command->name);
	r = r ?: text_replace(&oci->log, call->sink->oci.log);
	r = r ?: call_absolute(options->console_socket, &oci->console_socket);
	r = r ?: call_absolute(options->pid_file, &oci->pid_file);
	r = r ?: call_absolute(options->pidfd_socket, &oci->pidfd_socket);
	string_list_clear(&oci->exec_cgroups);
	vector_for_each (cgroup, &options->cgroups)
		r = r ?: string_list_add(&oci->exec_cgroups, *cgroup);
	return r < 0 ? error_set(err, r, "prepare the call") : 0;
}
