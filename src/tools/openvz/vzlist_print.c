/* vzlist's table and its JSON. */
#include "tools/openvz/vzlist.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/json.h"

#include <inttypes.h>
#include <string.h>

static char *number_text(uint64_t number)
{
	char *text = NULL;
	return text_format(&text, "%" PRIu64, number) < 0 ? NULL : text;
}

static char *ubc_cell(struct vl_row *row, const struct vl_column *column)
{
	static const char parts[] = "hmblf";
	uint64_t values[5];
	char part = column->part ?: 'h';
	bool is_live = part == 'h' || part == 'm' || part == 'f';
	if (!vl_ubc(row, column->field, values) || (is_live && row->status != VL_RUNNING))
		return strdup("-");
	return number_text(values[strchr(parts, part) - parts]);
}

static char *disk_cell(struct vl_row *row, const struct vl_column *column)
{
	uint64_t values[3];
	if (!vl_disk(row, column->field, values) || (!column->part && row->status != VL_RUNNING))
		return strdup("-");
	return number_text(values[column->part == 's' ? 1 : column->part == 'h' ? 2 : 0]);
}

static char *value_of(struct vl_row *row, const struct vl_field *field)
{
	if (field->get)
		return field->get(row, field);
	const char *value = row->is_lxc ? NULL : vz_ct_get(&row->ct, field->key);
	return value ? strdup(value) : NULL;
}

/* Seconds as DDDdHHh:MMm:SSs. */
static char *uptime_text(const char *seconds)
{
	unsigned long all = strtoul(seconds, NULL, 10);
	char *text = NULL;
	return text_format(&text, "%03lud%02luh:%02lum:%02lus", all / 86400, all / 3600 % 24, all / 60 % 60, all % 60) < 0 ? NULL : text;
}

char *vl_cell(struct vl_row *row, const struct vl_column *column)
{
	if (column->field->type == VL_UBC)
		return ubc_cell(row, column);
	if (column->field->type == VL_DISK)
		return disk_cell(row, column);
	auto_free char *value = value_of(row, column->field);
	if (!value || !*value)
		return strdup("-");
	if (strcmp(column->field->name, "uptime") == 0)
		return uptime_text(value);
	return take_ptr(value);
}

/* ---- table ---- */

static void print_cell(const struct vl_field *field, const char *text, bool is_last, bool is_trimmed, char *line, size_t size)
{
	int width = field->width;
	int most = width < 0 ? -width : width;
	bool is_cut = is_trimmed && !is_last;
	size_t used = strlen(line);
	if (field->type == VL_LIST && is_cut) /* only the first address has room */
		most = (int)strcspn(text, " ") < most ? (int)strcspn(text, " ") : most;
	(void)snprintf(line + used, size - used, "%*.*s%s", width, is_cut && width < 0 ? most : 100000, text, is_last ? "" : " ");
}

