/* wabe start, state, kill, delete, pause, resume. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "dialect/oci/oci.h"
#include "tools/oci/wabe.h"

static const struct value_option no_options[] = { OPTIONS_END };
static const struct value_option kill_options[] = {
	FLAG("all", 'a', all, "Signal every process of the container"), OPTIONS_END
};
static const struct value_option delete_options[] = {
	FLAG("force", 'f', force, "Kill it first; a container that does not exist is no error"), OPTIONS_END
};

typedef int (*container_act)(struct oci_container *container, struct error *err);

static int change(struct wabe_call *call, container_act act, struct error *err)
{
	struct oci_container container;
	int r = call_load(call, OCI_LOCK | OCI_WITHOUT_SPEC, &container, err);

	r = r < 0 ? r : act(&container, err);
	oci_clear(&container);
	return r;
}

static int run_start(struct wabe_call *call, struct error *err)
{
	return change(call, oci_start, err);
}

static int run_pause(struct wabe_call *call, struct error *err)
{
	return change(call, oci_pause, err);
}

static int run_resume(struct wabe_call *call, struct error *err)
{
	return change(call, oci_resume, err);
}

static int run_state(struct wabe_call *call, struct error *err)
{
	struct oci_container container;
	auto_free char *text = NULL;
	int r = call_load(call, 0, &container, err);

	if (r == 0 && !container.spec)
		r = error_set_kind(err, ERROR_NOT_FOUND, 0, "container \"%s\" does not exist", call->arguments[0]);
	if (r == 0 && (r = oci_state_text(container.spec, container.status, container.state.init_pid, oci_created(&container), true,
			       &text)) < 0)
		r = error_set(err, r, "write the state");
	if (r == 0)
		fputs(text, stdout);
	oci_clear(&container);
	return r;
}

static int run_kill(struct wabe_call *call, struct error *err)
{
	struct oci_container container;
	const char *name = call->argument_count > 1 ? call->arguments[1] : "TERM";
	int signal = signal_from_name(name);

	if (signal < 1)
		return call_usage(call, err, "unknown signal %s", name);
	int r = call_load(call, 0, &container, err);
	r = r < 0 ? r : oci_kill(&container, signal, call->options.all, err);
	oci_clear(&container);
	return r;
}

static int run_delete(struct wabe_call *call, struct error *err)
{
	struct oci_container container;
	int r = call_load(call, OCI_LOCK, &container, err);

	r = r < 0 ? r : oci_delete(&container, call->options.force, err);
	oci_clear(&container);
	return r == -ENOENT && call->options.force ? 0 : r;
}

const struct command command_start = { .name = "start", .usage = "ID", .options = no_options, .least = 1, .most = 1,
	.summary = "Start the program of a created container", .run = run_start };
const struct command command_state = { .name = "state", .usage = "ID", .options = no_options, .least = 1, .most = 1,
	.summary = "Print a container's state as JSON", .run = run_state };
const struct command command_kill = { .name = "kill", .usage = "[OPTION] ID [SIGNAL]", .options = kill_options, .least = 1,
	.most = 2, .summary = "Send a signal (TERM) to the container's first process", .run = run_kill };
const struct command command_delete = { .name = "delete", .usage = "[OPTION] ID", .options = delete_options, .least = 1,
	.most = 1, .summary = "Remove what is left of a stopped container", .run = run_delete };
const struct command command_pause = { .name = "pause", .usage = "ID", .options = no_options, .least = 1, .most = 1,
	.summary = "Freeze all processes of a container", .run = run_pause };
const struct command command_resume = { .name = "resume", .usage = "ID", .options = no_options, .least = 1, .most = 1,
	.summary = "Thaw a paused container", .run = run_resume };
