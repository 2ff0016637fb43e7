/* vzubc: the parameters of resources with what is held of them, for people, and in the form of /proc/user_beancounters. */
#include "tools/openvz/vzlist.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define STORE "/run/vzubc"

struct options {
	bool is_proc, is_plain, is_quiet, is_relative, is_incremental, has_colour, watches;
	bool forgets_failed, forgets_held;
	double held_ratio, max_ratio, interval_s;
	const char *store;
};

/* ---- what was counted the last time ---- */

static int store_path(const struct options *options, const char *name, const char *what, char **ret)
{
	return text_format(ret, "%s/ubc.%s.%s", options->store, name, what);
}

/* The number behind "FIELD " of the last call, or 0. */
static uint64_t last_number(const char *text, const char *field)
{
	size_t length = strlen(field);
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, field, length) == 0 && line[length] == ' ')
			return strtoull(line + length + 1, NULL, 10);
	return 0;
}

static char *read_last(const struct options *options, const char *name, const char *what)
{
	auto_free char *path = NULL;
	char *text = NULL;
	size_t length;
	if (store_path(options, name, what, &path) < 0 || file_read(-1, path, 1 << 16, &text, &length) < 0)
		return NULL; /* the first time */
	return text;
}

/* Part number index of all parameters for the next call. */
static void keep(const struct options *options, struct vl_row *row, const char *what, int index)
{
	auto_free char *path = NULL;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return;
	for (const struct vl_field *field = vl_fields; field->name; field++) {
		uint64_t v[5];
		if (field->type == VL_UBC && vl_ubc(row, field, v))
			fprintf(out, "%s %" PRIu64 "\n", field->name, v[index]);
	}
	if (fclose(out) == 0 && mkdir_parents(options->store, 0700) == 0 && store_path(options, row->ct.name, what, &path) == 0)
		(void)file_write_atomic(-1, path, 0600, text, size); /* the next call shows the full number then */
	free(text);
}

/* ---- for people ---- */

/* A number of units in at most five letters, as "64M"; pages are shown as bytes. */
static const char *human(uint64_t number, bool is_pages, bool is_plain, char buffer[16])
{
	static const char units[] = "KMGTPE";
	if (number >= (uint64_t)VZ_UNLIMITED || (is_pages && number >= (uint64_t)VZ_UNLIMITED / 4096))
		return "-";
	double value = (double)(is_pages ? number * 4096 : number);
	int unit = -1;
	while (!is_plain && value >= 1024 && unit < 5) {
		value /= 1024;
		unit++;
	}
	if (unit < 0)
		(void)snprintf(buffer, 16, "%" PRIu64, is_pages && !is_plain ? number * 4096 : number);
	else
		(void)snprintf(buffer, 16, value < 10 ? "%.1f%c" : "%.0f%c", value, units[unit]);
	return buffer;
}

static bool is_near(uint64_t number, uint64_t limit, double ratio)
{
	return limit && limit < (uint64_t)VZ_UNLIMITED && (double)number >= (double)limit * ratio;
}

static void print_row(const struct options *options, const struct vl_field *field, const uint64_t v[5], int64_t difference)
{
	char texts[4][16], failed[24] = "-", change[24] = "";
	enum vz_kind kind = vz_param_find(field->key)->kind;
	bool is_plain = options->is_plain || kind == VZ_UBC_ITEMS, is_pages = kind == VZ_UBC_PAGES && !options->is_plain;
	bool matters = v[4] || is_near(v[0], v[3], options->held_ratio) || is_near(v[1], v[3], options->max_ratio);
	if (options->is_quiet && !matters && difference == 0)
		return;
	if (v[4])
		(void)snprintf(failed, sizeof(failed), "%s%" PRIu64, options->is_relative ? "+" : "", v[4]);
	if (options->is_incremental)
		(void)snprintf(change, sizeof(change), "%+9" PRId64 "|", difference);
	printf("%s%14s|%6s%10s|%s%10s%8s|%9s%s\n", options->has_colour && matters ? "\033[1;31m" : "", field->name,
		human(v[0], is_pages, is_plain, texts[0]), human(v[1], is_pages, is_plain, texts[1]), change,
		human(v[2], is_pages, is_plain, texts[2]), human(v[3], is_pages, is_plain, texts[3]), failed,
		options->has_colour && matters ? "\033[0m" : "");
}

static void print_people(const struct options *options, struct vl_row *row)
{
	auto_free char *failed = options->is_relative ? read_last(options, row->ct.name, "failcnt") : NULL;
	auto_free char *held = options->is_incremental ? read_last(options, row->ct.name, "held") : NULL;
	printf("----------------------------------------------------------------\n");
	printf("CT %-11s | HELD   MAXHELD |%s BARRIER   LIMIT |%s FAILCNT\n", row->ct.name, options->is_incremental ? "  CHANGE |" : "",
		options->is_relative ? "+" : " ");
	printf("----------------------------------------------------------------\n");
	for (const struct vl_field *field = vl_fields; field->name; field++) {
		uint64_t v[5];
		if (field->type != VL_UBC || !vl_ubc(row, field, v))
			continue;
		uint64_t before = last_number(failed, field->name);
		v[4] -= before < v[4] ? before : v[4];
		print_row(options, field, v, held ? (int64_t)(v[0] - last_number(held, field->name)) : 0);
	}
	if (options->is_relative)
		keep(options, row, "failcnt", 4);
	if (options->is_incremental)
		keep(options, row, "held", 0);
}

