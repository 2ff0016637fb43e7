#include "spec/spec.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "spec/fields.h"

#include <stdarg.h>
#include <string.h>

struct spec *spec_new(void)
{
	struct spec *spec = calloc(1, sizeof(*spec));
	if (!spec)
		return NULL;
	spec->process.personality = UINT32_MAX;
	spec->oci.umask = UINT32_MAX;
	if (string_list_add(&spec->sources, "") < 0) {
		free(spec);
		return NULL;
	}
	return spec;
}

void spec_free(struct spec *spec)
{
	if (!spec)
		return;
	fields_clear(spec_fields, spec);
	free(spec);
}

struct spec *spec_copy(const struct spec *spec)
{
	struct spec *copy = calloc(1, sizeof(*copy));
	if (copy && fields_copy(spec_fields, copy, spec) < 0) {
		spec_free(copy);
		return NULL;
	}
	return copy;
}

bool spec_equal(const struct spec *a, const struct spec *b)
{
	return fields_equal(spec_fields, a, b);
}

uint32_t spec_source(struct spec *spec, const char *text)
{
	if (!text)
		return 0;
	/* most often the one used last: keys and files come in runs */
	for (size_t i = spec->sources.count; i-- > 0;)
		if (strcmp(spec->sources.items[i], text) == 0)
			return (uint32_t)i;
	return string_list_add(&spec->sources, text) < 0 ? 0 : (uint32_t)(spec->sources.count - 1);
}

static const char *source_text(const struct spec *spec, uint32_t number)
{
	return number > 0 && number < spec->sources.count ? spec->sources.items[number] : NULL;
}

int spec_error(struct error *err, int errnum, const struct spec *spec, const struct origin *origin, const char *fmt,
	...)
{
	char what[sizeof(err->what)];
	va_list arguments;
	va_start(arguments, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, arguments);
	va_end(arguments);
	int r = error_set(err, errnum, "%s", what);
	if (origin)
		error_locate(err, source_text(spec, origin->source), origin->line, source_text(spec, origin->key));
	return r;
}

bool spec_link_is_router(const struct spec_link *link)
{
	return link->type == LINK_VETH && link->veth_mode && strcmp(link->veth_mode, "router") == 0;
}

bool spec_link_has_host_side(const struct spec_link *link)
{
	return link->type == LINK_VETH || link->type == LINK_VENET;
}

static void clear_field(struct spec *spec, const char *name)
{
	for (const struct field *field = spec_fields; field->name; field++) {
		if (strcmp(field->name, name) == 0) {
			const struct field row[2] = { *field };
			fields_clear(row, spec);
		}
	}
}

void spec_clear_mounts(struct spec *spec)
{
	clear_field(spec, "mounts.entries");
}

void spec_clear_links(struct spec *spec)
{
	clear_field(spec, "network.links");
}
