/* Cgroups by systemd: what the unit is to be, and the program that asks for it. */
#include "engine/oci_systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/journal.h"
#include "base/paths.h"
#include "base/process.h"
#include "base/talk.h"
#include "base/text.h"
#include "engine/oci.h"
#include "engine/resources.h"
#include "engine/start.h"

#define PROPERTY "org.systemd.property."

/* ---- properties ---- */

/* "max" is what systemd calls infinity: all bits. */
static int add_number(struct string_list *list, const char *name, const char *value)
{
	auto_free char *text = NULL;
	bool is_all = strcmp(value, "max") == 0 || strcmp(value, "-1") == 0;

	if (text_format(&text, "t:%s=%s", name, is_all ? "18446744073709551615" : value) < 0)
		return -ENOMEM;
	return string_list_add(list, text);
}

/* "QUOTA PERIOD" of cpu.max. */
static int add_quota(struct string_list *list, const char *value)
{
	unsigned long long quota, period = 100000;
	char number[24] = "max";

	if (sscanf(value, "%llu %llu", &quota, &period) >= 1 && period > 0)
		(void)snprintf(number, sizeof(number), "%llu", quota * 1000000 / period);
	return add_number(list, "CPUQuotaPerSecUSec", number);
}

static int add_limits(struct string_list *list, const struct spec *spec)
{
	static const struct {
		const char *file, *property;
	} numbers[] = { { "memory.max", "MemoryMax" }, { "memory.low", "MemoryLow" }, { "memory.swap.max", "MemorySwapMax" },
		{ "cpu.weight", "CPUWeight" }, { "pids.max", "TasksMax" } };
	int r = 0;

	vector_for_each (setting, &spec->cgroup.settings) {
		if (!setting->is_v2 || r < 0)
			continue;
		for (size_t i = 0; r == 0 && i < sizeof(numbers) / sizeof(*numbers); i++)
			if (strcmp(setting->file, numbers[i].file) == 0)
				r = add_number(list, numbers[i].property, setting->value);
		if (r == 0 && strcmp(setting->file, "cpu.max") == 0)
			r = add_quota(list, setting->value);
	}
	return r;
}

