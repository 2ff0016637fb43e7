/*
 * Any bytes as a configuration file: loading, reading back, saving and updating must neither crash nor leak, and
 * what was saved must load again to the same spec.
 * fuzz-weight: 2
 * fuzz-seed: templates/config/*.conf
 */
#include "dialect/lxc/config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

const char *const fuzz_words[] = { "lxc.", "=", "\n", "\r", "\"", "'", "net.0.", "network.", ".", "4294967296", "-1", " ",
	"\\040", "x", "type", "cgroup2.", "a:b", "10.0.0.1/24", "\n\nlxc.net.4294967295.type=veth\n", "lxc.idmap = u 0 1 1\n",
	"lxc.mount.entry = a b c d 0 0\n", "lxc.seccomp.notify.proxy = unix:/x\n", NULL };

/* An lxc.include or a log could reach files of the machine: such inputs are not tried. */
static bool is_harmless(const char *text, size_t size)
{
	return !memmem(text, size, "include", 7);
}

static struct lxc_config *load(const void *data, size_t size, int *ret)
{
	char path[64];
	struct error err = { 0 };
	struct lxc_config *config = lxc_config_new("box", "/var/lib/lxc");
	int fd = memfd_create("config", MFD_CLOEXEC);
	if (!config || fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	*ret = lxc_config_load(config, path, &err);
	if (*ret < 0 && !*err.what)
		abort(); /* a fault without a reason */
	close(fd);
	return config;
}

static char *read_all(struct lxc_config *config)
{
	char *all = NULL, *value;
	size_t size;
	const char *key;
	FILE *out = open_memstream(&all, &size);
	if (!out)
		abort();
	for (size_t i = 0; (key = lxc_config_known_key(i)); i++) {
		if (lxc_config_get(config, key, &value) < 0)
			abort();
		fprintf(out, "%s=%s\n", key, value);
		free(value);
	}
	if (fclose(out) != 0)
		abort();
	return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	char *text, *updated;
	int r, again;
	if (!is_harmless((const char *)data, size))
		return 0;
	struct lxc_config *config = load(data, size, &r);
	if (lxc_config_text(config, &text) < 0)
		abort();
	if (lxc_config_update_text(text, "config", &updated, &err) == 0)
		free(updated);
	if (r == 0) {
		struct lxc_config *copy = load(text, strlen(text), &again);
		char *first = read_all(config), *second = read_all(copy);
		if (again < 0 || strcmp(first, second) != 0)
			abort();
		free(first);
		free(second);
		lxc_config_free(copy);
		for (size_t i = 0; lxc_config_known_key(i); i++)
			if (lxc_config_clear(config, lxc_config_known_key(i), &err) < 0)
				abort();
	}
	free(text);
	lxc_config_free(config);
	return 0;
}
