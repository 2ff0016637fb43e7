/* linux.intelRdt: which part of the processor's cache and memory bandwidth the container gets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "dialect/oci/internal.h"

static int check_clos(const struct json_at *at, const char *clos)
{
	if (!clos || strcmp(clos, "/") == 0)
		return 0;
	if (!*clos || strcmp(clos, ".") == 0 || strcmp(clos, "..") == 0 || strpbrk(clos, "/\n"))
		return json_fault(at, "closID %s is no name of a group", clos);
	return 0;
}

/* The lines of text, but for those of memory bandwidth where these have a text of their own. */
static int add_lines(const struct json_at *at, const char *text, bool is_without_bandwidth, struct string_list *ret)
{
	struct string_list lines = { 0 };
	int r = text ? text_split(text, "\n", &lines) : 0;

	vector_for_each (line, &lines) {
		const char *name = *line + strspn(*line, " ");
		if (is_without_bandwidth && text_starts(name, "MB:"))
			continue;
		if (r == 0 && !strchr(name, ':'))
			r = json_fault(at, "%s is no line of schemata as L3:0=ff;1=f", name);
		else if (r == 0 && string_list_add(ret, name) < 0)
			r = json_no_memory(at);
	}
	string_list_clear(&lines);
	return r;
}

int oci_read_intel_rdt(const struct json_at *linux_part, struct spec *spec)
{
	auto_free char *cache = NULL, *bandwidth = NULL;
	struct spec_oci *oci = &spec->oci;
	struct json_at at;
	int r = json_member(linux_part, "intelRdt", JSON_OBJECT, &at);

	if (r <= 0 || at.value->count == 0)
		return r < 0 ? r : 0;
	oci->has_rdt = true;
	oci->rdt_origin = json_origin(&at);
	r = json_take_text(&at, "closID", &oci->rdt_clos);
	r = r < 0 ? r : check_clos(&at, oci->rdt_clos);
	r = r < 0 ? r : json_take_texts(&at, "schemata", &oci->rdt_schemata);
	r = r < 0 ? r : json_take_text(&at, "l3CacheSchema", &cache);
	r = r < 0 ? r : json_take_text(&at, "memBwSchema", &bandwidth);
	r = r < 0 ? r : json_take_bool(&at, "enableMonitoring", &oci->rdt_monitoring);
	if (r >= 0 && bandwidth && *bandwidth && !text_starts(bandwidth, "MB:"))
		return json_fault(&at, "memBwSchema %s does not begin with MB:", bandwidth);
	r = r < 0 ? r : add_lines(&at, cache, bandwidth && *bandwidth, &oci->rdt_schemata);
	r = r < 0 ? r : add_lines(&at, bandwidth, false, &oci->rdt_schemata);
	return r < 0 ? r : 0;
}
