/* wabe update. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "dialect/oci/oci.h"
#include "tools/oci/wabe.h"

static const struct value_option update_options[] = {
	TEXT("resources", 'r', resources, "FILE", "Read the limits as JSON from FILE (-: standard input); no other option counts then"),
	TEXT("memory", 0, memory, "BYTES", "Memory"),
	TEXT("memory-reservation", 0, memory_reservation, "BYTES", "Memory that is left alone when it gets short"),
	TEXT("memory-swap", 0, memory_swap, "BYTES", "Memory and swap together (-1: no limit)"),
	TEXT("cpu-period", 0, cpu_period, "US", "Period of cpu-quota"),
	TEXT("cpu-quota", 0, cpu_quota, "US", "CPU time in each period (-1: no limit)"),
	TEXT("cpu-burst", 0, cpu_burst, "US", "Unused time that can be saved up"),
	TEXT("cpu-share", 0, cpu_share, "N", "Weight among containers (1024)"),
	TEXT("cpu-rt-period", 0, cpu_rt_period, "US", "Period of cpu-rt-runtime"),
	TEXT("cpu-rt-runtime", 0, cpu_rt_runtime, "US", "Real-time CPU time in each period"),
	TEXT("cpu-idle", 0, cpu_idle, "0|1", "Only what nobody else wants"),
	TEXT("cpuset-cpus", 0, cpuset_cpus, "LIST", "CPUs"),
	TEXT("cpuset-mems", 0, cpuset_mems, "LIST", "Memory nodes"),
	TEXT("pids-limit", 0, pids_limit, "N", "Processes (-1: no limit)"),
	TEXT("blkio-weight", 0, blkio_weight, "N", "Weight of block I/O, 10 to 1000"),
	TEXT("l3-cache-schema", 0, l3_cache_schema, "LINES", "Parts of the cache, as L3:0=ff;1=f (resctrl)"),
	TEXT("mem-bw-schema", 0, mem_bw_schema, "LINES", "Memory bandwidth, as MB:0=20;1=70 (resctrl)"),
	TEXT("kernel-memory", 0, kernel_memory, NULL, NULL),
	TEXT("kernel-memory-tcp", 0, kernel_memory_tcp, NULL, NULL),
	OPTIONS_END,
};

/* ---- the options as the JSON that they stand for: one reader for both ---- */

static int put_number(FILE *out, const char **comma, const char *name, const char *value, struct error *err)
{
	char *end;

	if (!value)
		return 0;
	errno = 0;
	long long number = strtoll(value, &end, 10);
	uint64_t bytes;
	if (errno || end == value || *end) {
		if (text_to_bytes(value, &bytes) < 0 || bytes > INT64_MAX)
			return error_set_kind(err, ERROR_USAGE, 0, "%s: no number: %s", name, value);
		number = (long long)bytes;
	}
	fprintf(out, "%s\"%s\":%lld", *comma, name, number);
	*comma = ",";
	return 0;
}

static int put_text(FILE *out, const char **comma, const char *name, const char *value)
{
	auto_free char *quoted = NULL;

	if (!value)
		return 0;
	if (oci_quote(value, &quoted) < 0)
		return -ENOMEM;
	fprintf(out, "%s\"%s\":%s", *comma, name, quoted);
	*comma = ",";
	return 0;
}

static int put_options(FILE *out, const struct wabe_options *o, struct error *err)
{
	const char *comma = "";

	fputs("{\"memory\":{", out);
	int r = put_number(out, &comma, "limit", o->memory, err);
	r = r ?: put_number(out, &comma, "reservation", o->memory_reservation, err);
	r = r ?: put_number(out, &comma, "swap", o->memory_swap, err);
	fputs("},\"cpu\":{", out);
	comma = "";
	r = r ?: put_number(out, &comma, "period", o->cpu_period, err);
	r = r ?: put_number(out, &comma, "quota", o->cpu_quota, err);
	r = r ?: put_number(out, &comma, "burst", o->cpu_burst, err);
	r = r ?: put_number(out, &comma, "shares", o->cpu_share, err);
	r = r ?: put_number(out, &comma, "realtimePeriod", o->cpu_rt_period, err);
	r = r ?: put_number(out, &comma, "realtimeRuntime", o->cpu_rt_runtime, err);
	r = r ?: put_number(out, &comma, "idle", o->cpu_idle, err);
	r = r ?: put_text(out, &comma, "cpus", o->cpuset_cpus);
	r = r ?: put_text(out, &comma, "mems", o->cpuset_mems);
	fputs("},\"pids\":{", out);
	comma = "";
	r = r ?: put_number(out, &comma, "limit", o->pids_limit, err);
	fputs("},\"blockIO\":{", out);
	comma = "";
	r = r ?: put_number(out, &comma, "weight", o->blkio_weight, err);
	fputs("}}", out);
	return r;
}

static int read_resources(const struct wabe_call *call, struct spec *spec, struct error *err)
{
	auto_free char *text = NULL;
	const char *file = call->options.resources;
	size_t length;
	int r;

	if (file) {
		r = strcmp(file, "-") == 0 ? file_read_fd(STDIN_FILENO, 1 << 20, &text, &length) :
					     file_read(AT_FDCWD, file, 1 << 20, &text, &length);
		return r < 0 ? error_set(err, r, "read %s", file) : oci_parse_resources(spec, file, text, length, err);
	}
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return error_set(err, ENOMEM, "read the options");
	r = put_options(out, &call->options, err);
	if (fclose(out) != 0)
		r = error_set(err, ENOMEM, "read the options");
	return r < 0 ? r : oci_parse_resources(spec, "command line", text, length, err);
}

static int add_schemata(const struct wabe_options *options, struct spec *spec, struct error *err)
{
	const char *const given[] = { options->l3_cache_schema, options->mem_bw_schema };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(given) / sizeof(*given); i++)
		r = given[i] && *given[i] ? text_split(given[i], "\n", &spec->oci.rdt_schemata) : 0;
	return r < 0 ? error_set(err, r, "read the options") : 0;
}

static int run_update(struct wabe_call *call, struct error *err)
{
	struct oci_container container;
	auto_spec struct spec *spec = spec_new();
	int r = call_load(call, OCI_LOCK, &container, err);

	if (r == 0 && !spec)
		r = error_set(err, ENOMEM, "read the limits");
	r = r < 0 ? r : read_resources(call, spec, err);
	r = r < 0 ? r : add_schemata(&call->options, spec, err);
	r = r < 0 ? r : oci_update(&container, spec, err);
	oci_clear(&container);
	return r;
}

const struct command command_update = { .name = "update", .usage = "[OPTION]... ID", .options = update_options, .least = 1,
	.most = 1, .summary = "Change the limits of a container", .run = run_update };
