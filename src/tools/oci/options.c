/* Options of wabe, and its help. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tools/oci/wabe.h"

static void *at(const struct value_option *option, struct wabe_options *options)
{
	return (char *)options + option->offset;
}

static const struct value_option *find_long(const struct value_option *table, const char *name, size_t length)
{
	for (; table->name; table++)
		if (strlen(table->name) == length && memcmp(table->name, name, length) == 0)
			return table;
	return NULL;
}

static const struct value_option *find_letter(const struct value_option *table, char letter)
{
	for (; table->name; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

static int usage_fault(struct error *err, const char *what, const char *option)
{
	return error_set_kind(err, ERROR_USAGE, 0, "%s %s", what, option);
}

static int set(const struct value_option *option, const char *value, struct wabe_options *ret, struct error *err)
{
	uint32_t number;

	switch (option->kind) {
	case VALUE_FLAG:
		if (value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			return usage_fault(err, "no value of option", option->name);
		*(bool *)at(option, ret) = !value || strcmp(value, "true") == 0;
		return 0;
	case VALUE_TEXT:
		return text_replace(at(option, ret), value) < 0 ? error_set(err, ENOMEM, "read the options") : 0;
	case VALUE_LIST:
		return string_list_add(at(option, ret), value) < 0 ? error_set(err, ENOMEM, "read the options") : 0;
	case VALUE_NUMBER:
		if (text_to_u32(value, &number) < 0 || number > 65536)
			return usage_fault(err, "no number for option", option->name);
		*(long *)at(option, ret) = (long)number;
		return 0;
	}
	return 0;
}

/* One argument that starts with '-'; *index is moved on over its value. */
static int take_long(const struct value_option *table, char **arguments, int count, int *index, struct wabe_options *ret,
	struct error *err)
{
	const char *name = arguments[*index] + 2;
	size_t length = strcspn(name, "=");
	const struct value_option *option = find_long(table, name, length);
	const char *value = name[length] == '=' ? name + length + 1 : NULL;

	if (!option)
		return usage_fault(err, "unknown option", arguments[*index]);
	if (!value && option->kind != VALUE_FLAG) {
		if (++*index >= count)
			return usage_fault(err, "a value is missing behind", arguments[*index - 1]);
		value = arguments[*index];
	}
	return set(option, value, ret, err);
}

static int take_letters(const struct value_option *table, char **arguments, int count, int *index, struct wabe_options *ret,
	struct error *err)
{
	const char *word = arguments[*index];

	for (const char *letter = word + 1; *letter; letter++) {
		const struct value_option *option = find_letter(table, *letter);
		if (!option)
			return usage_fault(err, "unknown option", word);
		if (option->kind == VALUE_FLAG) {
			int r = set(option, NULL, ret, err);
			if (r < 0)
				return r;
			continue;
		}
		const char *value = letter[1] ? letter + 1 + (letter[1] == '=') : NULL;
		if (!value && ++*index >= count)
			return usage_fault(err, "a value is missing behind", word);
		return set(option, value ? value : arguments[*index], ret, err);
	}
	return 0;
}

int options_parse(const struct value_option *table, bool stops, char **arguments, int count, int *index,
	struct wabe_options *ret, struct error *err)
{
	int kept = *index, first = *index;

	for (int i = *index; i < count; i++) {
		char *word = arguments[i];
		int r;
		if (strcmp(word, "--") == 0) {
			while (++i < count)
				arguments[kept++] = arguments[i];
			break;
		}
		if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
			return 1;
		if (word[0] != '-' || word[1] == '\0') {
			if (stops) {
				while (i < count)
					arguments[kept++] = arguments[i++];
				break;
			}
			arguments[kept++] = word;
			continue;
		}
		r = word[1] == '-' ? take_long(table, arguments, count, &i, ret, err) :
				     take_letters(table, arguments, count, &i, ret, err);
		if (r < 0)
			return r;
	}
	arguments[kept] = NULL;
	*index = kept - first;
	return 0;
}

void options_clear(struct wabe_options *options)
{
	const struct value_option *tables[32] = { global_options };
	int count = 1;

	for (int i = 0; commands[i] && count < 32; i++)
		tables[count++] = commands[i]->options;
	for (int i = 0; i < count; i++)
		for (const struct value_option *option = tables[i]; option && option->name; option++) {
			if (option->kind == VALUE_TEXT)
				(void)text_replace(at(option, options), NULL);
			else if (option->kind == VALUE_LIST)
				string_list_clear(at(option, options));
		}
}

/* ---- help ---- */

static void print_table(const struct value_option *table)
{
	for (; table && table->name; table++) {
		char left[64], letter[8] = "   ";
		if (!table->help)
			continue;
		if (table->letter)
			(void)snprintf(letter, sizeof(letter), "-%c,", table->letter);
		(void)snprintf(left, sizeof(left), "  %s --%s%s%s", letter, table->name, table->value_name ? " " : "",
			table->value_name ? table->value_name : "");
		printf("%-34s %s\n", left, table->help);
	}
}

void help_print_command(const struct command *command)
{
	printf("Usage: wabe [OPTION]... %s %s\n\n%s.\n", command->name, command->usage, command->summary);
	if (command->options && command->options->name)
		printf("\nOptions:\n");
	print_table(command->options);
}

void help_print_wabe(const char *program)
{
	printf("Usage: %s [OPTION]... COMMAND [OPTION]... [ARGUMENT]...\n\n"
	       "Runs containers as the Open Container Initiative describes them: a bundle is a directory with a root file "
	       "system and config.json.\n\nCommands:\n", program);
	for (int i = 0; commands[i]; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	printf("\nOptions:\n");
	print_table(global_options);
	printf("  -h, --help                       Print this help, behind a COMMAND that of the command\n");
}
