/* Any bytes as lines of a fstab, mount options, command lines, numbers, cgroup values, and texts of errors. The first byte
 * chooses. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cgroup/internal.h"
#include "kernel/device_filter.h"
#include "rootfs/rootfs.h"
#include "spec/mount_options.h"
#include "spec/spec.h"

const char *const fuzz_words[] = { "a b none bind,create=dir,optional 0 0\n", "idmap=container", "idmap=/x", ",", "=", " ", "\t", "\"", "'",
	"\\", "\\040", "#", "\n", "rbind", "rslave", "ro", "create=file", "relative", "upperdir=", "64M", "18446744073709551615",
	"\033[2J", "\177", "memory.max", "max", "c 1:3 rwm", "b *:* m", "a", "cpu.shares", "100000 50000", "0-3,5", NULL };

static int nothing_there(void *data, const char *file, char **ret)
{
	(void)data, (void)file, (void)ret;
	return -2;
}

static void cgroup_values(char *text)
{
	char *value = strchr(text, ' ');
	struct translation translation;
	struct translate_source now = { nothing_there, NULL };
	struct device_rule rule;

	if (value) {
		*value++ = '\0';
		(void)translate_to_v2(text, value, &now, &translation);
		(void)translate_to_v1(text, value, &now, &translation);
		(void)device_rule_parse(value, &rule);
	}
}

static void words(const char *text)
{
	struct string_list list = { 0 };
	uint64_t number;
	uint32_t small;
	int32_t sign;

	(void)text_split_command(text, &list);
	string_list_clear(&list);
	(void)text_to_bytes(text, &number);
	(void)text_to_u64(text, &number);
	(void)text_to_u32(text, &small);
	(void)text_to_i32(text, &sign);
}

static void error_text(const char *text)
{
	struct error err = { 0 };
	char buffer[1200], small[16];

	error_set(&err, 2, "read %s", text);
	error_hint(&err, "look at %s", text);
	error_locate(&err, text, 7, text);
	error_render(&err, buffer, sizeof(buffer));
	error_render(&err, small, sizeof(small));
	for (const char *at = buffer; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			abort(); /* a terminal would act on it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	char *text = strndup((const char *)data + 1, size - 1), *idmap = NULL;
	struct spec *spec = spec_new();
	struct spec_mount entry = { 0 };
	struct error err = { 0 };

	switch (data[0] % 6) {
	case 0:
		if (fstab_parse(spec, "fstab", text, strlen(text), &err) < 0 && !*err.what)
			abort(); /* a fault without a reason */
		break;
	case 1:
		(void)mount_line_parse(text, &entry);
		mount_line_clear(&entry);
		break;
	case 2:
		(void)rootfs_options_idmap(text, &idmap);
		free(idmap);
		break;
	case 3:
		words(text);
		break;
	case 4:
		cgroup_values(text);
		break;
	default:
		error_text(text);
		break;
	}
	spec_free(spec);
	free(text);
	return 0;
}
