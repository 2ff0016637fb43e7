/* Rows of text in columns as wide as their widest cell. */
#include "tools/tool.h"

#include <stdlib.h>
#include <string.h>

struct table {
	size_t columns, rows, allocated_rows;
	size_t *widths;
	char **cells; /* row by row, the first row is the heading */
};

/* Characters, not bytes: bytes that go on a UTF-8 sequence take no room. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

struct table *table_new(const char *const *headings, size_t columns)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->columns = columns;
	table->widths = calloc(columns ? columns : 1, sizeof(*table->widths));
	if (!table->widths) {
		table_free(table);
		return NULL;
	}
	table_row(table, headings);
	return table;
}

static bool grow(struct table *table)
{
	size_t rows = table->allocated_rows ? 2 * table->allocated_rows : 16;
	char **cells;

	if (table->rows < table->allocated_rows)
		return true;
	cells = reallocarray(table->cells, rows * table->columns, sizeof(*cells));
	if (!cells)
		return false;
	table->cells = cells;
	table->allocated_rows = rows;
	return true;
}

void table_row(struct table *table, const char *const *cells)
{
	if (!table || !table->columns || !grow(table))
		return;
	for (size_t i = 0; i < table->columns; i++) {
		const char *text = cells[i] && *cells[i] ? cells[i] : "-";
		size_t width = text_width(text);

		table->cells[table->rows * table->columns + i] = strdup(text);
		if (table->rows && width > table->widths[i])
			table->widths[i] = width;
	}
	table->rows++;
}

void table_print(struct table *table, FILE *out, bool with_heading)
{
	if (!table)
		return;
	for (size_t row = with_heading ? 0 : 1; row < table->rows; row++) {
		for (size_t i = 0; i < table->columns; i++) {
			const char *text = table->cells[row * table->columns + i];
			size_t heading = with_heading ? text_width(table->cells[i] ? table->cells[i] : "") : 0;
			size_t width = table->widths[i] > heading ? table->widths[i] : heading;
			size_t used = text ? text_width(text) : 0;

			/* A blank behind each cell, at the end of the line too: scripts cut by columns. */
			fprintf(out, "%s%*s", text ? text : "", (int)(width - used + 1), "");
		}
		fputc('\n', out);
	}
}

void table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->rows * table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table->widths);
	free(table);
}
