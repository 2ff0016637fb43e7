/* vzlist: which containers there are, those of the LXC dialect among them. */
#include "tools/openvz/vzlist.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel/mountinfo.h"

#include <dirent.h>
#include <fnmatch.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

struct options {
	bool all, stopped, no_header, is_json, names, untrimmed, only_ids, lists_fields;
	const char *output, *sort, *host_pattern, *name_pattern, *description_pattern;
};

/* What is found out once for all rows. */
struct seen {
	struct vz_conf global;
	struct string_list running; /* names, sorted */
	struct string_list mounted; /* sorted */
	char *lxc_path;
};

static int compare_texts(const void *key, const void *item)
{
	return strcmp(key, *(char *const *)item);
}

static bool has(const struct string_list *sorted, const char *text)
{
	return sorted->count && bsearch(text, sorted->items, sorted->count, sizeof(char *), compare_texts);
}

static int read_mounts(struct string_list *ret)
{
	auto_free char *text = NULL;
	struct mountinfo mount;
	size_t length;
	int r = file_read(-1, "/proc/self/mountinfo", 64 << 20, &text, &length);
	if (r < 0)
		return r;
	char *at = text;
	for (int next; r == 0 && (next = mountinfo_next(&at, &mount)) != 0;)
		if (next > 0)
			r = string_list_add(ret, mount.target);
	string_list_sort(ret);
	return r;
}

static char *find_lxc_path(void)
{
	struct vz_conf conf = { 0 };
	auto_free char *text = NULL;
	size_t length;
	char *path = NULL, *next;
	if (file_read(-1, "/etc/lxc/lxc.conf", 1 << 20, &text, &length) == 0)
		for (next = text; next;) {
			char *line = text_trim(strsep(&next, "\n"));
			if (text_starts(line, "lxc.lxcpath") && strchr(line, '='))
				(void)text_replace(&path, text_trim(strchr(line, '=') + 1));
		}
	vz_conf_clear(&conf);
	return path ?: strdup("/var/lib/lxc");
}

static int look_around(struct seen *seen, struct error *err)
{
	char path[512];
	struct stat info;
	(void)snprintf(path, sizeof(path), "%s/vz.conf", vz_config_directory());
	if (stat(path, &info) == 0 && vz_conf_load(&seen->global, path, err) < 0)
		return -EINVAL;
	vz_conf_directory(path, sizeof(path));
	int r = engine_list_active(VZ_DIALECT, path, &seen->running, err);
	if (r < 0)
		return r;
	r = read_mounts(&seen->mounted);
	seen->lxc_path = find_lxc_path();
	return r < 0 || !seen->lxc_path ? error_set(err, ENOMEM, "list containers") : 0;
}

static void find_status(struct vl_row *row, const struct seen *seen, const char *name, const char *base, const char *dialect)
{
	struct container_id id = { .dialect = dialect, .base_path = base, .name = name };
	struct status status = { .state = STATE_STOPPED };
	struct stat info;
	row->status = VL_STOPPED;
	if ((row->is_lxc || has(&seen->running, name)) && engine_status(&id, &status, NULL) == 0 && status.state != STATE_STOPPED) {
		row->status = VL_RUNNING;
		row->init_pid = status.init_pid;
		return;
	}
	if (row->is_lxc)
		return;
	auto_free char *root = vz_ct_path(&row->ct, "VE_ROOT"), *dumps = vz_ct_path(&row->ct, "DUMPDIR"), *dump = NULL;
	if (root && has(&seen->mounted, root))
		row->status = VL_MOUNTED;
	else if (dumps && text_format(&dump, "%s/Dump.%s", dumps, name) == 0 && stat(dump, &info) == 0)
		row->status = VL_SUSPENDED;
}

static bool matches(const char *pattern, const char *value)
{
	return !pattern || (value && fnmatch(pattern, value, 0) == 0);
}

static bool is_wanted(const struct options *options, const struct vl_row *row, bool is_named)
{
	if (!matches(options->host_pattern, vz_ct_get(&row->ct, "HOSTNAME")) ||
		!matches(options->description_pattern, vz_ct_get(&row->ct, "DESCRIPTION")) ||
		!matches(options->name_pattern, row->is_lxc ? row->lxc_name : vz_ct_get(&row->ct, "NAME")))
		return false;
	if (is_named || options->all)
		return true;
	return options->stopped ? row->status != VL_RUNNING : row->status == VL_RUNNING;
}

static void clear_row(struct vl_row *row)
{
	vz_ct_clear_own(&row->ct);
	spec_free(row->spec);
	free(row->lxc_name);
}

static void add_vz(const struct options *options, const struct seen *seen, uint32_t id, bool is_named, struct vl_rows *rows)
{
	struct vl_row row = { 0 };
	char name[12];
	(void)snprintf(name, sizeof(name), "%u", id);
	if (!is_named && !options->all && !options->stopped && !has(&seen->running, name))
		return; /* its configuration is not worth reading */
	if (vz_ct_open_with(&row.ct, id, &seen->global, NULL) == 0 && row.ct.has_conf) {
		find_status(&row, seen, row.ct.name, row.ct.conf_dir, VZ_DIALECT);
		struct vl_row *item = is_wanted(options, &row, is_named) ? vector_add(rows) : NULL;
		if (item) {
			*item = row;
			return;
		}
	}
	clear_row(&row);
}