/* ---- as /proc/user_beancounters ---- */

static void print_proc(struct vl_row *row)
{
	bool is_first = true;
	for (const struct vl_field *field = vl_fields; field->name; field++) {
		uint64_t v[5];
		char id[16] = "";
		if (field->type != VL_UBC)
			continue;
		(void)vl_ubc(row, field, v); /* what is not set is unlimited */
		if (is_first)
			(void)snprintf(id, sizeof(id), "%s:", row->ct.name);
		printf("%11s %-12s %20" PRIu64 " %20" PRIu64 " %20" PRIu64 " %20" PRIu64 " %20" PRIu64 "\n", id, field->name, v[0], v[1], v[2],
			v[3], v[4]);
		is_first = false;
	}
}

/* ---- the command ---- */

static int show(const struct options *options, const char *word)
{
	struct vl_row row = { 0 };
	if (vl_open("vzubc", word, &row) < 0)
		return 1;
	if (options->is_proc)
		print_proc(&row);
	else
		print_people(options, &row);
	vl_close(&row);
	return 0;
}

static void forget(const struct options *options, const char *name)
{
	auto_free char *failed = NULL, *held = NULL;
	if (options->forgets_failed && store_path(options, name, "failcnt", &failed) == 0)
		(void)unlink(failed); /* there may be none */
	if (options->forgets_held && store_path(options, name, "held", &held) == 0)
		(void)unlink(held);
}

static int show_all(const struct options *options, char *const *words)
{
	struct string_list running = { 0 };
	int status = 0;
	if (options->is_proc)
		printf("Version: 2.5\n%11s %-12s %20s %20s %20s %20s %20s\n", "uid ", "resource", "held", "maxheld", "barrier", "limit", "failcnt");
	if (!*words && vl_running(&running) < 0)
		return 1;
	for (size_t i = 0; i < running.count; i++) {
		forget(options, running.items[i]);
		status |= show(options, running.items[i]);
	}
	for (; *words; words++) {
		forget(options, *words);
		status |= show(options, *words);
	}
	string_list_clear(&running);
	return status;
}

static const struct {
	const char *name, *long_name, *help;
} switches[] = {
	{ "-w", "--watch", "again every 2 seconds; -wn SECONDS" },
	{ "-q", "--quiet", "only what has failed or is near its limit; -qh RATIO (0.5) for held, -qm RATIO (0.8) for maxheld" },
	{ "-r", "--relative", "failcnt since the last call; -rd DIRECTORY that keeps it, -rc forgets it" },
	{ "-i", "--incremental", "how held has changed since the last call; -ic forgets it" },
	{ "-c", "--color", "in colour what -q would show" },
	{ "-n", "--numbers", "plain numbers in the parameters' own units" },
	{ "-p", "--proc", "in the form of /proc/user_beancounters" },
};

static int usage(FILE *out)
{
	fputs("Usage: vzubc [OPTION]... [CTID...]\n", out);
	for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++)
		fprintf(out, "  %s, %-14s %s\n", switches[i].name, switches[i].long_name, switches[i].help);
	return out == stdout ? 0 : 1;
}

static bool take_switch(struct options *options, const char *word)
{
	bool *const values[] = { &options->watches, &options->is_quiet, &options->is_relative, &options->is_incremental, &options->has_colour,
		&options->is_plain, &options->is_proc };
	for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++)
		if (strcmp(word, switches[i].name) == 0 || strcmp(word, switches[i].long_name) == 0) {
			*values[i] = true;
			return true;
		}
	if (strcmp(word, "-rc") == 0)
		return options->forgets_failed = true;
	return strcmp(word, "-ic") == 0 && (options->forgets_held = true);
}

static bool take_number(const char *text, double *ret)
{
	char *end;
	*ret = text ? strtod(text, &end) : -1;
	return text && end != text && *end == '\0' && *ret >= 0;
}

int vzubc_main(int argc, char **argv)
{
	struct options options = { .held_ratio = 0.5, .max_ratio = 0.8, .interval_s = 2, .store = STORE };
	int first = 1;
	for (; first < argc && *argv[first] == '-'; first++) {
		const char *word = argv[first], *value = argv[first + 1];
		bool is_good = true;
		double *number = strcmp(word, "-wn") == 0 ? &options.interval_s :
				 strcmp(word, "-qh") == 0 ? &options.held_ratio :
				 strcmp(word, "-qm") == 0 ? &options.max_ratio : NULL;
		if (strcmp(word, "--help") == 0)
			return usage(stdout);
		if (number) {
			is_good = take_number(value, number);
			first++;
		} else if ((strcmp(word, "-rd") == 0 || strcmp(word, "-id") == 0) && value) {
			options.store = value;
			first++;
		} else {
			is_good = take_switch(&options, word);
		}
		if (!is_good)
			return usage(stderr);
	}
	int status = show_all(&options, argv + first);
	while (options.watches) {
		fflush(stdout);
		usleep((useconds_t)(options.interval_s * 1000000));
		fputs("\033[H\033[J", stdout);
		status = show_all(&options, argv + first);
	}
	return status;
}
