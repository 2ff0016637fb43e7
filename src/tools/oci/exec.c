/* wabe exec. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "dialect/oci/oci.h"
#include "engine/oci_supervise.h"
#include "tools/oci/wabe.h"

static const struct value_option options[] = {
	TEXT("process", 'p', process, "FILE", "Read the process object from FILE; the options below are not looked at"),
	FLAG("tty", 't', tty, "Give it a terminal"),
	TEXT("cwd", 0, cwd, "DIR", "Its working directory"),
	LIST("env", 'e', environment, "NAME=VALUE", "Set a variable; can be repeated"),
	TEXT("user", 'u', user, "UID[:GID]", "Run as this user (and group, 0)"),
	LIST("additional-gids", 'g', groups, "GID", "A supplementary group; can be repeated"),
	LIST("cap", 'c', capabilities, "CAP_NAME", "Give it one more capability; can be repeated"),
	FLAG("no-new-privs", 0, no_new_privs, "It can not gain privileges"),
	TEXT("process-label", 0, label, "CONTEXT", "SELinux context"),
	TEXT("apparmor", 0, apparmor, "PROFILE", "AppArmor profile"),
	FLAG("detach", 'd', detach, "Return when the program runs"),
	TEXT("console-socket", 0, console_socket, "PATH", "Socket that is sent the terminal's master"),
	TEXT("pid-file", 0, pid_file, "FILE", "Write the program's pid to FILE"),
	TEXT("pidfd-socket", 0, pidfd_socket, "PATH", "Socket that is sent a pidfd of the program"),
	LIST("cgroup", 0, cgroups, "[CTL,...:]PATH", "Run in this group below the container's; can be repeated"),
	NUMBER("preserve-fds", 0, preserve_fds, "N", "Pass the N file descriptors from 3 on"),
	FLAG("ignore-paused", 0, ignore_paused, NULL),
	OPTIONS_END,
};

static int set_user(const struct wabe_call *call, struct spec *spec, struct error *err)
{
	auto_free char *user = strdup(call->options.user);
	char *colon = user ? strchr(user, ':') : NULL;

	if (!user)
		return error_set(err, ENOMEM, "read the options");
	if (colon)
		*colon++ = '\0';
	/* numbers only: names would be looked up in a file of the image (CVE-2016-3697, CVE-2026-30892) */
	spec->process.gid = 0;
	if (text_to_u32(user, &spec->process.uid) < 0 || (colon && text_to_u32(colon, &spec->process.gid) < 0))
		return call_usage(call, err, "--user %s is not UID[:GID] in numbers", call->options.user);
	return 0;
}

static int set_variable(struct spec *spec, const char *text)
{
	size_t length = strcspn(text, "=");

	vector_for_each (item, &spec->process.environment)
		if (strncmp(*item, text, length) == 0 && (*item)[length] == '=')
			return text_replace(item, text);
	return string_list_add(&spec->process.environment, text);
}

static int add_capabilities(const struct wabe_call *call, struct spec_oci *oci, struct error *err)
{
	vector_for_each (name, &call->options.capabilities) {
		uint64_t bit = oci_capability_bit(*name);
		if (!bit)
			return call_usage(call, err, "unknown capability %s", *name);
		oci->cap_bounding |= bit;
		oci->cap_effective |= bit;
		oci->cap_permitted |= bit;
		/* for another user than root only the ambient set outlives execve; the inheritable one stays as it was else */
	}
	return 0;
}

static int take_options(const struct wabe_call *call, struct spec *spec, struct error *err)
{
	const struct wabe_options *given = &call->options;
	int r = 0;

	if (call->argument_count < 2)
		return call_usage(call, err, "give a command, or --process");
	string_list_clear(&spec->process.argv);
	for (int i = 1; r == 0 && i < call->argument_count; i++)
		r = string_list_add(&spec->process.argv, call->arguments[i]);
	vector_for_each (variable, &given->environment)
		r = r ?: set_variable(spec, *variable);
	if (given->groups.count)
		string_list_clear(&spec->process.groups);
	vector_for_each (group, &given->groups)
		r = r ?: string_list_add(&spec->process.groups, *group);
	if (given->cwd)
		r = r ?: text_replace(&spec->process.cwd, given->cwd);
	if (given->label)
		r = r ?: text_replace(&spec->security.selinux_context, given->label);
	if (given->apparmor)
		r = r ?: text_replace(&spec->security.apparmor_profile, given->apparmor);
	if (r < 0)
		return error_set(err, r, "read the options");
	spec->oci.terminal = given->tty;
	spec->oci.console_height = spec->oci.console_width = 0;
	spec->process.no_new_privs |= given->no_new_privs;
	r = given->user ? set_user(call, spec, err) : 0;
	return r ?: add_capabilities(call, &spec->oci, err);
}

static int read_process(const struct wabe_call *call, struct spec *spec, struct error *err)
{
	auto_free char *text = NULL;
	const char *file = call->options.process;
	size_t length;
	int r = file_read(AT_FDCWD, file, 64 << 20, &text, &length);

	return r < 0 ? error_set(err, r, "read %s", file) : oci_parse_process(spec, file, text, length, err);
}

static int run_exec(struct wabe_call *call, struct error *err)
{
	struct oci_container container;
	int r = call_load(call, 0, &container, err);
	struct spec *spec = container.spec;

	if (r == 0 && (!spec || container.status == OCI_STOPPED || container.status == OCI_CREATING))
		r = error_set_kind(err, ERROR_NOT_FOUND, 0, "container not running");
	if (r == 0 && container.status == OCI_PAUSED)
		r = error_set_kind(err, ERROR_BUSY, 0, "container is paused: resume it first");
	if (r == 0) {
		(void)text_replace(&spec->oci.notify_socket, NULL);
		r = call->options.process ? read_process(call, spec, err) : take_options(call, spec, err);
	}
	r = r < 0 ? r : call_describe(call, spec, err);
	int status = 255; /* no exit status of a program that could run */
	if (r == 0)
		status = oci_exec(&container);
	else
		oci_report(call->sink, err);
	oci_clear(&container);
	return status;
}

const struct command command_exec = { .name = "exec", .usage = "[OPTION]... ID COMMAND [ARGUMENT]...", .options = options,
	.stops_at_argument = true, .least = 1, .most = -1, .summary = "Run a program in a running container", .run = run_exec };