static void add_lxc(const struct options *options, const struct seen *seen, const char *name, bool is_named, struct vl_rows *rows)
{
	struct vl_row row = { .is_lxc = true, .lxc_path = seen->lxc_path, .ct.global = seen->global };
	struct stat info;
	auto_free char *config = NULL;
	if (text_format(&config, "%s/%s/config", seen->lxc_path, name) < 0 || stat(config, &info) < 0)
		return;
	row.lxc_name = strdup(name);
	find_status(&row, seen, name, seen->lxc_path, "lxc");
	struct vl_row *item = row.lxc_name && is_wanted(options, &row, is_named) ? vector_add(rows) : NULL;
	if (item)
		*item = row;
	else
		clear_row(&row);
}

static void add_all(const struct options *options, const struct seen *seen, struct vl_rows *rows)
{
	struct vz_ids ids = { 0 };
	struct string_list names = { 0 };
	(void)vz_list(&ids); /* none is defined where there is no directory */
	for (size_t i = 0; i < ids.count; i++)
		add_vz(options, seen, ids.items[i], false, rows);
	free(ids.items);
	auto_closedir DIR *dir = opendir(seen->lxc_path);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			(void)string_list_add(&names, entry->d_name);
	string_list_sort(&names);
	for (size_t i = 0; i < names.count; i++)
		add_lxc(options, seen, names.items[i], false, rows);
	string_list_clear(&names);
}

/* ---- columns ---- */

static int add_column(struct vl_columns *columns, const char *word)
{
	static const char parts[] = "mblfsh";
	size_t length = strcspn(word, ".");
	const struct vl_field *field = vl_find(word, length);
	bool is_part = word[length] == '.' && word[length + 1] && strchr(parts, word[length + 1]) && !word[length + 2];
	if (!field || (word[length] && (!is_part || (field->type != VL_UBC && field->type != VL_DISK)))) {
		fprintf(stderr, "Unknown field: %s\n", word);
		return -EINVAL;
	}
	struct vl_column *column = vector_add(columns);
	if (!column)
		return -ENOMEM;
	*column = (struct vl_column){ field, word[length] ? word[length + 1] : '\0' };
	return 0;
}

static int choose_columns(const struct options *options, struct vl_columns *columns)
{
	struct string_list words = { 0 };
	const char *list = options->only_ids ? "ctid" : options->output ?:
			   options->names ? "ctid,numproc,status,ip,name" : "ctid,numproc,status,ip,hostname";
	int r = 0;
	if (options->is_json && !options->output) {
		for (const struct vl_field *field = vl_fields; r == 0 && field->name; field++)
			r = add_column(columns, field->name);
		return r;
	}
	r = text_split(list, ",", &words);
	for (size_t i = 0; r == 0 && i < words.count; i++)
		r = add_column(columns, words.items[i]);
	string_list_clear(&words);
	for (size_t i = 0; r == 0 && options->is_json && i < columns->count; i++)
		if (columns->items[i].part) {
			fprintf(stderr, "Field %s.%c is not available in JSON output\n", columns->items[i].field->name, columns->items[i].part);
			r = -EINVAL;
		}
	return r;
}

/* ---- sorting ---- */

struct sorted {
	struct vl_row row;
	char *text;
	double number;
	bool is_number;
};

static int compare_rows(const void *a, const void *b)
{
	const struct sorted *first = a, *second = b;
	if (first->is_number && second->is_number)
		return (first->number > second->number) - (first->number < second->number);
	if (first->is_number != second->is_number)
		return first->is_number ? -1 : 1;
	return strcmp(first->text ?: "", second->text ?: "");
}

static int sort_rows(const char *key, struct vl_rows *rows)
{
	bool is_reverse = key && *key == '-';
	struct vl_columns columns = { 0 };
	int r = key ? add_column(&columns, key + is_reverse) : 0;
	auto_free struct sorted *list = r == 0 && key && rows->count ? calloc(rows->count, sizeof(*list)) : NULL;
	for (size_t i = 0; list && i < rows->count; i++) {
		char *end;
		list[i].row = rows->items[i];
		list[i].text = vl_cell(&list[i].row, columns.items);
		list[i].number = list[i].text ? strtod(list[i].text, &end) : 0;
		list[i].is_number = list[i].text && *list[i].text && *end == '\0';
	}
	if (list)
		qsort(list, rows->count, sizeof(*list), compare_rows);
	for (size_t i = 0; list && i < rows->count; i++) {
		rows->items[is_reverse ? rows->count - 1 - i : i] = list[i].row;
		free(list[i].text);
	}
	free(columns.items);
	return r;
}

