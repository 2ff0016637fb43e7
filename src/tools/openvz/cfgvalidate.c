/* vzcfgvalidate: whether what a configuration says can hold; with -r and -i it is mended. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

enum { EXIT_ERROR = 1, EXIT_INVALID = 2 };

struct validation {
	const char *file;
	struct vz_conf conf;
	bool repairs, asks, is_verbose;
	int status;
};

/* 1: it is to be mended. */
static int found(struct validation *job, const char *what)
{
	char answer[8] = "";
	if (!job->repairs) {
		job->status = EXIT_INVALID;
		return 0;
	}
	if (!job->asks)
		return 1;
	printf("%s (y/n) ", what);
	fflush(stdout);
	if (scanf("%7s", answer) == 1 && (*answer == 'y' || *answer == 'Y'))
		return 1;
	job->status = EXIT_INVALID;
	return 0;
}

static void remove_line(struct vz_conf *conf, size_t index)
{
	free(conf->items[index].text);
	free(conf->items[index].key);
	free(conf->items[index].value);
	vector_remove(conf, index);
}

/* 1: the line is gone. */
static int check_line(struct validation *job, size_t index)
{
	const struct vz_line *line = &job->conf.items[index];
	const struct vz_param *param = line->key ? vz_param_find(line->key) : NULL;
	auto_free char *text = NULL, *repaired = NULL;
	const char *colon = line->value ? strchr(line->value, ':') : NULL;
	if (line->key && vz_conf_line(&job->conf, line->key) != line) {
		printf("%s:%u: Warning: %s is there already, the first one counts\n", job->file, line->number, line->key);
		if (!found(job, "Remove the line?"))
			return 0;
		remove_line(&job->conf, index);
		return 1;
	}
	if (!param || vz_param_parse(param, line->value, &text) == 0) {
		if (param && job->is_verbose)
			printf("%s:%u: %s=%s\n", job->file, line->number, line->key, text);
		return 0;
	}
	printf("%s:%u: Error: bad value for %s: %s\n", job->file, line->number, line->key, line->value);
	/* the barrier above the limit: both are the greater one */
	struct vz_pair pair;
	if (colon && (repaired = strndup(line->value, (size_t)(colon - line->value))) && vz_parse_pair(repaired, param->kind, &pair) == 0 &&
		vz_param_parse(param, repaired, &text) == 0) {
		if (found(job, "Set both to the barrier?"))
			(void)vz_conf_set(&job->conf, param->key, text); /* without memory it stays as it is */
		return 0;
	}
	if (!found(job, "Remove the line?"))
		return 0;
	remove_line(&job->conf, index);
	return 1;
}

/* More than the host has is no fault, but worth a word. */
static void check_memory(const struct validation *job)
{
	auto_free char *text = NULL;
	struct vz_pair pair;
	size_t length;
	const char *value = vz_conf_get(&job->conf, "PHYSPAGES");
	if (!value || vz_parse_pair(value, VZ_UBC_PAGES, &pair) < 0 || pair.limit == VZ_UNLIMITED ||
		file_read(-1, "/proc/meminfo", 1 << 16, &text, &length) < 0 || !strstr(text, "MemTotal:"))
		return;
	int64_t pages = (int64_t)strtoull(strstr(text, "MemTotal:") + strlen("MemTotal:"), NULL, 10) / 4;
	if (pair.limit > pages)
		printf("%s: Recommendation: PHYSPAGES is %" PRId64 " pages, the host has %" PRId64 "\n", job->file, pair.limit, pages);
}

static int validate(struct validation *job)
{
	struct error err = { 0 };
	char line[1024];
	if (vz_conf_load(&job->conf, job->file, &err) < 0) {
		fprintf(stderr, "vzcfgvalidate: %s\n", error_render(&err, line, sizeof(line)));
		return EXIT_ERROR;
	}
	auto_free char *before = vz_conf_text(&job->conf);
	for (size_t i = 0; i < job->conf.count;)
		i += !check_line(job, i);
	check_memory(job);
	auto_free char *after = vz_conf_text(&job->conf);
	if (job->repairs && !text_equal(before, after) && vz_conf_write(&job->conf, job->file, &err) < 0) {
		fprintf(stderr, "vzcfgvalidate: %s\n", error_render(&err, line, sizeof(line)));
		return EXIT_ERROR;
	}
	puts(job->status == 0 ? "Validation completed: success" : "Validation completed: failed");
	return job->status;
}

int vzcfgvalidate_main(int argc, char **argv)
{
	struct validation job = { 0 };
	bool is_asked = argc == 2 && strcmp(argv[1], "--help") == 0, is_good = argc > 1 && !is_asked;
	for (int i = 1; is_good && i < argc - 1; i++) {
		job.asks |= strcmp(argv[i], "-i") == 0;
		job.repairs |= job.asks || strcmp(argv[i], "-r") == 0;
		job.is_verbose |= strcmp(argv[i], "-v") == 0;
		is_good = strlen(argv[i]) == 2 && *argv[i] == '-' && strchr("riv", argv[i][1]);
	}
	if (!is_good) {
		fputs("Usage: vzcfgvalidate [-r | -i] [-v] FILE\nWhether the configuration can hold: exit status 2 if not. -r mends it, -i asks "
		      "first, -v shows all parameters.\n", is_asked ? stdout : stderr);
		return !is_asked;
	}
	job.file = argv[argc - 1];
	int status = validate(&job);
	vz_conf_clear(&job.conf);
	return status;
}