static void print_line(char *line)
{
	size_t length = strlen(line);
	while (length > 0 && line[length - 1] == ' ')
		line[--length] = '\0';
	for (char *at = line; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = '?'; /* an order for the terminal otherwise */
	puts(line);
}

static void print_header(const struct vl_columns *columns)
{
	char line[4096] = "";
	for (size_t i = 0; i < columns->count; i++) {
		const struct vl_column *column = &columns->items[i];
		char name[32], part[3] = { '.', (char)(column->part - 32), '\0' };
		(void)snprintf(name, sizeof(name), "%s%s", column->field->header, column->part ? part : "");
		print_cell(column->field, name, i + 1 == columns->count, false, line, sizeof(line));
	}
	print_line(line);
}

void vl_print_table(struct vl_rows *rows, const struct vl_columns *columns, bool has_header, bool is_trimmed)
{
	if (has_header)
		print_header(columns);
	for (size_t r = 0; r < rows->count; r++) {
		char line[16384] = "";
		for (size_t i = 0; i < columns->count; i++) {
			auto_free char *text = vl_cell(&rows->items[r], &columns->items[i]);
			print_cell(columns->items[i].field, text ?: "-", i + 1 == columns->count, is_trimmed, line, sizeof(line));
		}
		print_line(line);
	}
}

/* ---- JSON ---- */

static void print_list(struct json *json, const char *name, const char *value)
{
	struct string_list words = { 0 };
	(void)text_split(value ?: "", " \t,", &words);
	json_array(json, name);
	for (size_t i = 0; i < words.count; i++)
		json_text(json, NULL, words.items[i]);
	json_end(json);
	string_list_clear(&words);
}

/* "nfs:on bridge:off" as an object. */
static void print_switches(struct json *json, const char *name, const char *value)
{
	struct string_list words = { 0 };
	(void)text_split(value ?: "", " \t,", &words);
	json_object(json, name);
	for (size_t i = 0; i < words.count; i++) {
		char *colon = strchr(words.items[i], ':');
		if (!colon)
			continue;
		*colon = '\0';
		json_bool(json, words.items[i], strcmp(colon + 1, "on") == 0);
	}
	json_end(json);
	string_list_clear(&words);
}

static void print_parts(struct json *json, struct vl_row *row, const struct vl_field *field)
{
	static const char *const ubc[] = { "held", "maxheld", "barrier", "limit", "failcnt" };
	static const char *const disk[] = { "usage", "softlimit", "hardlimit" };
	uint64_t values[5];
	bool is_ubc = field->type == VL_UBC;
	if (is_ubc ? !vl_ubc(row, field, values) : !vl_disk(row, field, values)) {
		json_text(json, field->name, NULL);
		return;
	}
	json_object(json, field->name);
	for (int i = 0; i < (is_ubc ? 5 : 3); i++)
		json_unsigned(json, is_ubc ? ubc[i] : disk[i], values[i]);
	json_end(json);
}

static bool is_number(const char *text)
{
	char *end;
	if (!text || text[strspn(text, "0123456789.")] != '\0')
		return false;
	(void)strtod(text, &end);
	return end != text && *end == '\0';
}

static void print_number(struct json *json, const struct vl_field *field, const char *value)
{
	static const char *const zero[] = { "cpus", "iolimit", "iopslimit" };
	if (is_number(value)) {
		json_raw(json, field->name, value);
		return;
	}
	for (size_t i = 0; !value && i < sizeof(zero) / sizeof(*zero); i++)
		if (strcmp(field->name, zero[i]) == 0) {
			json_number(json, field->name, 0);
			return;
		}
	json_text(json, field->name, value); /* the name of an LXC container */
}

static void print_field(struct json *json, struct vl_row *row, const struct vl_field *field)
{
	if (field->type == VL_UBC || field->type == VL_DISK) {
		print_parts(json, row, field);
		return;
	}
	auto_free char *value = value_of(row, field);
	if (field->type == VL_NUMBER)
		print_number(json, field, value);
	else if (field->type == VL_LIST)
		print_list(json, field->name, value);
	else if (field->type == VL_RAW)
		json_raw(json, field->name, value);
	else if (field->type == VL_BOOL && value)
		json_bool(json, field->name, strcmp(value, "yes") == 0);
	else if (strcmp(field->name, "features") == 0 || strcmp(field->name, "capability") == 0)
		print_switches(json, field->name, value);
	else
		json_text(json, field->name, value);
}

void vl_print_json(struct vl_rows *rows, const struct vl_columns *columns)
{
	struct json json;
	if (rows->count == 0) {
		puts("[\n]");
		return;
	}
	json_start(&json, stdout);
	json_array(&json, NULL);
	for (size_t r = 0; r < rows->count; r++) {
		json_object(&json, NULL);
		for (size_t i = 0; i < columns->count; i++)
			print_field(&json, &rows->items[r], columns->items[i].field);
		json_end(&json);
	}
	json_end(&json);
}
