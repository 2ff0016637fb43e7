/* vzubc: the parameters of resources with what is held of them; vzcfgvalidate: whether a configuration can hold. */
#include "tools/openvz/vzlist.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

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

static void print_one(struct vl_row *row, bool is_plain, bool only_failed)
{
	printf("----------------------------------------------------------------\n");
	printf("CT %-11s | HELD   MAXHELD | BARRIER   LIMIT |  FAILCNT\n", row->ct.name);
	printf("----------------------------------------------------------------\n");
	for (const struct vl_field *field = vl_fields; field->name; field++) {
		uint64_t v[5];
		char texts[4][16];
		if (field->type != VL_UBC || !vl_ubc(row, field, v) || (only_failed && v[4] == 0))
			continue;
		enum vz_kind kind = vz_param_find(field->key)->kind;
		bool plain = is_plain || kind == VZ_UBC_ITEMS, pages = kind == VZ_UBC_PAGES && !is_plain;
		printf("%14s|%6s%10s|%10s%8s|%9s\n", field->name, human(v[0], pages, plain, texts[0]), human(v[1], pages, plain, texts[1]),
			human(v[2], pages, plain, texts[2]), human(v[3], pages, plain, texts[3]), v[4] ? human(v[4], false, true, (char[16]){ 0 }) : "-");
	}
}

static int show(const char *word, bool is_plain, bool only_failed)
{
	struct vl_row row = { 0 };
	struct error err = { 0 };
	char line[1024];
	uint32_t id = vz_find(word);
	if (id == 0 || vz_ct_open(&row.ct, id, &err) < 0 || !row.ct.has_conf) {
		fprintf(stderr, "vzubc: %s: %s\n", word, *err.what ? error_render(&err, line, sizeof(line)) : "no such container");
		return 1;
	}
	struct container_id container = { .dialect = VZ_DIALECT, .base_path = row.ct.conf_dir, .name = row.ct.name };
	struct status status = { .state = STATE_STOPPED };
	(void)engine_status(&container, &status, NULL); /* what can not be read does not run */
	row.status = status.state == STATE_STOPPED ? VL_STOPPED : VL_RUNNING;
	print_one(&row, is_plain, only_failed);
	vz_ct_clear(&row.ct);
	return 0;
}

int vzubc_main(int argc, char **argv)
{
	bool is_plain = false, only_failed = false;
	int first = 1, status = 0;
	for (; first < argc && *argv[first] == '-'; first++) {
		if (strcmp(argv[first], "-r") == 0) {
			is_plain = true;
		} else if (strcmp(argv[first], "-q") == 0) {
			only_failed = true;
		} else {
			bool is_asked = strcmp(argv[first], "--help") == 0;
			fprintf(is_asked ? stdout : stderr, "Usage: vzubc [-r] [-q] [CTID...]\n"
				"  -r  plain numbers\n  -q  only what has hit its limit\n");
			return is_asked ? 0 : 1;
		}
	}
	for (int i = first; i < argc; i++)
		status |= show(argv[i], is_plain, only_failed);
	if (first < argc)
		return status;
	struct string_list running = { 0 };
	char directory[512];
	vz_conf_directory(directory, sizeof(directory));
	(void)engine_list_active(VZ_DIALECT, directory, &running, NULL); /* none where there is no directory */
	for (size_t i = 0; i < running.count; i++)
		status |= show(running.items[i], is_plain, only_failed);
	string_list_clear(&running);
	return status;
}

/* ---- vzcfgvalidate ---- */

static int check_line(const char *file, const struct vz_line *line)
{
	const struct vz_param *param = line->key ? vz_param_find(line->key) : NULL;
	char *text = NULL;
	if (!param)
		return 0;
	int r = vz_param_parse(param, line->value, &text);
	free(text);
	if (r == 0)
		return 0;
	printf("%s:%u: bad value for %s: %s\n", file, line->number, line->key, line->value);
	return 2;
}

static int check_twice(const char *file, const struct vz_conf *conf)
{
	int status = 0;
	for (size_t i = 0; i < conf->count; i++)
		if (conf->items[i].key && vz_conf_line(conf, conf->items[i].key) != &conf->items[i]) {
			printf("%s:%u: %s is there already, the first one counts\n", file, conf->items[i].number, conf->items[i].key);
			status = 2;
		}
	return status;
}

int vzcfgvalidate_main(int argc, char **argv)
{
	struct vz_conf conf = { 0 };
	struct error err = { 0 };
	char line[1024];
	bool is_asked = argc == 2 && strcmp(argv[1], "--help") == 0;
	if (argc != 2 || is_asked) {
		fprintf(is_asked ? stdout : stderr, "Usage: vzcfgvalidate FILE\nExit status 2: a parameter can not hold.\n");
		return !is_asked;
	}
	if (vz_conf_load(&conf, argv[1], &err) < 0) {
		fprintf(stderr, "vzcfgvalidate: %s\n", error_render(&err, line, sizeof(line)));
		return 1;
	}
	int status = check_twice(argv[1], &conf);
	for (size_t i = 0; i < conf.count; i++)
		status |= check_line(argv[1], &conf.items[i]);
	if (status == 0)
		puts("Validation completed: success");
	vz_conf_clear(&conf);
	return status;
}