/* ---- the command ---- */

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },	   { "stopped", no_argument, NULL, 'S' },
	{ "name", no_argument, NULL, 'n' },	   { "no-header", no_argument, NULL, 'H' },
	{ "no-trim", no_argument, NULL, 't' },	   { "json", no_argument, NULL, 'j' },
	{ "output", required_argument, NULL, 'o' }, { "sort", required_argument, NULL, 's' },
	{ "hostname", required_argument, NULL, 'h' }, { "name_filter", required_argument, NULL, 'N' },
	{ "description", required_argument, NULL, 'd' }, { "list", no_argument, NULL, 'L' },
	{ "help", no_argument, NULL, '?' },	   { NULL, 0, NULL, 0 },
};

static void print_usage(FILE *out)
{
	fputs("Usage: vzlist [-a | -S] [-n] [-H] [-t] [-j | -o FIELD[,FIELD...]] [-s [-]FIELD] [-h PATTERN] [-N PATTERN]\n"
	      "              [-d PATTERN] [CTID...]\n"
	      "       vzlist -L | --list\n\n"
	      "  -a, --all                 stopped containers, too\n"
	      "  -S, --stopped             stopped containers only\n"
	      "  -n, --name                names instead of host names\n"
	      "  -H, --no-header           no header\n"
	      "  -t, --no-trim             do not cut long values\n"
	      "  -j, --json                JSON\n"
	      "  -o, --output FIELD,...    these columns\n"
	      "  -s, --sort [-]FIELD       sort by this field\n"
	      "  -1                        ids alone\n"
	      "  -h, --hostname PATTERN    only these host names\n"
	      "  -N, --name_filter PATTERN only these names\n"
	      "  -d, --description PATTERN only these descriptions\n"
	      "  -L, --list                the fields\n",
		out);
}

/* 0, or the exit status plus one. */
static int take_options(int argc, char **argv, struct options *options)
{
	for (int key; (key = getopt_long(argc, argv, "aSnHtjo:s:1h:N:d:L", long_options, NULL)) >= 0;) {
		switch (key) {
		case 'a': options->all = true; break;
		case 'S': options->stopped = true; break;
		case 'n': options->names = true; break;
		case 'H': options->no_header = true; break;
		case 't': options->untrimmed = true; break;
		case 'j': options->is_json = true; break;
		case 'o': options->output = optarg; break;
		case 's': options->sort = optarg; break;
		case '1': options->only_ids = options->no_header = true; break;
		case 'h': options->host_pattern = optarg; break;
		case 'N': options->name_pattern = optarg; break;
		case 'd': options->description_pattern = optarg; break;
		case 'L': options->lists_fields = true; break;
		default: {
			bool is_asked = strcmp(argv[optind - 1], "--help") == 0;
			print_usage(is_asked ? stdout : stderr);
			return is_asked ? 1 : 2;
		}
		}
	}
	return 0;
}

static int add_named(const struct options *options, const struct seen *seen, char *const *words, struct vl_rows *rows)
{
	int status = 0;
	for (; *words; words++) {
		size_t before = rows->count;
		uint32_t id = vz_find(*words);
		if (id)
			add_vz(options, seen, id, true, rows);
		else if (!strchr(*words, '/'))
			add_lxc(options, seen, *words, true, rows);
		if (rows->count == before)
			status = 1;
	}
	return status;
}

static void list_fields(void)
{
	for (const struct vl_field *field = vl_fields; field->name; field++) {
		printf("%-15s %s\n", field->name, field->header);
		for (const char *part = field->type == VL_UBC ? "mblf" : field->type == VL_DISK ? "sh" : ""; *part; part++)
			printf("%s.%c%*s %s.%c\n", field->name, *part, 13 - (int)strlen(field->name), "", field->header, *part - 32);
	}
}

int vzlist_main(int argc, char **argv)
{
	struct options options = { 0 };
	struct seen seen = { 0 };
	struct vl_columns columns = { 0 };
	struct vl_rows rows = { 0 };
	struct error err = { 0 };
	char line[1024];
	int status = take_options(argc, argv, &options);
	if (status != 0)
		return status - 1;
	if (options.lists_fields) {
		list_fields();
		return 0;
	}
	if (choose_columns(&options, &columns) < 0)
		return 1;
	if (look_around(&seen, &err) < 0) {
		fprintf(stderr, "%s\n", error_render(&err, line, sizeof(line)));
		return 1;
	}
	if (optind < argc)
		status = add_named(&options, &seen, argv + optind, &rows);
	else
		add_all(&options, &seen, &rows);
	if (sort_rows(options.sort, &rows) < 0)
		return 1;
	if (options.is_json)
		vl_print_json(&rows, &columns);
	else if (rows.count > 0)
		vl_print_table(&rows, &columns, !options.no_header, !options.untrimmed);
	if (rows.count == 0 && !options.is_json) {
		fprintf(stderr, "Container(s) not found\n");
		status = 1;
	}
	for (size_t i = 0; i < rows.count; i++)
		clear_row(&rows.items[i]);
	free(rows.items);
	free(columns.items);
	string_list_clear(&seen.running);
	string_list_clear(&seen.mounted);
	vz_conf_clear(&seen.global);
	free(seen.lxc_path);
	return status;
}
