/* wabe list, ps. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "tools/oci/wabe.h"

static const struct value_option list_options[] = {
	FLAG("quiet", 'q', quiet, "Print the IDs alone"), TEXT("format", 'f', format, "FORMAT", "table (default) or json"), OPTIONS_END
};
static const struct value_option ps_options[] = {
	TEXT("format", 'f', format, "FORMAT", "table (default) or json: the pids"), OPTIONS_END
};

static int is_json(const struct wabe_call *call, bool *ret, struct error *err)
{
	const char *format = call->options.format;

	*ret = format && strcmp(format, "json") == 0;
	return *ret || !format || strcmp(format, "table") == 0 ? 0 : call_usage(call, err, "unknown format %s", format);
}

static void print_one(const struct oci_container *one, bool json, bool is_first)
{
	auto_free char *text = NULL;
	char time[32];

	if (json) {
		if (oci_state_text(one->spec, one->status, one->state.init_pid, oci_created(one), true, &text) == 0)
			printf("%s%s", is_first ? "" : ",", text);
		return;
	}
	oci_time_text(oci_created(one), time);
	printf("%-24s %-8d %-10s %-40s %s\n", one->id.name, one->status == OCI_STOPPED ? 0 : one->state.init_pid,
		oci_status_name(one->status), one->spec->oci.bundle, time);
}

static int run_list(struct wabe_call *call, struct error *err)
{
	struct string_list names = { 0 };
	bool json, is_first = true;
	int r = is_json(call, &json, err);

	r = r < 0 ? r : oci_list(call->root, &names, err);
	if (r == 0 && json)
		printf("[");
	else if (r == 0 && !call->options.quiet)
		printf("%-24s %-8s %-10s %-40s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED");
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		struct oci_container one;
		struct error ignored;
		if (call->options.quiet && !json)
			printf("%s\n", names.items[i]);
		else if (oci_load(call->root, names.items[i], 0, &one, &ignored) == 0 && one.spec) {
			print_one(&one, json, is_first);
			is_first = false;
		}
		if (!call->options.quiet || json)
			oci_clear(&one);
	}
	if (r == 0 && json)
		printf("]\n");
	string_list_clear(&names);
	return r;
}

static bool has_pid(const oci_pid_list *pids, long pid)
{
	vector_for_each (one, pids)
		if (*one == pid)
			return true;
	return false;
}

/* ps(1)'s table, its rows of other processes left out. */
static int filter_table(FILE *in, const oci_pid_list *pids)
{
	auto_free char *line = NULL;
	size_t capacity = 0;
	int column = -1;

	while (getline(&line, &capacity, in) > 0) {
		auto_free char *copy = strdup(line);
		char *rest = NULL;
		int number = 0;
		bool is_heading = column < 0, is_ours = false;
		for (char *word = copy ? strtok_r(copy, " \t\n", &rest) : NULL; word; word = strtok_r(NULL, " \t\n", &rest), number++) {
			if (is_heading && strcmp(word, "PID") == 0)
				column = number;
			else if (!is_heading && number == column)
				is_ours = has_pid(pids, strtol(word, NULL, 10));
		}
		if (is_heading && column < 0)
			return -EINVAL;
		if (is_heading || is_ours)
			fputs(line, stdout);
	}
	return 0;
}

static int print_table(const struct wabe_call *call, const oci_pid_list *pids, struct error *err)
{
	char ps[] = "ps", all[] = "-ef", *argv[64] = { ps, all };
	int output[2], count = 1;
	pid_t pid;

	for (int i = 1; i < call->argument_count && count < 63; i++)
		argv[count++] = call->arguments[i];
	if (pipe(output) < 0)
		return error_set(err, errno, "run ps");
	int r = process_spawn(argv, NULL, (int[3]){ -1, output[1], STDERR_FILENO }, &pid);
	close(output[1]);
	FILE *in = fdopen(output[0], "r");
	if (r == 0 && in)
		r = filter_table(in, pids);
	if (in)
		fclose(in);
	if (r == 0)
		(void)process_wait(pid, NULL); /* our child */
	return r == -EINVAL ? call_usage(call, err, "ps printed no column PID") : r < 0 ? error_set(err, r, "run ps") : 0;
}

static int run_ps(struct wabe_call *call, struct error *err)
{
	struct oci_container container;
	oci_pid_list pids = { 0 };
	bool json;
	int r = is_json(call, &json, err);

	if (r < 0)
		return r;
	r = call_load(call, 0, &container, err);
	r = r < 0 ? r : oci_pids(&container, &pids, err);
	if (r == 0 && json) {
		printf("[");
		for (size_t i = 0; i < pids.count; i++)
			printf("%s%d", i ? "," : "", pids.items[i]);
		printf("]\n");
	} else if (r == 0) {
		r = print_table(call, &pids, err);
	}
	free(pids.items);
	oci_clear(&container);
	return r;
}

const struct command command_list = { .name = "list", .usage = "[OPTION]...", .options = list_options, .most = 0,
	.summary = "List the containers", .run = run_list };
const struct command command_ps = { .name = "ps", .usage = "[OPTION] ID [PS-OPTION]...", .options = ps_options,
	.stops_at_argument = true, .least = 1, .most = -1, .summary = "List the processes of a container", .run = run_ps };