static int add_wishes(struct string_list *list, const struct spec *spec)
{
	vector_for_each (one, &spec->oci.annotations) {
		auto_free char *text = NULL;
		if (!text_starts(one->name, PROPERTY))
			continue;
		if (text_format(&text, "g:%s=%s", one->name + strlen(PROPERTY), one->value) < 0 || string_list_add(list, text) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_unit(struct string_list *list, const struct spec *spec, const char *slice)
{
	static const char *const fixed[] = { "b:Delegate=true", "b:DefaultDependencies=false", "b:CPUAccounting=true",
		"b:MemoryAccounting=true", "b:TasksAccounting=true", "b:IOAccounting=true" };
	auto_free char *description = NULL, *where = NULL;
	int r = text_format(&description, "s:Description=wabe container %s", spec->identity.name);

	r = r ?: text_format(&where, "s:Slice=%s", slice);
	r = r ?: string_list_add(list, description);
	r = r ?: string_list_add(list, where);
	for (size_t i = 0; r == 0 && i < sizeof(fixed) / sizeof(*fixed); i++)
		r = string_list_add(list, fixed[i]);
	r = r ?: add_limits(list, spec);
	return r ?: add_wishes(list, spec);
}

/* ---- the program ---- */

/* argv up to the unit; the NULL at the end is added by end_list. */
static int begin_list(struct string_list *list, const char *act, const char *unit)
{
	int r = string_list_add(list, WABE_SYSTEMD);

	r = r ?: string_list_add(list, act);
	if (r == 0 && oci_is_rootless())
		r = string_list_add(list, "--user");
	return r ?: string_list_add(list, unit);
}

static int end_list(struct string_list *list)
{
	if (!vector_add(list))
		return -ENOMEM;
	list->count--;
	return 0;
}

static int fault(int r, const char *unit, const struct talk *talk, struct error *err)
{
	char line[300] = "";

	if (r == -ENOENT) {
		(void)error_set_kind(err, ERROR_UNSUPPORTED, 0, "cgroups by systemd: there is no " WABE_SYSTEMD);
		error_hint(err, "it is built where libsystemd is, or use --cgroup-manager cgroupfs");
		return -EOPNOTSUPP;
	}
	if (talk)
		talk_line(talk, 2, line, sizeof(line));
	(void)error_set_kind(err, ERROR_INTERNAL, 0, "systemd unit %s: %s", unit, *line ? line : r < 0 ? strerror(-r) : "no answer");
	return r < 0 ? r : -EIO;
}

static int run(struct string_list *argv, const char *unit, struct error *err)
{
	struct talk talk;
	int r = end_list(argv);

	r = r ?: talk_open(&talk);
	if (r < 0)
		return error_set(err, r, "ask systemd for %s", unit);
	r = talk_run(&talk, argv->items, environ);
	r = r == 0 ? 0 : fault(r, unit, &talk, err);
	talk_close(&talk);
	return r;
}

/* The answer is the path of its cgroup; what it complains of goes to errors_fd. */
static int read_group(int fd, char **ret)
{
	char line[4096];
	size_t length = 0;
	ssize_t n;

	while (length < sizeof(line) - 1 && (n = read(fd, line + length, sizeof(line) - 1 - length)) > 0) {
		length += (size_t)n;
		if (line[length - 1] == '\n')
			break;
	}
	if (length < 2 || *line != '/' || line[length - 1] != '\n')
		return -EIO;
	line[length - 1] = '\0';
	return text_replace(ret, line + 1);
}

static int start_keeper(struct start *start, struct string_list *argv, const char *unit, struct error *err)
{
	struct talk talk; /* its memory takes the complaints */
	int pair[2];
	int r = end_list(argv);

	r = r ?: talk_open(&talk);
	if (r < 0)
		return error_set(err, r, "ask systemd for %s", unit);
	r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ? -errno : 0;
	if (r == 0) {
		r = process_spawn(argv->items, NULL, (int[3]){ pair[1], pair[1], talk.fds[2] }, &start->keeper_pid);
		close(pair[1]);
		start->keeper_fd = pair[0];
		r = r ?: read_group(pair[0], &start->spec->cgroup.dir_container);
	}
	if (r < 0) {
		oci_unit_leave(start);
		r = fault(r, unit, &talk, err);
	}
	talk_close(&talk);
	return r;
}

/* "SLICE UNIT" */
static const char *unit_of(const char *text)
{
	const char *blank = strchr(text, ' ');

	return blank ? blank + 1 : text;
}

int oci_unit_start(struct start *start, struct error *err)
{
	const char *both = start->spec->oci.systemd_unit, *unit = unit_of(both);
	struct string_list argv = { 0 };
	auto_free char *slice = strndup(both, strcspn(both, " "));
	int r = slice ? begin_list(&argv, "start", unit) : -ENOMEM;

	r = r ?: add_unit(&argv, start->spec, slice);
	r = r ?: journal_add(start->journal_fd, RESOURCE_UNIT, unit);
	r = r < 0 ? error_set(err, r, "ask systemd for %s", unit) : start_keeper(start, &argv, unit, err);
	string_list_clear(&argv);
	return r;
}

void oci_unit_leave(struct start *start)
{
	close_fd(&start->keeper_fd);
	if (start->keeper_pid > 0)
		(void)process_wait(start->keeper_pid, NULL); /* our child, at its end */
	start->keeper_pid = 0;
}

int oci_unit_update(const char *unit, const struct spec *spec, struct error *err)
{
	struct string_list argv = { 0 };
	int r = begin_list(&argv, "set", unit_of(unit));
	size_t before = argv.count;

	r = r ?: add_limits(&argv, spec);
	if (r < 0)
		r = error_set(err, r, "ask systemd for %s", unit_of(unit));
	else if (argv.count > before)
		r = run(&argv, unit_of(unit), err);
	string_list_clear(&argv);
	return r;
}

void oci_unit_stop(const char *argument)
{
	struct string_list argv = { 0 };
	struct error ignored;

	if (begin_list(&argv, "stop", argument) == 0)
		(void)run(&argv, argument, &ignored); /* it ends with its last process anyway */
	string_list_clear(&argv);
}
