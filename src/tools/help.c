/* --help, --usage, the man page and the completion words, all from the tables that the parser uses. */
#include "tools/tool.h"

#include <ctype.h>
#include <string.h>

typedef void row_printer(const struct tool_option *option, FILE *out);

static void print_rows(const struct tool_option *rows, const struct tool *without, row_printer *print, FILE *out)
{
	for (const struct tool_option *o = rows; o && (o->key || o->long_name); o++)
		if (o->help && (!without || !tool_overrides(without, o)))
			print(o, out);
}

static bool has_letter(const struct tool_option *o)
{
	return o->key > 0 && o->key < 256;
}

static size_t format_names(const struct tool_option *o, char *text, size_t size)
{
	const char *value = o->value_name ? o->value_name : "VALUE";
	const char *before = o->argument == ARGUMENT_OPTIONAL ? "[=" : o->argument ? "=" : "";
	const char *behind = o->argument == ARGUMENT_OPTIONAL ? "]" : "";
	int length;

	if (!o->argument)
		value = "";
	if (has_letter(o) && o->long_name)
		length = snprintf(text, size, "-%c, --%s%s%s%s", o->key, o->long_name, before, value, behind);
	else if (o->long_name)
		length = snprintf(text, size, "    --%s%s%s%s", o->long_name, before, value, behind);
	else
		length = snprintf(text, size, "-%c%s%s", o->key, *value ? " " : "", value);
	return length < 0 ? 0 : (size_t)length;
}

static void print_help_row(const struct tool_option *o, FILE *out)
{
	char names[128];

	if (format_names(o, names, sizeof(names)) > 26)
		fprintf(out, "  %s\n  %-26s  %s\n", names, "", o->help);
	else
		fprintf(out, "  %-26s  %s\n", names, o->help);
}

void help_print_usage(const struct tool *tool, FILE *out)
{
	fprintf(out, "Usage: %s %s\n", tool->name, tool->usage ? tool->usage : "-n NAME [OPTION]...");
}

void help_print(const struct tool *tool, FILE *out)
{
	help_print_usage(tool, out);
	fprintf(out, "\n%s\n\nOptions:\n", tool->summary);
	print_rows(tool->options, NULL, print_help_row, out);
	fprintf(out, "\nCommon options:\n");
	print_rows(tool_common_options, tool, print_help_row, out);
	if (!tool->no_name)
		fprintf(out, "\nThe name may be given as the first argument instead of by -n.\n");
}

/* Text for troff: backslashes and hyphens as they are, no line that starts a request. */
static void print_man_text(const char *text, FILE *out)
{
	bool at_start = true;

	for (; text && *text; text++) {
		if (at_start && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (*text == '\n' && text[1] == '\n')
			fputs("\n.PP", out);
		else
			fputc(*text, out);
		at_start = *text == '\n';
	}
}

static void print_man_row(const struct tool_option *o, FILE *out)
{
	char names[128];

	format_names(o, names, sizeof(names));
	fputs(".TP\n\\fB", out);
	print_man_text(names + strspn(names, " "), out);
	fputs("\\fR\n", out);
	print_man_text(o->help, out);
	fputs(".\n", out);
}

void help_print_man(const struct tool *tool, FILE *out)
{
	fputs(".TH ", out);
	for (const char *letter = tool->name; *letter; letter++)
		fputc(toupper((unsigned char)*letter), out);
	fputs(" 1\n.SH NAME\n", out);
	print_man_text(tool->name, out);
	fputs(" \\- ", out);
	print_man_text(tool->summary, out);
	fputs("\n.SH SYNOPSIS\n.B ", out);
	print_man_text(tool->name, out);
	fputs("\n", out);
	print_man_text(tool->usage ? tool->usage : "-n NAME [OPTION]...", out);
	if (tool->description) {
		fputs("\n.SH DESCRIPTION\n", out);
		print_man_text(tool->description, out);
	}
	fputs("\n.SH OPTIONS\n", out);
	print_rows(tool->options, NULL, print_man_row, out);
	fputs(".SH COMMON OPTIONS\n", out);
	print_rows(tool_common_options, tool, print_man_row, out);
	fputs(".SH SEE ALSO\n.BR lxc (7),\n.BR lxc.container.conf (5)\n", out);
}

static void print_completion_row(const struct tool_option *o, FILE *out)
{
	if (has_letter(o))
		fprintf(out, "-%c\n", o->key);
	if (o->long_name)
		fprintf(out, "--%s%s\n", o->long_name, o->argument == ARGUMENT_REQUIRED ? "=" : "");
}

void help_print_completion(const struct tool *tool, FILE *out)
{
	print_rows(tool->options, NULL, print_completion_row, out);
	print_rows(tool_common_options, tool, print_completion_row, out);
}
