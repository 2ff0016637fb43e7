/*
 * Any bytes as config.json, as a process and as resources: a spec that survives its flat form, or one fault with a text.
 * fuzz-link: -lm
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "dialect/oci/oci.h"

const char *const fuzz_words[] = { "{", "}", "[", "]", ",", ":", "\"", "null", "true", "-1", "18446744073709551615", "1e3",
	"\"ociVersion\":\"1.0.2\"", "\"root\":{\"path\":\"r\"}", "\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]}", "\"linux\":{",
	"\"resources\":{", "\"mounts\":[{\"destination\":\"/a\",", "\"options\":[\"rbind\",\"rro\"]", "\"type\":\"tmpfs\"",
	"\"namespaces\":[{\"type\":\"user\"}]", "\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]",
	"\"memory\":{\"limit\":1,\"swap\":2}", "\"cpu\":{\"shares\":2}", "\"unified\":{\"a.b\":\"c\"}", "\"devices\":[", "\"hooks\":{",
	"\"sysctl\":{\"net.x\":\"1\"}", "\"seccomp\":{}", "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":1}]", "\\u0000", "..",
	NULL };

static void check(int r, const struct spec *spec, const struct error *err)
{
	struct error ignored;
	struct spec *copy = NULL;
	char *text = NULL;
	size_t length;

	if (r < 0) {
		if (!*err->what)
			abort(); /* a fault without a text */
		return;
	}
	if (spec_to_flat(spec, &text, &length) < 0 || spec_parse_flat(text, length, &copy, &ignored) < 0 || !spec_equal(spec, copy))
		abort(); /* the flat form lost something */
	free(text);
	spec_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	for (int kind = 0; kind < 3; kind++) {
		struct error err = { 0 };
		struct spec *spec = spec_new();
		int r = kind == 0 ? oci_parse_config(spec, "config.json", "/b", text, size, &err) :
			kind == 1 ? oci_parse_process(spec, "p.json", text, size, &err) :
				    oci_parse_resources(spec, "r.json", text, size, &err);
		check(r, spec, &err);
		spec_free(spec);
	}
	free(text);
	return 0;
}
