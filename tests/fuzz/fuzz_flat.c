/* Any bytes as the flat form of a spec: what is taken is checked, written and read again to the same. */
#include "fuzz.h"

#include <stdlib.h>

#include "base/error.h"
#include "spec/spec.h"

const char *const fuzz_words[] = { " ", "\n", "\\n", "\\\\", ".", "[0]", "[1]", "[4294967295]", "[18446744073709551615]", "mounts",
	"entries", "target /srv", "idmaps[0].inside 0", "network.links[0].type", "rootfs.path", "security.", "0", "1", "-1", "x", NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	struct spec *spec = NULL, *again = NULL;
	char *text, *copy = malloc(size + 1);
	size_t length;

	for (size_t i = 0; i < size; i++)
		copy[i] = (char)data[i];
	copy[size] = '\0';
	int r = spec_parse_flat(copy, size, &spec, &err);
	if (r < 0 && !*err.what)
		abort(); /* a fault without a reason */
	if (r == 0) {
		if (spec_to_flat(spec, &text, &length) < 0 || spec_parse_flat(text, length, &again, &err) < 0)
			abort(); /* what was read cannot be written */
		if (!spec_equal(spec, again))
			abort(); /* it is another one now */
		(void)spec_validate(spec, &err);
		spec_free(again);
		free(text);
	}
	spec_free(spec);
	free(copy);
	return 0;
}
